#include "addon/tracer.h"

#include <memory>

#include "addon/batch.h"
#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/summary.h"
#include "addon/traced_file.h"
#include "addon/wake_up.h"
#include "session/session.h"
#include "system/clock.h"

namespace blkscope {
namespace {

SourceKind sourceKind(const Argument& argument) {
  std::string kind = argument.string();
  if (kind == "auto") return SourceKind::automatic;
  if (kind == "relay") return SourceKind::relay;
  if (kind == "ftrace") return SourceKind::ftrace;
  argument.refuse("'auto', 'relay' or 'ftrace'");
}

ActionChoice actionChoice(const Argument& argument) {
  std::string choice = argument.string();
  if (choice == "needed") return ActionChoice::needed;
  if (choice == "all") return ActionChoice::all;
  argument.refuse("'needed' or 'all'");
}

RingAccess ringAccess(const Argument& argument) {
  std::string access = argument.string();
  if (access == "pages") return RingAccess::pages;
  if (access == "mapped") return RingAccess::mapped;
  argument.refuse("'pages' or 'mapped'");
}

Capture::OnFull onFull(const Argument& argument) {
  std::string choice = argument.string();
  if (choice == "drop") return Capture::OnFull::drop;
  if (choice == "stop") return Capture::OnFull::stop;
  argument.refuse("'drop' or 'stop'");
}

SessionOptions sessionOptions(const Argument& options) {
  SessionOptions session;
  session.kind = sourceKind(options["source"]);
  session.source.devices = options["devices"].strings();
  if (session.source.devices.empty()) options["devices"].refuse("at least one device name");
  session.source.actions = actionChoice(options["actions"]);
  session.source.ring = ringAccess(options["ring"]);
  session.source.bufferBytes = options["bufferBytes"].integerOr(0);
  session.source.bufferCount = options["bufferCount"].integerOr(0);
  session.source.firstSector = options["firstSector"].bigint();
  session.source.lastSector = options["lastSector"].bigint();
  session.source.pid = static_cast<uint32_t>(options["pid"].integer(UINT32_MAX));
  session.files = tracedFiles(options["files"]);
  session.spool = {options["spoolBytes"].integer(), options["spoolDirectory"].string(),
                   options["spoolFileBytes"].integer()};
  session.onFull = onFull(options["onFull"]);
  session.deliver = options["deliver"].boolean();
  session.journalDirectory = options["journalDirectory"].string();
  return session;
}

class TracerBinding : public Napi::ObjectWrap<TracerBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Tracer",
                       {
                           InstanceMethod<&TracerBinding::start>("start"),
                           InstanceMethod<&TracerBinding::stop>("stop"),
                           InstanceMethod<&TracerBinding::takeBatch>("takeBatch"),
                           InstanceMethod<&TracerBinding::counters>("counters"),
                           InstanceMethod<&TracerBinding::takeReads>("takeReads"),
                           InstanceMethod<&TracerBinding::summary>("summary"),
                           InstanceMethod<&TracerBinding::close>("close"),
                       });
  }

  explicit TracerBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TracerBinding>(info) {
    SessionOptions options = sessionOptions(Argument::at(info, 0, "options"));
    Napi::Function callback = Argument::at(info, 1, "onReady").function();
    ready_ = WakeUp(callback, "blkscope tracer");
    // The analysis thread calls this: a wake-up is queued for JavaScript, nothing more.
    auto notify = [this] { ready_(); };
    session_ = std::make_unique<Session>(std::move(options), notify);
  }
  ~TracerBinding() override { closeSession(); }

 private:
  Session& session(Napi::Env env) {
    if (!session_) throwError(env, {"CLOSED", "the tracer is closed"});
    return *session_;
  }

  void closeSession() {
    if (!session_) return;
    session_.reset();
    ready_.release();
  }

  Napi::Value start(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    valueOrThrow(env, session(env).start());
    const SourceInfo& source = session_->info();
    auto object = Napi::Object::New(env);
    object["source"] = Napi::String::New(env, source.kind);
    object["protocol"] = jsNumber(env, static_cast<uint64_t>(source.protocol));
    object["reason"] = Napi::String::New(env, source.reason);
    object["cpus"] = jsNumber(env, source.cpus);
    object["bufferBytes"] = jsNumber(env, source.bufferBytes);
    object["bufferCount"] = jsNumber(env, source.bufferCount);
    object["layered"] = jsColumn<Napi::Uint32Array>(env, session_->layered());
    return object;
  }

  Napi::Value stop(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), session(info.Env()).stop());
    return info.Env().Undefined();
  }

  Napi::Value takeBatch(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto batch = session(env).take(ended_);
    if (batch) return jsBatch(env, *batch);
    if (ended_) return Napi::String::New(env, "ended");
    return env.Null();
  }

  Napi::Value counters(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    SessionCounters counters = session(env).counters();
    auto object = Napi::Object::New(env);
    object["events"] = jsNumber(env, counters.events);
    object["dropped"] = jsNumber(env, counters.dropped);
    object["readBytes"] = jsNumber(env, counters.readBytes);
    object["writeBytes"] = jsNumber(env, counters.writeBytes);
    object["spoolBytes"] = jsNumber(env, counters.spoolBytes);
    object["spoolPeakBytes"] = jsNumber(env, counters.spoolPeakBytes);
    return object;
  }

  Napi::Value takeReads(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    uint64_t missed = 0;
    auto reads = session(env).takeReads(missed);
    auto object = Napi::Object::New(env);
    object["time"] = jsColumn<Napi::BigUint64Array>(env, reads, &TappedRead::time);
    object["sector"] = jsColumn<Napi::BigUint64Array>(env, reads, &TappedRead::sector);
    object["sectors"] = jsColumn<Napi::Uint32Array>(env, reads, &TappedRead::sectors);
    object["device"] = jsColumn<Napi::Uint32Array>(env, reads, &TappedRead::device);
    object["missed"] = jsNumber(env, missed);
    return object;
  }

  Napi::Value summary(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!session_ || !ended_) {
      throwError(env, {"NOT_ENDED", "the summary is ready when takeBatch has returned 'ended'"});
    }
    return jsSummary(env, {session_->analysis(), session_->integrity(), session_->notes(), session_->cost(),
                           session_->startedNs(), session_->stoppedNs()});
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    closeSession();
    return info.Env().Undefined();
  }

  WakeUp ready_;
  std::unique_ptr<Session> session_;
  bool ended_ = false;
};

}  // namespace

void registerTracer(Napi::Env env, Napi::Object exports) {
  static constexpr const char* kActionNames[] = {
      "queue", "getrq", "insert",      "issue",  "complete", "backMerge",  "frontMerge", "split",  "remap", "requeue",
      "plug",  "unplug", "unplugTimer", "bounce", "sleepRq",  "driverData", "abort",      "notify", "other"};
  static_assert(std::size(kActionNames) == kActions);
  static constexpr const char* kDirectionNames[] = {"none", "read", "write", "discard", "flush"};
  static_assert(std::size(kDirectionNames) == kDirections);

  auto names = Napi::Array::New(env, kActions);
  auto letters = Napi::Array::New(env, kActions);
  for (uint32_t i = 0; i < kActions; ++i) {
    names[i] = Napi::String::New(env, kActionNames[i]);
    letters[i] = Napi::String::New(env, std::string(1, kActionLetters[i]));
  }
  auto directions = Napi::Array::New(env, kDirections);
  for (uint32_t i = 0; i < kDirections; ++i) directions[i] = Napi::String::New(env, kDirectionNames[i]);
  exports["actionNames"] = names;
  exports["actionLetters"] = letters;
  exports["directionNames"] = directions;
  exports["Tracer"] = TracerBinding::define(env);
  exports["monotonicNow"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) -> Napi::Value { return jsBigint(info.Env(), monotonicNs()); },
      "monotonicNow");
}

}  // namespace blkscope

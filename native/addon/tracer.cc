#include "addon/tracer.h"

#include <sys/resource.h>

#include <memory>

#include "addon/convert.h"
#include "capture/session.h"
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

std::span<const uint64_t> bigColumn(const Argument& argument) {
  if (!argument.value().IsTypedArray() ||
      argument.value().As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array) {
    argument.refuse("a BigUint64Array");
  }
  auto array = argument.value().As<Napi::BigUint64Array>();
  return {array.Data(), array.ElementLength()};
}

TracedFile tracedFile(const Argument& argument) {
  TracedFile file;
  file.bytes = argument["bytes"].integer();
  auto offsets = bigColumn(argument["fileOffsets"]);
  auto sectors = bigColumn(argument["sectors"]);
  auto counts = bigColumn(argument["sectorCounts"]);
  if (offsets.size() != sectors.size() || offsets.size() != counts.size()) {
    argument.refuse("extents whose three columns have one length");
  }
  for (size_t i = 0; i < offsets.size(); ++i) file.extents.push_back({offsets[i], sectors[i], counts[i]});
  return file;
}

SessionOptions sessionOptions(const Argument& options) {
  SessionOptions session;
  session.kind = sourceKind(options["source"]);
  session.source.devices = options["devices"].strings();
  if (session.source.devices.empty()) options["devices"].refuse("at least one device name");
  session.source.actions = actionChoice(options["actions"]);
  session.source.bufferBytes = options["bufferBytes"].integerOr(0);
  session.source.bufferCount = options["bufferCount"].integerOr(0);
  for (const Argument& file : options["files"].elements()) session.files.push_back(tracedFile(file));
  session.spoolBytes = options["spoolBytes"].integer();
  session.deliver = options["deliver"].boolean();
  session.journalDirectory = options["journalDirectory"].string();
  return session;
}

Napi::Object jsTransfer(Napi::Env env, const Transfer& transfer, uint64_t uniqueSectors) {
  auto object = Napi::Object::New(env);
  object["count"] = jsNumber(env, transfer.count);
  object["bytes"] = jsNumber(env, transfer.bytes);
  object["errors"] = jsNumber(env, transfer.errors);
  object["uniqueSectors"] = jsBigint(env, uniqueSectors);
  return object;
}

Napi::Object jsGaps(Napi::Env env, const Gaps& gaps) {
  auto object = Napi::Object::New(env);
  object["sequential"] = jsNumber(env, gaps.sequential);
  object["small"] = jsNumber(env, gaps.small);
  object["medium"] = jsNumber(env, gaps.medium);
  object["large"] = jsNumber(env, gaps.large);
  object["backward"] = jsNumber(env, gaps.backward);
  return object;
}

Napi::Object jsSizes(Napi::Env env, const Sizes& sizes) {
  auto object = Napi::Object::New(env);
  for (auto [bytes, count] : sizes.counts()) object.Set(std::to_string(bytes), jsNumber(env, count));
  return object;
}

Napi::Object jsActions(Napi::Env env, const Analysis& analysis) {
  auto object = Napi::Object::New(env);
  for (size_t i = 0; i < analysis.actions().size(); ++i) {
    uint64_t count = analysis.actions()[i];
    if (count) object.Set(std::string(1, kActionLetters[i]), jsNumber(env, count));
  }
  return object;
}

Napi::Object jsTimeline(Napi::Env env, const Timeline& timeline) {
  auto object = Napi::Object::New(env);
  const auto& buckets = timeline.buckets();
  auto column = [&](uint64_t Timeline::Bucket::*field) {
    auto array = Napi::Float64Array::New(env, buckets.size());
    for (size_t i = 0; i < buckets.size(); ++i) array[i] = static_cast<double>(buckets[i].*field);
    return array;
  };
  object["bucketNs"] = jsNumber(env, Timeline::kBucketNs);
  object["startNs"] = jsBigint(env, timeline.startNs());
  object["readBytes"] = column(&Timeline::Bucket::readBytes);
  object["readOps"] = column(&Timeline::Bucket::readOps);
  object["writeBytes"] = column(&Timeline::Bucket::writeBytes);
  object["writeOps"] = column(&Timeline::Bucket::writeOps);
  return object;
}

Napi::Array jsFiles(Napi::Env env, const std::vector<FileReads>& files) {
  auto array = Napi::Array::New(env, files.size());
  for (uint32_t i = 0; i < files.size(); ++i) {
    auto object = Napi::Object::New(env);
    object["bytes"] = jsNumber(env, files[i].bytes);
    object["reads"] = jsNumber(env, files[i].reads);
    object["readBytes"] = jsNumber(env, files[i].readBytes);
    object["uniqueBytes"] = jsNumber(env, files[i].uniqueBytes);
    array[i] = object;
  }
  return array;
}

Napi::Object jsCost(Napi::Env env, const TracerCost& cost) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto object = Napi::Object::New(env);
  object["captureCpuNs"] = jsNumber(env, cost.captureCpuNs);
  object["analysisCpuNs"] = jsNumber(env, cost.analysisCpuNs);
  object["peakRssBytes"] = jsNumber(env, static_cast<uint64_t>(usage.ru_maxrss) * 1024);
  object["kernelBufferBytes"] = jsNumber(env, cost.kernelBufferBytes);
  object["spoolBytes"] = jsNumber(env, cost.spoolPeakBytes);
  object["spoolPeakBytes"] = jsNumber(env, cost.spoolPeakBytes);
  object["spoolTotalBytes"] = jsNumber(env, cost.spoolTotalBytes);
  return object;
}

Napi::Object jsProcesses(Napi::Env env, const Notes& notes) {
  auto object = Napi::Object::New(env);
  auto pids = Napi::Uint32Array::New(env, notes.processNames.size());
  auto names = Napi::Array::New(env, notes.processNames.size());
  uint32_t i = 0;
  for (const auto& [pid, name] : notes.processNames) {
    pids[i] = pid;
    names[i] = Napi::String::New(env, name);
    ++i;
  }
  object["pids"] = pids;
  object["names"] = names;
  return object;
}

Napi::Object jsSummary(Napi::Env env, const Session& session) {
  const Analysis& analysis = session.analysis();
  const Integrity& integrity = session.integrity();
  uint64_t traced = (analysis.reads().bytes) >> 9;
  auto object = Napi::Object::New(env);
  object["actions"] = jsActions(env, analysis);
  object["eventsRead"] = jsNumber(env, analysis.events());
  object["eventsDropped"] = jsNumber(env, integrity.dropped);
  object["sequenceGaps"] = jsNumber(env, integrity.sequenceGaps);
  object["readSectorsTraced"] = jsBigint(env, traced);
  object["readSectorsDiskstats"] = jsBigint(env, integrity.traced.readSectors);
  object["writeSectorsTraced"] = jsBigint(env, analysis.writes().bytes >> 9);
  object["writeSectorsDiskstats"] = jsBigint(env, integrity.traced.writtenSectors);
  auto defects = Napi::Array::New(env, integrity.defects.size());
  for (uint32_t i = 0; i < integrity.defects.size(); ++i) defects[i] = Napi::String::New(env, integrity.defects[i]);
  object["defects"] = defects;
  object["firstEventNs"] = jsBigint(env, analysis.firstNs());
  object["lastEventNs"] = jsBigint(env, analysis.lastNs());
  object["startedNs"] = jsBigint(env, session.startedNs());
  object["stoppedNs"] = jsBigint(env, session.stoppedNs());
  object["reads"] = jsTransfer(env, analysis.reads(), analysis.uniqueReadSectors());
  object["writes"] = jsTransfer(env, analysis.writes(), analysis.uniqueWriteSectors());
  auto sizes = Napi::Object::New(env);
  sizes["read"] = jsSizes(env, analysis.readSizes());
  sizes["write"] = jsSizes(env, analysis.writeSizes());
  object["sizes"] = sizes;
  auto gaps = Napi::Object::New(env);
  gaps["device"] = jsGaps(env, analysis.deviceGaps());
  object["gaps"] = gaps;
  object["timeline"] = jsTimeline(env, analysis.timeline());
  object["files"] = jsFiles(env, analysis.files());
  object["tracer"] = jsCost(env, session.cost());
  object["processes"] = jsProcesses(env, session.notes());
  return object;
}

// Views on one external block; the block is freed with the last of them.
Napi::Object jsBatch(Napi::Env env, ColumnBatch& batch) {
  using C = ColumnBatch;
  size_t length = batch.length();
  std::byte* block = batch.release().release();
  auto buffer = Napi::ArrayBuffer::New(env, block, C::kBytes,
                                       [](Napi::Env, void* data) { delete[] static_cast<std::byte*>(data); });
  auto object = Napi::Object::New(env);
  object["length"] = jsNumber(env, length);
  object["time"] = Napi::BigUint64Array::New(env, length, buffer, C::kTime, napi_biguint64_array);
  object["sector"] = Napi::BigUint64Array::New(env, length, buffer, C::kSector, napi_biguint64_array);
  object["payload"] = Napi::BigUint64Array::New(env, length, buffer, C::kPayload, napi_biguint64_array);
  object["bytes"] = Napi::Uint32Array::New(env, length, buffer, C::kByteCount);
  object["pid"] = Napi::Uint32Array::New(env, length, buffer, C::kPid);
  object["device"] = Napi::Uint32Array::New(env, length, buffer, C::kDevice);
  object["fromDevice"] = Napi::Uint32Array::New(env, length, buffer, C::kFromDevice);
  object["cpu"] = Napi::Uint16Array::New(env, length, buffer, C::kCpu);
  object["error"] = Napi::Uint16Array::New(env, length, buffer, C::kError);
  object["flags"] = Napi::Uint16Array::New(env, length, buffer, C::kFlags);
  object["action"] = Napi::Uint8Array::New(env, length, buffer, C::kAction);
  object["direction"] = Napi::Uint8Array::New(env, length, buffer, C::kDirection);
  return object;
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
                           InstanceMethod<&TracerBinding::summary>("summary"),
                           InstanceMethod<&TracerBinding::close>("close"),
                       });
  }

  explicit TracerBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TracerBinding>(info) {
    SessionOptions options = sessionOptions(Argument::at(info, 0, "options"));
    Napi::Function callback = Argument::at(info, 1, "onReady").function();
    ready_ = Napi::ThreadSafeFunction::New(info.Env(), callback, "blkscope tracer", 0, 1);
    // The analysis thread calls this: a wake-up is queued for JavaScript, nothing more.
    auto notify = [this] { ready_.NonBlockingCall(); };
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
    ready_.Release();
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
    return object;
  }

  Napi::Value stop(const Napi::CallbackInfo& info) {
    session(info.Env()).stop();
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

  Napi::Value summary(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!session_ || !ended_) {
      throwError(env, {"NOT_ENDED", "the summary is ready when takeBatch has returned 'ended'"});
    }
    return jsSummary(env, *session_);
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    closeSession();
    return info.Env().Undefined();
  }

  Napi::ThreadSafeFunction ready_;
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

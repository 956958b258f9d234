#include "addon/importer.h"

#include <memory>

#include "addon/batch.h"
#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/summary.h"
#include "addon/traced_file.h"
#include "addon/wake_up.h"
#include "session/import_session.h"

namespace blkscope {
namespace {

ImportOptions importOptions(const Argument& options) {
  ImportOptions import;
  for (const Argument& trace : options["traces"].elements()) {
    Argument descriptor = trace["descriptor"];
    Fd opened = descriptor.given() ? Fd(static_cast<int>(descriptor.integer(INT32_MAX))) : Fd();
    import.traces.push_back({trace["path"].string(), std::move(opened)});
  }
  if (import.traces.empty()) options["traces"].refuse("at least one trace");
  import.files = tracedFiles(options["files"]);
  import.fileDevice = static_cast<uint32_t>(options["fileDevice"].integer(UINT32_MAX));
  import.deliver = options["deliver"].boolean();
  if (options["inOrder"].boolean()) import.mixed = MixedCpus::inOrder;
  return import;
}

class ImporterBinding : public Napi::ObjectWrap<ImporterBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Importer",
                       {
                           InstanceMethod<&ImporterBinding::takeBatch>("takeBatch"),
                           InstanceMethod<&ImporterBinding::events>("events"),
                           InstanceMethod<&ImporterBinding::summary>("summary"),
                           InstanceMethod<&ImporterBinding::stop>("stop"),
                           InstanceMethod<&ImporterBinding::close>("close"),
                       });
  }

  explicit ImporterBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ImporterBinding>(info) {
    ImportOptions options = importOptions(Argument::at(info, 0, "options"));
    Napi::Function callback = Argument::at(info, 1, "onReady").function();
    ready_ = WakeUp(callback, "blkscope importer");
    // The import's thread calls this: a wake-up is queued for JavaScript, nothing more.
    session_ = std::make_unique<ImportSession>(std::move(options), [this] { ready_(); });
    session_->start();
  }
  ~ImporterBinding() override { closeSession(); }

 private:
  void closeSession() {
    if (!session_) return;
    session_.reset();
    ready_.release();
  }

  ImportSession& session(Napi::Env env) {
    if (!session_) throwError(env, {"CLOSED", "the importer is closed"});
    return *session_;
  }

  Napi::Value takeBatch(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto batch = session(env).take(ended_);
    if (batch) return jsBatch(env, *batch);
    if (!ended_) return env.Null();
    if (session_->failure()) throwError(env, *session_->failure());
    return Napi::String::New(env, "ended");
  }

  Napi::Value events(const Napi::CallbackInfo& info) { return jsNumber(info.Env(), session(info.Env()).events()); }

  Napi::Value summary(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!session_ || !ended_ || session_->failure()) {
      throwError(env, {"NOT_ENDED", "the summary is ready when takeBatch has returned 'ended'"});
    }
    const ImportSession& session = *session_;
    Napi::Object summary = jsSummary(env, {session.analysis(), session.integrity(), session.notes(), session.cost(),
                                           session.startedNs(), session.stoppedNs()});
    summary["protocol"] = jsNumber(env, static_cast<uint64_t>(session.protocol()));
    const Notes& notes = session.notes();
    summary["wallClock"] = env.Null();
    if (notes.wallClock) {
      auto clock = Napi::Object::New(env);
      clock["ns"] = jsBigint(env, notes.wallClock);
      clock["atNs"] = jsBigint(env, notes.wallClockAt);
      summary["wallClock"] = clock;
    }
    summary["deviceNumbers"] = jsColumn<Napi::Uint32Array>(env, session.devices());
    return summary;
  }

  Napi::Value stop(const Napi::CallbackInfo& info) {
    if (session_) session_->stop();
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    closeSession();
    return info.Env().Undefined();
  }

  WakeUp ready_;
  std::unique_ptr<ImportSession> session_;
  bool ended_ = false;
};

}  // namespace

void registerImporter(Napi::Env env, Napi::Object exports) { exports["Importer"] = ImporterBinding::define(env); }

}  // namespace blkscope

#include "addon/changes.h"

#include <memory>

#include "addon/convert.h"

namespace blkscope {
namespace {

Napi::Array strings(Napi::Env env, const std::vector<std::string>& values) {
  auto array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array[i] = Napi::String::New(env, values[i]);
  return array;
}

Napi::Value jsReport(Napi::Env env, const UndoReport& report) {
  auto object = Napi::Object::New(env);
  object["undone"] = strings(env, report.undone);
  object["failed"] = strings(env, report.failed);
  return object;
}

class ChangesBinding : public Napi::ObjectWrap<ChangesBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Changes",
                       {
                           InstanceMethod<&ChangesBinding::writeSetting>("writeSetting"),
                           InstanceMethod<&ChangesBinding::passController>("passController"),
                           InstanceMethod<&ChangesBinding::makeCgroup>("makeCgroup"),
                           InstanceMethod<&ChangesBinding::makeDirectory>("makeDirectory"),
                           InstanceMethod<&ChangesBinding::mount>("mount"),
                           InstanceMethod<&ChangesBinding::undo>("undo"),
                       });
  }
  explicit ChangesBinding(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<ChangesBinding>(info), changes_(Argument::at(info, 0, "journalDirectory").string()) {}

 private:
  Napi::Value writeSetting(const Napi::CallbackInfo& info) {
    std::string path = Argument::at(info, 0, "path").string();
    std::string value = Argument::at(info, 1, "value").string();
    bool given = info.Length() > 2 && !info[2].IsUndefined();
    valueOrThrow(info.Env(), given ? changes_.writeSetting(path, value, Argument::at(info, 2, "restore").string())
                                   : changes_.writeSetting(path, value));
    return info.Env().Undefined();
  }
  Napi::Value passController(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), changes_.passController(Argument::at(info, 0, "cgroup").string(),
                                                     Argument::at(info, 1, "controller").string()));
    return info.Env().Undefined();
  }
  Napi::Value makeCgroup(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), changes_.makeCgroup(Argument::at(info, 0, "path").string()));
    return info.Env().Undefined();
  }
  Napi::Value makeDirectory(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), changes_.makeDirectory(Argument::at(info, 0, "path").string()));
    return info.Env().Undefined();
  }
  Napi::Value mount(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(),
                 changes_.mount(Argument::at(info, 0, "type").string(), Argument::at(info, 1, "target").string(),
                                Argument::at(info, 2, "options").stringOr("")));
    return info.Env().Undefined();
  }
  Napi::Value undo(const Napi::CallbackInfo& info) { return jsReport(info.Env(), changes_.undo()); }

  Changes changes_;
};

Napi::Value recoverBinding(const Napi::CallbackInfo& info) {
  return jsReport(info.Env(), recover(Argument::at(info, 0, "journalDirectory").string()));
}

Napi::Value deadSessionsBinding(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::vector<DeadSession> sessions = deadSessions(Argument::at(info, 0, "journalDirectory").string());
  auto array = Napi::Array::New(env, sessions.size());
  for (uint32_t i = 0; i < sessions.size(); ++i) {
    auto session = Napi::Object::New(env);
    session["pid"] = jsNumber(env, static_cast<uint64_t>(sessions[i].pid));
    session["undos"] = strings(env, sessions[i].undos);
    array[i] = session;
  }
  return array;
}

}  // namespace

void registerChanges(Napi::Env env, Napi::Object exports) {
  exports["Changes"] = ChangesBinding::define(env);
  exports["deadSessions"] = Napi::Function::New(env, deadSessionsBinding, "deadSessions");
  exports["recover"] = Napi::Function::New(env, recoverBinding, "recover");
}

}  // namespace blkscope

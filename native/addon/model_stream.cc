#include "addon/model_stream.h"

#include <memory>
#include <optional>
#include <utility>

#include "addon/convert.h"
#include "memory/model_stream.h"

namespace blkscope {
namespace {

using Stream = std::shared_ptr<std::optional<ModelStream>>;

Napi::Value figures(Napi::Env env, const StreamFigures& seen) {
  auto object = Napi::Object::New(env);
  object["passed"] = jsNumber(env, seen.passed);
  object["read"] = jsNumber(env, seen.read);
  object["lost"] = jsNumber(env, seen.lost);
  object["cpuNs"] = jsNumber(env, seen.cpuNs);
  return object;
}

Napi::Value jsStream(Napi::Env env, ModelStream started) {
  Stream stream = std::make_shared<std::optional<ModelStream>>(std::move(started));
  auto object = Napi::Object::New(env);
  object["figures"] = Napi::Function::New(
      env,
      [stream](const Napi::CallbackInfo& info) {
        return figures(info.Env(), *stream ? (*stream)->figures() : StreamFigures{});
      },
      "figures");
  object["check"] = Napi::Function::New(
      env,
      [stream](const Napi::CallbackInfo& info) {
        if (*stream) valueOrThrow(info.Env(), (*stream)->check());
      },
      "check");
  object["stop"] = Napi::Function::New(env, [stream](const Napi::CallbackInfo&) { stream->reset(); }, "stop");
  return object;
}

Napi::Value streamModel(const Napi::CallbackInfo& info) {
  StreamPlan plan{Argument::at(info, 0, "paths").strings(), {}, Argument::at(info, 2, "ahead").integer()};
  for (const Argument& piece : Argument::at(info, 1, "pieces").elements()) {
    plan.pieces.push_back({piece["part"].integer(), piece["offset"].integer(), piece["bytes"].integer()});
  }
  return jsStream(info.Env(), valueOrThrow(info.Env(), ModelStream::start(std::move(plan))));
}

}  // namespace

void registerModelStream(Napi::Env env, Napi::Object exports) {
  exports["streamModel"] = Napi::Function::New(env, streamModel, "streamModel");
}

}  // namespace blkscope

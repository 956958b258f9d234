#include "addon/signals.h"

#include "addon/convert.h"
#include "system/signal_limit.h"

namespace blkscope {
namespace {

Napi::Value jsLimitEndingSignals(const Napi::CallbackInfo& info) {
  constexpr uint64_t kMostMs = 60'000;
  limitEndingSignals(std::chrono::milliseconds(Argument::at(info, 0, "ms").integer(kMostMs)));
  return info.Env().Undefined();
}

}  // namespace

void registerSignals(Napi::Env env, Napi::Object exports) {
  exports["limitEndingSignals"] = Napi::Function::New(env, jsLimitEndingSignals, "limitEndingSignals");
}

}  // namespace blkscope

#include "addon/ending_signals.h"

#include <memory>

#include "addon/convert.h"
#include "addon/wake_up.h"
#include "system/ending_signals.h"

namespace blkscope {
namespace {

class EndingSignalsBinding : public Napi::ObjectWrap<EndingSignalsBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "EndingSignals",
                       {
                           InstanceMethod<&EndingSignalsBinding::renew>("renew"),
                           InstanceMethod<&EndingSignalsBinding::close>("close"),
                       });
  }

  explicit EndingSignalsBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EndingSignalsBinding>(info) {
    Napi::Function callback = Argument::at(info, 0, "onSignal").function();
    told_ = WakeUp(callback, "blkscope signals");
    signals_ = std::make_unique<EndingSignals>([this] { told_(); });
  }
  ~EndingSignalsBinding() override { closeSignals(); }

 private:
  void closeSignals() {
    if (!signals_) return;
    signals_.reset();
    told_.release();
  }

  Napi::Value renew(const Napi::CallbackInfo& info) {
    EndingSignals::renew();
    return info.Env().Undefined();
  }
  Napi::Value close(const Napi::CallbackInfo& info) {
    closeSignals();
    return info.Env().Undefined();
  }

  WakeUp told_;
  std::unique_ptr<EndingSignals> signals_;
};

}  // namespace

void registerEndingSignals(Napi::Env env, Napi::Object exports) {
  exports["EndingSignals"] = EndingSignalsBinding::define(env);
}

}  // namespace blkscope

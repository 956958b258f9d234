// Core work that takes its time, as a promise.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "addon/convert.h"
#include "system/result.h"

namespace blkscope {

/// Runs `work` on a thread of the pool and settles a promise with its result, converted on JavaScript's thread.
template <class T>
class PromiseWorker : public Napi::AsyncWorker {
 public:
  using Work = std::function<Result<T>()>;
  using Convert = std::function<Napi::Value(Napi::Env, T)>;

  static Napi::Promise run(Napi::Env env, Work work, Convert convert) {
    auto worker = std::unique_ptr<PromiseWorker>(new PromiseWorker(env, std::move(work), std::move(convert)));
    Napi::Promise promise = worker->deferred_.Promise();
    worker.release()->Queue();  // it deletes itself when it is done
    return promise;
  }

 protected:
  void Execute() override { result_.emplace(work_()); }
  void OnOK() override {
    if (*result_) {
      deferred_.Resolve(convert_(Env(), std::move(**result_)));
    } else {
      deferred_.Reject(jsError(Env(), result_->error()).Value());
    }
  }

 private:
  PromiseWorker(Napi::Env env, Work work, Convert convert)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), convert_(std::move(convert)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::optional<Result<T>> result_;
};

}  // namespace blkscope

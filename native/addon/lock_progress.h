// Memory that is being locked, as JavaScript sees it: how far it is, a way to end it, and a promise of what is held.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/convert.h"
#include "addon/promise_worker.h"
#include "memory/locked_region.h"

namespace blkscope {

/// { lockedBytes(), cancel(), done } of `lock`, a Result<T>(LockProgress&), on a thread of the pool.
template <class T, class Lock>
Napi::Object jsLockProgress(Napi::Env env, Lock lock, Napi::Value (*convert)(Napi::Env, T)) {
  auto progress = std::make_shared<LockProgress>();
  auto object = Napi::Object::New(env);
  object["lockedBytes"] = Napi::Function::New(
      env, [progress](const Napi::CallbackInfo& info) { return jsNumber(info.Env(), progress->lockedBytes); },
      "lockedBytes");
  object["cancel"] =
      Napi::Function::New(env, [progress](const Napi::CallbackInfo&) { progress->cancelled = true; }, "cancel");
  object["done"] = PromiseWorker<T>::run(env, [lock, progress] { return lock(*progress); }, convert);
  return object;
}

}  // namespace blkscope

// A JavaScript function that any thread may have called.
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

namespace blkscope {

/// Queues calls of a function, without arguments, from any thread. It keeps no process alive, and does nothing in a worker
/// thread that is being ended: Node takes no calls any more there, and frees what they are queued in before the objects that
/// have them called (node-addon-api's own class ends the process then).
class WakeUp {
 public:
  WakeUp() = default;
  WakeUp(Napi::Function function, const char* name) : queue_(std::make_shared<Queue>()) {
    Napi::Env env = function.Env();
    auto* forNode = new std::shared_ptr<Queue>(queue_);
    napi_create_threadsafe_function(env, function, nullptr, Napi::String::New(env, name), 0, 1, forNode, gone, nullptr, call,
                                    &queue_->function);
    napi_unref_threadsafe_function(env, queue_->function);
  }
  WakeUp(WakeUp&&) = default;
  WakeUp& operator=(WakeUp&&) = default;
  ~WakeUp() { release(); }

  void operator()() const {
    std::lock_guard guard(queue_->mutex);
    if (queue_->function) napi_call_threadsafe_function(queue_->function, nullptr, napi_tsfn_nonblocking);
  }
  /// Nobody calls it any more.
  void release() {
    if (!queue_) return;
    std::lock_guard guard(queue_->mutex);
    if (queue_->function) napi_release_threadsafe_function(queue_->function, napi_tsfn_release);
    queue_->function = nullptr;
  }

 private:
  struct Queue {
    std::mutex mutex;
    napi_threadsafe_function function = nullptr;
  };

  static void gone(napi_env, void* forNode, void*) {
    std::unique_ptr<std::shared_ptr<Queue>> queue(static_cast<std::shared_ptr<Queue>*>(forNode));
    std::lock_guard guard((*queue)->mutex);
    (*queue)->function = nullptr;
  }

  static void call(napi_env env, napi_value function, void*, void*) {
    napi_value receiver = nullptr;
    if (!env || !function || napi_get_undefined(env, &receiver) != napi_ok) return;
    napi_call_function(env, receiver, function, 0, nullptr, nullptr);  // what it throws is Node's to tell
  }

  std::shared_ptr<Queue> queue_;
};

}  // namespace blkscope

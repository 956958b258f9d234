// The short queue of finished batches between the analysis thread and JavaScript.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "session/column_batch.h"

namespace blkscope {

/// Bounded: a slow taker blocks the analysis thread, and with it the spool fills, never the kernel's buffers.
/// `onReady` is called, from the pushing thread, after a batch or the end has come.
class BatchQueue {
 public:
  explicit BatchQueue(std::function<void()> onReady) : onReady_(std::move(onReady)) {}

  /// Waits for room. False: the taker has gone.
  bool push(std::unique_ptr<ColumnBatch> batch) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return gone_ || batches_.size() < kMost; });
      if (gone_) return false;
      batches_.push_back(std::move(batch));
    }
    onReady_();
    return true;
  }

  void end() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    onReady_();
  }

  /// The next batch; null with `ended` false: nothing yet; null with `ended` true: nothing any more.
  std::unique_ptr<ColumnBatch> take(bool& ended) {
    std::unique_ptr<ColumnBatch> batch;
    {
      std::lock_guard lock(mutex_);
      ended = batches_.empty() && ended_;
      if (batches_.empty()) return nullptr;
      batch = std::move(batches_.front());
      batches_.pop_front();
    }
    room_.notify_one();
    return batch;
  }

  /// The taker goes: pushes return at once.
  void abandon() {
    {
      std::lock_guard lock(mutex_);
      gone_ = true;
    }
    room_.notify_all();
  }

 private:
  static constexpr size_t kMost = 4;
  std::function<void()> onReady_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::unique_ptr<ColumnBatch>> batches_;
  bool ended_ = false;
  bool gone_ = false;
};

}  // namespace blkscope

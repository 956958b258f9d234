// Events on their way from one thread to another, a block at a time.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <span>

#include "decode/event.h"

namespace blkscope {

/// A ring of blocks of fixed size between one thread that adds events and one that takes them: whichever is faster waits
/// for the other, until half of the ring is its own. Woken for every block, the two would do little but wake each other.
class EventBlocks {
 public:
  /// Where the next events are to be put; `add` hands over as many as were.
  std::span<Event> room() { return {events_.get() + filling_ * kEvents, kEvents}; }

  /// Waits, if this was the last free block.
  void add(size_t count) {
    std::unique_lock lock(mutex_);
    counts_[filling_] = count;
    filling_ = (filling_ + 1) % kBlocks;
    if (++full_ == kHalf) changed_.notify_one();
    if (full_ == kBlocks) changed_.wait(lock, [&] { return full_ <= kHalf; });
  }

  /// No more will come.
  void end() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  /// Calls visit(std::span<Event>) for all that comes until the end.
  template <class Visit>
  void takeAll(Visit visit) {
    for (size_t taking = 0; awaitFull(); taking = (taking + 1) % kBlocks) {
      visit(std::span<Event>(events_.get() + taking * kEvents, counts_[taking]));
      release();
    }
  }

 private:
  static constexpr size_t kEvents = 1024;
  static constexpr size_t kBlocks = 64;
  static constexpr size_t kHalf = kBlocks / 2;

  /// False: there is no block, and none will come.
  bool awaitFull() {
    std::unique_lock lock(mutex_);
    if (full_ == 0) changed_.wait(lock, [&] { return full_ >= kHalf || ended_; });
    return full_ > 0;
  }

  void release() {
    std::lock_guard lock(mutex_);
    if (--full_ == kHalf) changed_.notify_one();
  }

  struct Free {
    void operator()(Event* events) const { ::operator delete(events, kLine); }
  };
  static constexpr std::align_val_t kLine{64};  // of a cache: whoever adds events may write them past it

  std::unique_ptr<Event[], Free> events_{static_cast<Event*>(::operator new(kBlocks * kEvents * sizeof(Event), kLine))};
  std::array<size_t, kBlocks> counts_{};  // events in each block
  size_t filling_ = 0;                    // the adding thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t full_ = 0;  // blocks handed over and not released
  bool ended_ = false;
};

}  // namespace blkscope

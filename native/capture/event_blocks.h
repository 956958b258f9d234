// Events on their way from one thread to another, a block at a time.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// A ring of blocks of fixed size between one thread that adds events and one that takes them: whichever is faster waits
/// for the other, until half of the ring is its own. Woken for every block, the two would do little but wake each other.
class EventBlocks {
 public:
  EventBlocks() {
    for (Block& block : blocks_) block.reserve(kEvents);
  }

  void add(std::span<const Event> events) {
    while (!events.empty()) {
      Block& block = blocks_[filling_];
      auto part = events.first(std::min(events.size(), kEvents - block.size()));
      block.insert(block.end(), part.begin(), part.end());
      events = events.subspan(part.size());
      if (block.size() == kEvents) publish();
    }
  }

  /// No more will come.
  void end() {
    if (!blocks_[filling_].empty()) publish();
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  /// Calls visit(std::span<const Event>) for all that comes until the end.
  template <class Visit>
  void takeAll(Visit visit) {
    for (size_t taking = 0; awaitFull(); taking = (taking + 1) % kBlocks) {
      Block& block = blocks_[taking];
      visit(std::span<const Event>(block));
      block.clear();
      release();
    }
  }

 private:
  using Block = std::vector<Event>;
  static constexpr size_t kEvents = 1024;
  static constexpr size_t kBlocks = 16;
  static constexpr size_t kHalf = kBlocks / 2;

  /// Hands the block over and waits, if that was the last free one.
  void publish() {
    std::unique_lock lock(mutex_);
    if (++full_ == kHalf) changed_.notify_one();
    if (full_ == kBlocks) changed_.wait(lock, [&] { return full_ <= kHalf; });
    filling_ = (filling_ + 1) % kBlocks;
  }

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

  std::array<Block, kBlocks> blocks_;
  size_t filling_ = 0;  // the adding thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t full_ = 0;  // blocks handed over and not released
  bool ended_ = false;
};

}  // namespace blkscope

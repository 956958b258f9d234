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
/// for the other.
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

  /// No more will come: an empty block says so.
  void end() {
    if (!blocks_[filling_].empty()) publish();
    publish();
  }

  /// Calls visit(std::span<const Event>) for all that comes until the end.
  template <class Visit>
  void takeAll(Visit visit) {
    for (size_t taking = 0;; taking = (taking + 1) % kBlocks) {
      awaitFull();
      Block& block = blocks_[taking];
      if (block.empty()) return;
      visit(std::span<const Event>(block));
      block.clear();
      release();
    }
  }

 private:
  using Block = std::vector<Event>;
  static constexpr size_t kEvents = 2048;
  static constexpr size_t kBlocks = 4;

  /// Hands the block over and waits until the next one is free.
  void publish() {
    std::unique_lock lock(mutex_);
    ++full_;
    changed_.notify_one();
    changed_.wait(lock, [&] { return full_ < kBlocks; });
    filling_ = (filling_ + 1) % kBlocks;
  }

  void awaitFull() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return full_ > 0; });
  }

  void release() {
    std::lock_guard lock(mutex_);
    --full_;
    changed_.notify_one();
  }

  std::array<Block, kBlocks> blocks_;
  size_t filling_ = 0;  // the adding thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t full_ = 0;  // blocks handed over and not released
};

}  // namespace blkscope

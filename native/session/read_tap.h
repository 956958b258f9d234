// Completed reads as they are captured, for a live view. What nobody takes in time is counted and dropped: the view is no record.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "decode/event.h"

namespace blkscope {

struct TappedRead {
  uint64_t time;
  uint64_t sector;
  uint32_t sectors;
  uint32_t device;
};

/// Closed until the first take(): capture threads then pay one look at a flag for each batch of events.
class ReadTap {
 public:
  bool isOpen() const { return open_.load(std::memory_order_relaxed); }
  /// By capture threads. They wait for nobody: while another one is here, what comes is dropped and counted.
  void add(std::span<const Event> events);
  /// All reads since the last call; opens the tap. `missed`: how many were dropped since it was opened.
  std::vector<TappedRead> take(uint64_t& missed);

 private:
  std::atomic<bool> open_ = false;
  std::atomic<uint64_t> missed_ = 0;
  std::mutex mutex_;
  std::vector<TappedRead> reads_;
};

}  // namespace blkscope

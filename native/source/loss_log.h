// Where in time and on which CPU events are missing from a trace.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace blkscope {

/// `count` events are missing between two times (ns, CLOCK_MONOTONIC).
struct Loss {
  enum class By { kernel, spool };
  static constexpr int kAnyCpu = -1;  // the kernel counts per device, not per CPU

  uint64_t fromNs;
  uint64_t toNs;
  uint64_t count;
  int cpu;
  By by;
};

/// Losses in the order in which they were noticed. One that goes on is one entry; the list is bounded.
class LossLog {
 public:
  /// Two losses of one CPU closer than this are one: they have one cause.
  static constexpr uint64_t kJoinNs = 300'000'000;
  static constexpr size_t kMost = 1000;

  void add(const Loss& loss) {
    auto last = std::find_if(losses_.rbegin(), losses_.rend(),
                             [&](const Loss& l) { return l.cpu == loss.cpu && l.by == loss.by; });
    bool joins = last != losses_.rend() && (loss.fromNs <= last->toNs + kJoinNs || losses_.size() >= kMost);
    if (!joins) {
      losses_.push_back(loss);
      return;
    }
    last->fromNs = std::min(last->fromNs, loss.fromNs);
    last->toNs = std::max(last->toNs, loss.toNs);
    last->count += loss.count;
  }

  std::span<const Loss> losses() const { return losses_; }

 private:
  std::vector<Loss> losses_;
};

}  // namespace blkscope

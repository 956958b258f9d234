// What each process read, and in which order.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "analyse/figure_writer.h"
#include "analyse/gaps.h"

namespace blkscope {

/// Reads of one process: of the one that queued them where Q is traced, else of the one that issued them.
struct ProcessReads {
  uint64_t reads = 0;
  uint64_t bytes = 0;
  // Of its own reads alone: as issued, and of devices that tell of no issue as queued or completed.
  Gaps atIssue;
  Gaps atQueue;
  Gaps atComplete;

  const Gaps& gaps() const { return atIssue.begun() ? atIssue : atQueue.begun() ? atQueue : atComplete; }
};

class Processes {
 public:
  /// The most processes told apart; later ones count together, as pid 0.
  static constexpr size_t kMost = 1 << 16;

  Processes() {
    for (uint32_t i = 0; i < kRecent; ++i) recent_[i].pid = ~i;  // one that is never looked for here
  }

  [[gnu::always_inline]] ProcessReads& operator[](uint32_t pid) {
    Recent& recent = recent_[pid % kRecent];
    if (recent.pid != pid) recent = {pid, &find(pid)};
    return *recent.reads;
  }
  const std::unordered_map<uint32_t, ProcessReads>& all() const { return processes_; }

  void tell(FigureWriter& out) const {
    auto process = processes_.begin();
    out.list("readers", processes_.size(), [&](size_t, FigureWriter& reader) {
      reader.number("pid", process->first);
      reader.number("reads", process->second.reads);
      reader.number("bytes", process->second.bytes);
      reader.metric("gaps", process->second.gaps());
      ++process;
    });
  }

 private:
  struct Recent {
    uint32_t pid = 0;
    ProcessReads* reads = nullptr;
  };
  static constexpr uint32_t kRecent = 64;  // the pids of threads started one after the other differ in their last bits

  [[gnu::noinline]] ProcessReads& find(uint32_t pid) {
    auto found = processes_.find(pid);
    if (found == processes_.end()) found = processes_.try_emplace(processes_.size() < kMost ? pid : 0).first;
    return found->second;
  }

  std::unordered_map<uint32_t, ProcessReads> processes_;  // its elements never move
  std::array<Recent, kRecent> recent_;
};

}  // namespace blkscope

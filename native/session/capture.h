// A capture: the threads that drain a source into the spool, and the one that watches over them and ends them.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "session/capture_thread.h"

namespace blkscope {

/// Runs from its construction to stop(). The source says which streams a thread reads: relay's those
/// of its CPU, ftrace's all.
class Capture {
 public:
  enum class OnFull { drop, stop };  // of the spool

  /// `onStopped` is called, in a thread of the capture's, once the source has stopped and before it is drained.
  Capture(Source& source, Spool& spool, OnFull onFull, std::function<void()> onStopped);
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() { stop(); }

  /// Stops the source and waits until all that it holds is in the spool. Idempotent.
  void stop();

  /// From any thread.
  const CaptureTotals& totals() const { return totals_; }
  ReadTap& tap() { return tap_; }
  uint64_t kernelDropped() const { return kernelDropped_; }
  /// 0 until the source has stopped.
  uint64_t stoppedNs() const { return stoppedNs_; }

  /// After stop(): of all threads together.
  const CaptureOutcome& outcome() const { return outcome_; }

 private:
  void watch();
  void checkLosses();
  void gather();

  Source& source_;
  const std::function<void()> onStopped_;
  CaptureTotals totals_;
  ReadTap tap_;
  CaptureOutcome outcome_;
  Fd stop_;           // readable: the capture is to end
  Fd sourceStopped_;  // readable: the source has stopped
  std::deque<CaptureThread> readers_;
  std::vector<std::thread> readerThreads_;
  std::vector<CpuDrops> knownDrops_;
  uint64_t lossesCheckedNs_ = 0;
  std::atomic<uint64_t> kernelDropped_ = 0;
  std::atomic<uint64_t> stoppedNs_ = 0;
  std::thread watcher_;  // last: it uses the others
};

}  // namespace blkscope

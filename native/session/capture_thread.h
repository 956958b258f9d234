// One capture thread: drains some of a source's streams into the spool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "session/read_tap.h"
#include "source/loss_log.h"
#include "source/source.h"
#include "spool/spool.h"
#include "system/fd.h"

namespace blkscope {

/// What was captured, added up by a thread until the next look at the totals.
struct CaptureSum {
  uint64_t events = 0;
  uint64_t readBytes = 0;
  uint64_t writeBytes = 0;

  void add(std::span<const Event> added);
  void add(const EncodedRecords& added);
};

/// Running totals of all capture threads, for any thread to look at.
struct CaptureTotals {
  std::atomic<uint64_t> events = 0;
  std::atomic<uint64_t> readBytes = 0;  // completed without error
  std::atomic<uint64_t> writeBytes = 0;

  void add(const CaptureSum& sum);
};

/// What a capture thread came to; read after it has ended.
struct CaptureOutcome {
  LossLog losses;      // by the spool
  std::string error;   // of the first stream that failed
  uint64_t fullNs = 0; // time of the first event that found the spool full; 0: none
  uint64_t cpuNs = 0;
};

/// Drains its streams until the source has stopped and they are empty. It waits for nothing but the kernel.
class CaptureThread {
 public:
  /// `onFull` is called once, when the spool is full for the first time.
  CaptureThread(Source& source, Spool& spool, CaptureTotals& totals, ReadTap& tap, std::vector<size_t> streams,
                std::function<void()> onFull);

  /// The thread's body. `sourceStopped` polls readable once the source has stopped.
  void run(int sourceStopped);
  const CaptureOutcome& outcome() const { return outcome_; }

 private:
  struct Stream {
    size_t index;
    bool ended = false;  // it failed and is not read any more
    bool full = false;   // the spool had no room for its last event
  };

  class Taker;

  bool waitForEvents(int sourceStopped);
  void sweep(bool last);
  void drain(Stream& stream, uint64_t sweepBegan, bool last);
  void append(Stream& stream, std::span<const Event> events);

  Source& source_;
  Spool& spool_;
  CaptureTotals& totals_;
  ReadTap& tap_;
  std::vector<Stream> streams_;
  const std::vector<size_t> indices_;
  std::function<void()> onFull_;
  std::vector<Event> scratch_;  // decoded records
  uint64_t publishedNs_ = 0;
  CaptureOutcome outcome_;
};

}  // namespace blkscope

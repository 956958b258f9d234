// A thread that empties the rings of perf events.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "touches/perf_rings.h"

namespace blkscope {

/// Reads from its construction to `end`, or to its own end.
class PerfReader {
 public:
  /// Called after each look, with the time at which the look began: what happened before is on its way to the sink, or there.
  /// The last one is UINT64_MAX: all is there.
  using Looked = std::function<void(uint64_t)>;

  /// Sink and `looked` are used by the thread until the end, and must outlive this.
  PerfReader(PerfRings rings, PerfSink& sink, Looked looked = [](uint64_t) {});
  PerfReader(const PerfReader&) = delete;
  PerfReader& operator=(const PerfReader&) = delete;
  ~PerfReader() { end(); }

  /// One more event into the same rings.
  Result<void> add(const PerfEvent& event);
  /// Ends the events, and has read all that came until then. Idempotent.
  void end();

 private:
  void run();

  std::mutex mutex_;  // of the rings: `add` changes what the thread reads
  PerfRings rings_;
  PerfSink& sink_;
  Looked looked_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace blkscope

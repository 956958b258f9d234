// The kernel's perf events, read from one ring for each CPU.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "system/fd.h"
#include "system/mapping.h"
#include "system/result.h"

namespace blkscope {

/// What is asked of the kernel. `pid` -1: of everybody; else of the process and all that it starts from then on.
struct PerfEvent {
  uint32_t type;
  uint64_t config;
  int pid = -1;
  /// Of tracepoints, in the kernel's words; empty: none.
  std::string filter = {};
  /// Also tells of mappings that are made, of forks and of programs that begin: see PerfSink::mapping and the rest.
  bool mappings = false;
};

/// One occurrence of an event. `event`: which, in the order in which they were opened.
struct PerfSample {
  size_t event;
  uint32_t pid;
  uint32_t thread;
  /// ns, CLOCK_MONOTONIC.
  uint64_t time;
  uint64_t address;
  /// Of tracepoints: their fields, at the offsets that their format tells.
  std::span<const std::byte> fields;
};

/// A piece of a file, or of anything else, that was mapped.
struct PerfMapping {
  uint32_t pid;
  uint64_t time;
  uint64_t start, bytes, offset;
  uint64_t inode;
  uint32_t major, minor;
};

/// What is done with what the rings hold, in no order over the CPUs.
class PerfSink {
 public:
  virtual ~PerfSink() = default;
  virtual void sample(const PerfSample& sample) = 0;
  virtual void mapping(const PerfMapping&) {}
  virtual void forked(uint32_t /*parent*/, uint32_t /*child*/, uint64_t /*time*/) {}
  /// Another program took the place of the process's own.
  virtual void executed(uint32_t /*pid*/, uint64_t /*time*/) {}
  /// The kernel had no room for so many records.
  virtual void lost(uint64_t count) = 0;
};

/// Not thread-safe, but for `wait`.
class PerfRings {
 public:
  /// Rings of `bytes` each, a power of two. The event begins at once.
  static Result<PerfRings> open(const PerfEvent& first, size_t bytes);

  /// One more event into the same rings. An event of a process that is to be inherited has a ring only if it is of one CPU.
  Result<void> add(const PerfEvent& event);
  void read(PerfSink& sink);
  /// Until a quarter of a ring is full, or so long.
  void wait(int milliseconds) const;
  void stop();

 private:
  struct Ring {
    unsigned cpu;
    int polled;  // the first event's; it does not change any more, so that one thread may wait while another adds
    Mapping mapping;
    /// The first owns the mapping. By number of the event: what the kernel calls it here.
    std::vector<Fd> fds;
    std::vector<uint64_t> ids;
  };

  explicit PerfRings(size_t bytes) : bytes_(bytes) {}
  Result<void> openOn(Ring& ring, const PerfEvent& event);
  void readRing(Ring& ring, PerfSink& sink);
  void tell(const Ring& ring, const perf_event_header& header, std::span<const std::byte> body, PerfSink& sink) const;

  size_t bytes_;
  std::vector<Ring> rings_;
  std::vector<std::byte> record_;
};

}  // namespace blkscope

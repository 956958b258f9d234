// The page faults of a process and all that it starts, as the kernel's own event tells them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "system/result.h"

namespace blkscope {

/// A fault: when, by whom, at which address. ns on CLOCK_MONOTONIC.
struct Fault {
  uint64_t time;
  uint64_t address;
  uint32_t pid;
};

struct Faults {
  /// In no order over the CPUs.
  std::vector<Fault> all;
  /// The kernel had no room for so many.
  uint64_t lost = 0;
};

/// Reads them on a thread of its own, from one ring for each CPU. Needs no tracefs, no BPF and no counters of the processor.
class FaultReader {
 public:
  /// From now on, of the process, its threads and its children. Errors: NO_FAULT_EVENTS (the kernel lacks them or denies
  /// them), and what perf_event_open says.
  static Result<std::unique_ptr<FaultReader>> open(int pid);

  virtual ~FaultReader() = default;
  /// Ends the reading; once.
  virtual Faults stop() = 0;
};

}  // namespace blkscope

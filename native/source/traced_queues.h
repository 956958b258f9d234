// Which queues the kernel traces for the devices that are asked for, and whose I/Os their events are.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "decode/event.h"
#include "source/block_device.h"
#include "source/source.h"

namespace blkscope {

/// A queue whose tracing is switched on.
struct TracedQueue {
  std::string name;
  uint64_t actions;      // mask of categories
  bool filtered = true;  // by the sectors and the thread that were asked for
  bool hidden = false;   // it has no node in /dev
};

/// The devices asked for, and those below without which their I/Os are not told whole:
/// - an NVMe multipath head's paths, which alone tell of issues, and up to Linux 6.5 or so of completions;
/// - the disk under a bcache device, which tells of the completions.
///
/// Asked of the kernel is what the report needs: issue, completion and requeue; of devices without requests (device
/// mapper, md, bcache) everything, since only that tells of splits, and is no more than queue and completion else. With
/// a filter by thread also queue, the one event that always happens in the thread that asked for the I/O.
std::vector<TracedQueue> tracedQueues(const SourceOptions& options, const BlockDevices& system = BlockDevices());

/// Whether devices can be traced together. Errors: NO_DEVICE; SAME_DISK: two of them are one queue, such as a disk and its
/// partition, and the kernel traces each queue once.
Result<void> checkDevices(const std::vector<std::string>& devices, const BlockDevices& system = BlockDevices());

/// Tells the events of multipath's paths as events of their heads, so that a head is a disk like others: what its paths
/// complete is left out where the head tells it again.
class MultipathHeads {
 public:
  explicit MultipathHeads(const std::vector<std::string>& devices, const BlockDevices& system = BlockDevices());

  /// Changes the events from index `from` on, and may remove some.
  void apply(std::vector<Event>& events, size_t from) const;

 private:
  bool isHead(uint32_t number) const;
  uint32_t headOf(uint32_t number) const;  // the number itself, if it is no path's

  std::vector<std::pair<uint32_t, uint32_t>> headOfPath_;
};

}  // namespace blkscope

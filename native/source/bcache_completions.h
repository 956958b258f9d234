// Completions of bcache devices, which the kernel tells on the disk below.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "decode/event.h"
#include "source/block_device.h"

namespace blkscope {

/// Gives bcache devices the completions of their I/Os.
///
/// bcache hands a bio on under the name of its backing disk, so the bio's Q is told on the bcache device and its C on
/// the disk, at the place that it has there: for data from the cache with nothing issued to the disk, for data from the
/// disk after the completion of the disk's own request. From some kernels on the bcache device tells a C as well. So
/// what was queued on the device is complete when the first completion comes that covers it, and each sector once.
class BcacheCompletions {
 public:
  /// `asked`: the devices whose events are wanted.
  explicit BcacheCompletions(const std::vector<std::string>& asked, const BlockDevices& system = BlockDevices());

  /// False: no bcache device is among them, and events need not be passed through.
  bool any() const { return !caches_.empty(); }

  /// The events in order of time, with the completions of bcache devices in place, and without those of disks that are
  /// not wanted. Valid until the next call.
  std::span<Event> apply(std::span<const Event> events);

 private:
  struct Cache {
    uint32_t number;
    uint32_t disk;
    uint64_t startSector;  // of its data on the disk
    bool diskWanted;
  };
  /// What of an I/O has not completed.
  struct Queued {
    uint64_t sector;
    uint64_t end;
  };
  using Key = std::pair<uint32_t, Direction>;

  void pass(const Event& event);
  void queue(const Event& event);
  void complete(const Cache& cache, Event event);

  std::vector<Cache> caches_;
  std::map<Key, std::multimap<uint64_t, Queued>> queued_;  // by first sector
  uint64_t longest_ = 0;                                   // sectors of an I/O
  std::vector<Event> out_;
};

}  // namespace blkscope

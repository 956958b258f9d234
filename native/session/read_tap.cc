#include "session/read_tap.h"

#include <utility>

namespace blkscope {
namespace {

// 24 bytes each: 3 MiB, a second of a fast disk's smallest reads.
constexpr size_t kMostReads = 128 * 1024;

bool isRead(const Event& event) {
  return event.action == Action::complete && event.direction == Direction::read && !event.error &&
         !(event.flags & kPassthrough) && event.bytes > 0;
}

}  // namespace

void ReadTap::add(std::span<const Event> events) {
  if (!isOpen()) return;
  std::unique_lock lock(mutex_, std::try_to_lock);
  for (const Event& event : events) {
    if (!isRead(event)) continue;
    if (lock && reads_.size() < kMostReads) {
      reads_.push_back({event.time, event.sector, event.bytes >> 9, event.device});
    } else {
      ++missed_;
    }
  }
}

std::vector<TappedRead> ReadTap::take(uint64_t& missed) {
  open_ = true;
  std::vector<TappedRead> taken;
  {
    std::lock_guard lock(mutex_);
    std::swap(taken, reads_);
  }
  missed = missed_;
  return taken;
}

}  // namespace blkscope

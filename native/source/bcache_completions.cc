#include "source/bcache_completions.h"

#include <algorithm>

namespace blkscope {
namespace {

/// Far more than are in flight; beyond it completions are missing.
constexpr size_t kMostQueued = 1 << 16;

}  // namespace

BcacheCompletions::BcacheCompletions(const std::vector<std::string>& asked, const BlockDevices& system) {
  for (const std::string& name : asked) {
    auto device = system.find(name);
    auto backing = system.bcacheBackingOf(name);
    if (!device || !backing) continue;
    bool wanted = std::ranges::find(asked, backing->disk.name) != asked.end();
    caches_.push_back({device->number, backing->disk.number, backing->startSector, wanted});
  }
}

void BcacheCompletions::queue(const Event& event) {
  auto& queued = queued_[{event.device, event.direction}];
  if (queued.size() >= kMostQueued) queued.clear();
  queued.emplace(event.sector, Queued{event.sector, event.endSector()});
  longest_ = std::max(longest_, event.sectors());
}

/// Ends what of the device's I/Os lies in a completion; each gets the part of it that it had not got before.
void BcacheCompletions::complete(const Cache& cache, Event event) {
  auto& queued = queued_[{cache.number, event.direction}];
  uint64_t from = event.sector;
  uint64_t to = event.endSector();
  event.device = cache.number;
  for (auto it = queued.lower_bound(from > longest_ ? from - longest_ : 0); it != queued.end() && it->first <= to;) {
    Queued& io = it->second;
    bool touches = io.sector < to && from < io.end;
    bool empty = io.sector == io.end && from == to && io.sector == from;
    if (!touches && !empty) {
      ++it;
      continue;
    }
    event.sector = std::max(io.sector, from);
    uint64_t end = std::min(io.end, to);
    event.bytes = static_cast<uint32_t>((end - event.sector) << 9);
    out_.push_back(event);
    // What begins before the completion keeps its head open: completions of the parts come in any order.
    if (io.sector < event.sector && end < io.end) queued.emplace(end, Queued{end, io.end});
    Queued left = io.sector < event.sector ? Queued{io.sector, event.sector} : Queued{end, io.end};
    it = queued.erase(it);
    if (left.sector < left.end) queued.emplace(left.sector, left);
  }
}

void BcacheCompletions::pass(const Event& event) {
  bool completion = event.action == Action::complete;
  bool wanted = true;
  for (const Cache& cache : caches_) {
    if (event.device == cache.disk) wanted = cache.diskWanted;
    if (event.device != cache.number) continue;
    if (event.action == Action::queue) queue(event);
    if (completion) return complete(cache, event);
  }
  if (wanted) out_.push_back(event);
  if (!completion) return;
  for (const Cache& cache : caches_) {
    if (event.device != cache.disk || event.sector < cache.startSector) continue;
    Event above = event;
    above.sector -= cache.startSector;
    complete(cache, above);
  }
}

std::span<Event> BcacheCompletions::apply(std::span<const Event> events) {
  out_.clear();
  for (const Event& event : events) pass(event);
  return out_;
}

}  // namespace blkscope

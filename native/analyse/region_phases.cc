#include "analyse/region_phases.h"

#include <algorithm>

namespace blkscope {

RegionPhases::RegionPhases(const std::vector<TracedFile>& files, uint32_t device, std::vector<Phase> phases)
    : phases_(std::move(phases)) {
  for (const Phase& phase : phases_) analyses_.emplace_back(files, device, phase.fromNs);
}

void RegionPhases::consume(std::span<const Event> events) {
  auto before = [](const Event& event, uint64_t time) { return event.time < time; };
  for (size_t i = 0; i < phases_.size(); ++i) {
    auto from = std::lower_bound(events.begin(), events.end(), phases_[i].fromNs, before);
    auto to = std::lower_bound(from, events.end(), phases_[i].toNs, before);
    analyses_[i].consume({from, to});
  }
}

void RegionPhases::finish() {
  for (size_t i = 0; i < phases_.size(); ++i) analyses_[i].finish(phases_[i].toNs);
}

}  // namespace blkscope

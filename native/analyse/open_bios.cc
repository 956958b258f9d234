#include "analyse/open_bios.h"

#include <algorithm>

namespace blkscope {

void OpenBios::closeGap(uint32_t gap) {
  for (uint32_t i = (gap + 1) & mask_; index_[i] != kNone; i = (i + 1) & mask_) {
    uint32_t home = homeOf(index_[i]);
    if (((i - home) & mask_) < ((i - gap) & mask_)) continue;  // would come before its home
    index_[gap] = index_[i];
    gap = i;
  }
  index_[gap] = kNone;
}

void OpenBios::grow() {
  std::vector<Slot> newest = std::move(index_);
  resize(2 * bios_.size());
  for (Slot slot : newest) {
    if (slot == kNone) continue;
    uint32_t i = homeOf(slot);
    while (index_[i] != kNone) i = (i + 1) & mask_;
    index_[i] = slot;
  }
}

/// Makes room for so many bios, with none of them in the index. All that there were are taken.
void OpenBios::resize(size_t bios) {
  size_t before = bios_.size();
  bios_.resize(bios);
  links_.resize(bios);
  index_.assign(2 * bios, kNone);
  mask_ = static_cast<uint32_t>(index_.size() - 1);
  free_.resize(bios);
  for (size_t slot = bios; slot > before; --slot) free_[freeCount_++] = static_cast<Slot>(slot - 1);
}

void OpenBios::addToOrder(Slot slot) {
  const OpenBio& bio = bios_[slot];
  auto order = bySector_.find({bio.device, bio.direction});
  if (order != bySector_.end()) order->second.bios.insert({bio.sector, slot});
}

void OpenBios::takeFromOrder(Slot slot) {
  const OpenBio& bio = bios_[slot];
  auto order = bySector_.find({bio.device, bio.direction});
  if (order != bySector_.end()) order->second.bios.erase({bio.sector, slot});
}

OpenBios::Slot OpenBios::findAround(uint32_t device, Direction direction, uint64_t sector, uint64_t endSector) {
  auto [found, isNew] = bySector_.try_emplace({device, direction});
  Order& order = found->second;
  if (isNew) {
    forEach([&](Slot slot) {
      const OpenBio& bio = bios_[slot];
      if (bio.device == device && bio.direction == direction) order.bios.insert({bio.sector, slot});
    });
  }
  Slot newest = kNone;
  auto at = order.bios.upper_bound({sector, kNone});
  for (int tried = 0; at != order.bios.begin() && tried < kMostTried; ++tried) {
    --at;
    const OpenBio& bio = bios_[at->second];
    bool holds = !bio.issued() && !bio.ended && bio.endSector() >= endSector;
    if (holds && (newest == kNone || bio.lastSeen() > bios_[newest].lastSeen())) newest = at->second;
  }
  return newest;
}

}  // namespace blkscope

#include "analyse/open_bios.h"

#include <utility>

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
  std::vector<Slot> old = std::move(index_);
  resize(2 * bios_.size());
  // From an empty place on, so that bios of one key are met in their order.
  size_t start = 0;
  while (old[start] != kNone) ++start;
  for (size_t i = 0; i < old.size(); ++i) {
    Slot slot = old[(start + i) & (old.size() - 1)];
    if (slot != kNone) place(slot);
  }
}

/// Makes room for so many bios, with none of them in the index. All that there were are taken.
void OpenBios::resize(size_t bios) {
  size_t before = bios_.size();
  bios_.resize(bios);
  index_.assign(2 * bios, kNone);
  mask_ = static_cast<uint32_t>(index_.size() - 1);
  free_.resize(bios);
  for (size_t slot = bios; slot > before; --slot) free_[freeCount_++] = static_cast<Slot>(slot - 1);
}

}  // namespace blkscope

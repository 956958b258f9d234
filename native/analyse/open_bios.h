// The bios that were queued and have not completed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// How far a bio has come. A bio that was merged at the end of a request is never the one its request starts with.
enum class BioStage : uint8_t { queued, frontMerged, backMerged, issued };

/// A bio, or the part of it that one request took. 64 bytes: a cache line.
struct OpenBio {
  uint64_t sector = 0;
  uint64_t queue = 0;
  uint64_t getrq = 0;
  uint64_t insert = 0;
  uint64_t issue = 0;
  uint32_t bytes = 0;
  /// Of the request that starts with this bio, once issued; else 0.
  uint32_t requestBytes = 0;
  uint32_t device = 0;
  uint32_t pid = 0;
  /// Index + 1 of the row begun by an earlier, partial completion; 0: none.
  uint32_t begun = 0;
  uint16_t merges = 0;  // bios that joined the request that starts with this one, once issued
  Direction direction = Direction::none;
  BioStage stage = BioStage::queued;

  bool issued() const { return stage == BioStage::issued; }
  uint64_t endSector() const { return sector + (bytes >> 9); }
  uint64_t lastSeen() const { return issue ? issue : insert ? insert : getrq ? getrq : queue; }
};
static_assert(sizeof(OpenBio) == 64);

/// A hash table by device and first sector; bios with the same key are found in the order they came.
///
/// Linear probing over an index of 8 bytes a bio, half full at most; erasing moves later entries up, which keeps
/// equal keys in order and needs no tombstones. The bios themselves never move.
class OpenBios {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = UINT32_MAX;

  OpenBios() : index_(kLeastIndex), mask_(kLeastIndex - 1) {}

  OpenBio& operator[](Slot slot) { return bios_[slot]; }
  size_t size() const { return count_; }

  Slot insert(const OpenBio& bio) {
    if (2 * (count_ + 1) > index_.size()) grow();
    Slot slot;
    if (free_.empty()) {
      slot = static_cast<Slot>(bios_.size());
      bios_.push_back(bio);
    } else {
      slot = free_.back();
      free_.pop_back();
      bios_[slot] = bio;
    }
    place({hashOf(bio.device, bio.sector), slot});
    ++count_;
    return slot;
  }

  /// The oldest bio of this direction that starts there and for which `accept(const OpenBio&)` holds; else kNone.
  template <class Accept>
  Slot find(uint32_t device, Direction direction, uint64_t sector, Accept accept) const {
    uint32_t hash = hashOf(device, sector);
    for (uint32_t i = hash & mask_; index_[i].slot != kNone; i = (i + 1) & mask_) {
      if (index_[i].hash != hash) continue;
      const OpenBio& bio = bios_[index_[i].slot];
      if (bio.sector == sector && bio.device == device && bio.direction == direction && accept(bio)) {
        return index_[i].slot;
      }
    }
    return kNone;
  }

  void erase(Slot slot) {
    uint32_t i = hashOf(bios_[slot].device, bios_[slot].sector) & mask_;
    while (index_[i].slot != slot) i = (i + 1) & mask_;
    closeGap(i);
    free_.push_back(slot);
    bios_[slot].direction = Direction::none;  // marks it free: no bio in the table has none
    --count_;
  }

  /// Calls visit(Slot) for every bio; it may erase that one.
  template <class Visit>
  void forEach(Visit visit) {
    for (Slot slot = 0; slot < bios_.size(); ++slot) {
      if (bios_[slot].direction != Direction::none) visit(slot);
    }
  }

 private:
  struct Entry {
    uint32_t hash = 0;
    Slot slot = kNone;
  };
  static constexpr size_t kLeastIndex = 1024;

  static uint32_t hashOf(uint32_t device, uint64_t sector) {
    uint64_t mixed = (sector ^ (uint64_t{device} << 40)) * 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(mixed >> 32);
  }

  void place(Entry entry) {
    uint32_t i = entry.hash & mask_;
    while (index_[i].slot != kNone) i = (i + 1) & mask_;
    index_[i] = entry;
  }

  void closeGap(uint32_t gap) {
    for (uint32_t i = (gap + 1) & mask_; index_[i].slot != kNone; i = (i + 1) & mask_) {
      uint32_t home = index_[i].hash & mask_;
      if (((i - home) & mask_) < ((i - gap) & mask_)) continue;  // would come before its home
      index_[gap] = index_[i];
      gap = i;
    }
    index_[gap] = {};
  }

  void grow() {
    std::vector<Entry> old(2 * index_.size());
    old.swap(index_);
    mask_ = static_cast<uint32_t>(index_.size() - 1);
    // From an empty place on, so that entries of one key are met in their order.
    size_t start = 0;
    while (old[start].slot != kNone) ++start;
    for (size_t i = 0; i < old.size(); ++i) {
      const Entry& entry = old[(start + i) & (old.size() - 1)];
      if (entry.slot != kNone) place(entry);
    }
  }

  std::vector<Entry> index_;
  uint32_t mask_;
  std::vector<OpenBio> bios_;
  std::vector<Slot> free_;
  size_t count_ = 0;
};

}  // namespace blkscope

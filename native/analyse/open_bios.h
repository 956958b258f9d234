// The bios that were queued and have not completed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// How far a bio has come. A bio that was merged at the end of a request is never the one its request starts with;
/// one that was requeued is: its request was issued, and waits to be issued again.
enum class BioStage : uint8_t { queued, frontMerged, backMerged, requeued, issued };

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
/// Linear probing over an index of 4 bytes a bio, half full at most; erasing moves later entries up, which keeps
/// equal keys in order and needs no tombstones. The bios themselves never move but when the table grows, and the
/// place freed last is taken first: what is in flight stays in the first-level cache.
class OpenBios {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = UINT32_MAX;

  OpenBios() { resize(kLeast); }

  OpenBio& operator[](Slot slot) { return bios_[slot]; }
  const OpenBio& operator[](Slot slot) const { return bios_[slot]; }
  size_t size() const { return bios_.size() - freeCount_; }

  /// A bio of which nothing is known yet but its key.
  Slot insert(uint32_t device, Direction direction, uint64_t sector) {
    if (freeCount_ == 0) grow();
    Slot slot = free_[--freeCount_];
    OpenBio& bio = bios_[slot];
    bio = {};
    bio.sector = sector;
    bio.device = device;
    bio.direction = direction;
    place(slot);
    return slot;
  }

  /// A copy of a bio that may have changed in all but its device and direction.
  Slot insert(const OpenBio& bio) {
    OpenBio copy = bio;  // growing moves the bios
    Slot slot = insert(copy.device, copy.direction, copy.sector);
    bios_[slot] = copy;
    return slot;
  }

  /// The oldest bio of this direction that starts there and for which `accept(const OpenBio&)` holds; else kNone.
  template <class Accept>
  Slot find(uint32_t device, Direction direction, uint64_t sector, Accept accept) const {
    for (uint32_t i = hashOf(device, sector) & mask_;; i = (i + 1) & mask_) {
      Slot slot = index_[i];
      if (slot == kNone) return kNone;
      const OpenBio& bio = bios_[slot];
      if (bio.sector == sector && bio.device == device && bio.direction == direction && accept(bio)) return slot;
    }
  }

  void erase(Slot slot) {
    uint32_t i = homeOf(slot);
    while (index_[i] != slot) i = (i + 1) & mask_;
    if (index_[(i + 1) & mask_] == kNone) {
      index_[i] = kNone;
    } else {
      closeGap(i);
    }
    bios_[slot].direction = Direction::none;  // marks it free: no bio in the table has none
    free_[freeCount_++] = slot;
  }

  /// Calls visit(Slot) for every bio; it may erase that one.
  template <class Visit>
  void forEach(Visit visit) {
    for (Slot slot = 0; slot < bios_.size(); ++slot) {
      if (bios_[slot].direction != Direction::none) visit(slot);
    }
  }

 private:
  static constexpr size_t kLeast = 512;

  static uint32_t hashOf(uint32_t device, uint64_t sector) {
    uint64_t mixed = (sector ^ (uint64_t{device} << 40)) * 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(mixed >> 32);
  }
  uint32_t homeOf(Slot slot) const { return hashOf(bios_[slot].device, bios_[slot].sector) & mask_; }

  void place(Slot slot) {
    uint32_t i = homeOf(slot);
    while (index_[i] != kNone) i = (i + 1) & mask_;
    index_[i] = slot;
  }

  void closeGap(uint32_t gap);
  void grow();
  void resize(size_t bios);

  std::vector<Slot> index_;
  uint32_t mask_ = 0;
  std::vector<OpenBio> bios_;
  std::vector<Slot> free_;  // a stack of freeCount_, as long as the bios
  size_t freeCount_ = 0;
};

}  // namespace blkscope

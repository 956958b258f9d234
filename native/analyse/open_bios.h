// The bios that were queued and have not completed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "analyse/io_row.h"
#include "decode/event.h"

namespace blkscope {

/// How far a bio has come. A bio that was merged at the end of a request is never the one its request starts with;
/// one that was requeued is: its request was issued, and waits to be issued again.
enum class BioStage : uint8_t { queued, frontMerged, backMerged, requeued, issued };

/// A bio, or the part of it that one request took. 64 bytes: a cache line.
struct OpenBio {
  uint64_t sector = 0;
  uint64_t queue = kNotSeen;
  uint64_t getrq = kNotSeen;
  uint64_t insert = kNotSeen;
  uint64_t issue = kNotSeen;
  uint32_t bytes = 0;
  /// Of the request that starts with this bio, once issued; else 0.
  uint32_t requestBytes = 0;
  uint32_t device = 0;
  uint32_t pid = 0;
  /// Index + 1 of the row begun by an earlier, partial completion; 0: none.
  uint32_t begun = 0;
  uint16_t merges : 12 = 0;  // bios that joined the request that starts with this one, once issued
  static constexpr uint32_t kMostMerges = (1 << 12) - 1;
  /// It is in no queue's depth: it has not moved for long, or its device lies on another.
  uint16_t uncounted : 1 = 0;
  /// Its completion has come, and waits whether its issue bears a later time.
  uint16_t ended : 1 = 0;
  /// When it was issued its completion seemed to have come before, too long before to be sure.
  uint16_t clocksApart : 1 = 0;
  /// Device mapper took pieces off its front: its completion is told of the last piece alone.
  uint16_t trimmed : 1 = 0;
  Direction direction = Direction::none;
  BioStage stage = BioStage::queued;

  bool issued() const { return stage == BioStage::issued; }
  /// Whether it is counted in the queue's depth: one of a request's bios is.
  bool inQueue() const { return issued() && !uncounted && (requestBytes != 0 || bytes == 0); }
  uint64_t endSector() const { return sector + (bytes >> 9); }
  /// At every point up to its issue: a time that was seen never has the highest bit.
  bool allSeen() const { return static_cast<int64_t>(queue | getrq | insert | issue) >= 0; }
  uint64_t lastSeen() const {
    for (uint64_t time : {issue, insert, getrq, queue}) {
      if (time != kNotSeen) return time;
    }
    return 0;
  }
};
static_assert(sizeof(OpenBio) == 64);

/// A hash table by device, direction and first sector; bios with the same key are met from the newest to the oldest.
///
/// Linear probing over an index of 4 bytes a key, half full at most; erasing moves later entries up, which needs no
/// tombstones. An entry is the newest bio of its key, and each bio links the one before: so one whose completion was
/// lost costs those after it nothing. The bios themselves never move but when the table grows, and the place freed last
/// is taken first: what is in flight stays in the first-level cache.
class OpenBios {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = UINT32_MAX;
  /// So many of one key are looked at; older ones are as good as lost.
  static constexpr int kMostTried = 64;

  OpenBios() { resize(kLeast); }

  OpenBio& operator[](Slot slot) { return bios_[slot]; }
  const OpenBio& operator[](Slot slot) const { return bios_[slot]; }
  size_t size() const { return bios_.size() - freeCount_; }
  /// The next one makes the table grow.
  bool full() const { return freeCount_ == 0; }

  /// A bio of which nothing is known yet but its key.
  Slot insert(uint32_t device, Direction direction, uint64_t sector) {
    if (freeCount_ == 0) grow();
    Slot slot = free_[--freeCount_];
    // In its place: a copy of one made beside it would wait for that to be written.
    std::construct_at(&bios_[slot], OpenBio{.sector = sector, .device = device, .direction = direction});
    place(slot);
    if (!bySector_.empty()) addToOrder(slot);
    last_ = slot;
    return slot;
  }

  /// A copy of a bio that may have changed in all but its device and direction.
  Slot insert(const OpenBio& bio) {
    OpenBio copy = bio;  // growing moves the bios
    Slot slot = insert(copy.device, copy.direction, copy.sector);
    bios_[slot] = copy;
    return slot;
  }

  /// The newest bio of this direction that starts there and for which `accept(const OpenBio&)` holds; else kNone.
  template <class Accept>
  Slot find(uint32_t device, Direction direction, uint64_t sector, Accept accept) const {
    Slot slot = newest(device, direction, sector);
    for (int tried = 0; slot != kNone && tried < kMostTried; slot = links_[slot].older, ++tried) {
      if (accept(bios_[slot])) return slot;
    }
    return kNone;
  }

  /// The bio with the highest `rank(const OpenBio&)`, of equal ones the newest; kNone where all have 0. None is higher
  /// than `top`.
  template <class Rank>
  [[gnu::always_inline]] Slot findBest(uint32_t device, Direction direction, uint64_t sector, int top, Rank rank) const {
    Slot slot = newest(device, direction, sector);
    if (slot == kNone || rank(bios_[slot]) == top) return slot;
    return bestFrom(slot, top, rank);
  }

  /// The bio of the same key that came before; kNone: there is none.
  Slot older(Slot slot) const { return links_[slot].older; }

  /// Of the bios that wait and hold all of [sector, endSector) the newest; else kNone. The first call for a device and
  /// direction puts its bios in order of sector, where they are kept from then on.
  Slot findAround(uint32_t device, Direction direction, uint64_t sector, uint64_t endSector);

  void erase(Slot slot) {
    if (!bySector_.empty()) takeFromOrder(slot);
    Links& links = links_[slot];
    if (links.older != kNone) links_[links.older].newer = links.newer;
    if (links.newer != kNone) {
      links_[links.newer].older = links.older;
    } else {
      uint32_t i = homeOf(slot);
      while (index_[i] != slot) i = (i + 1) & mask_;
      if (links.older != kNone) {
        index_[i] = links.older;
      } else if (index_[(i + 1) & mask_] == kNone) {
        index_[i] = kNone;
      } else {
        closeGap(i);
      }
    }
    bios_[slot].direction = Direction::none;  // marks it free: no bio in the table has none
    free_[freeCount_++] = slot;
  }

  /// Calls visit(Slot) for every bio; it may erase that one.
  template <class Visit>
  void forEach(Visit visit) const {
    for (Slot slot = 0; slot < bios_.size(); ++slot) {
      if (bios_[slot].direction != Direction::none) visit(slot);
    }
  }

 private:
  static constexpr size_t kLeast = 512;
  struct Links {
    Slot newer = kNone;
    Slot older = kNone;
  };
  /// Bios of one device and direction, by sector.
  struct Order {
    std::set<std::pair<uint64_t, Slot>> bios;
  };

  static uint32_t hashOf(uint32_t device, uint64_t sector) {
    uint64_t mixed = (sector ^ (uint64_t{device} << 40)) * 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(mixed >> 32);
  }
  uint32_t homeOf(Slot slot) const { return hashOf(bios_[slot].device, bios_[slot].sector) & mask_; }

  [[gnu::always_inline]] Slot newest(uint32_t device, Direction direction, uint64_t sector) const {
    // What happens to a bio follows its queueing most often at once; and no bio of its key can be newer than the last of all.
    const OpenBio& last = bios_[last_];
    if (last.sector == sector && last.device == device && last.direction == direction) return last_;
    for (uint32_t i = hashOf(device, sector) & mask_;; i = (i + 1) & mask_) {
      Slot slot = index_[i];
      if (slot == kNone) return kNone;
      const OpenBio& bio = bios_[slot];
      if (bio.sector == sector && bio.device == device && bio.direction == direction) return slot;
    }
  }

  template <class Rank>
  [[gnu::noinline]] Slot bestFrom(Slot slot, int top, Rank rank) const {
    Slot best = kNone;
    int bestRank = 0;
    for (int tried = 0; slot != kNone && tried < kMostTried; slot = links_[slot].older, ++tried) {
      int its = rank(bios_[slot]);
      if (its > bestRank) {
        best = slot;
        bestRank = its;
      }
      if (its == top) break;
    }
    return best;
  }

  void place(Slot slot) {
    const OpenBio& bio = bios_[slot];
    uint32_t i = homeOf(slot);
    for (; index_[i] != kNone; i = (i + 1) & mask_) {
      const OpenBio& there = bios_[index_[i]];
      if (there.sector == bio.sector && there.device == bio.device && there.direction == bio.direction) break;
    }
    Slot before = std::exchange(index_[i], slot);
    links_[slot] = {kNone, before};
    if (before != kNone) links_[before].newer = slot;
  }

  void addToOrder(Slot slot);
  void takeFromOrder(Slot slot);
  void closeGap(uint32_t gap);
  void grow();
  void resize(size_t bios);

  std::vector<Slot> index_;
  uint32_t mask_ = 0;
  std::vector<OpenBio> bios_;
  std::vector<Links> links_;
  std::vector<Slot> free_;  // a stack of freeCount_, as long as the bios
  size_t freeCount_ = 0;
  Slot last_ = 0;  // the one inserted last; it may have been erased since
  std::map<std::pair<uint32_t, Direction>, Order> bySector_;
};

}  // namespace blkscope

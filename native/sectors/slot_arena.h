// Memory for the nodes of a SectorTree: power-of-two slots out of one reservation of address space.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "system/mapping.h"

namespace blkscope {

/// A buddy allocator over reserved address space.
///
/// A slot is named by its distance from the start in units of 16 bytes, so that a node's word of 32 bits can
/// hold a name and a kind. Buddies that are both free become one slot again: the nodes of a set grow in step,
/// and without that every size they have outgrown would stay behind as waste.
///
/// Memory that cannot be had (past the limit, or refused by the kernel) makes `allocate` return kNone and
/// sets `exhausted` for good.
class SlotArena {
 public:
  using Ref = uint32_t;
  static constexpr Ref kNone = UINT32_MAX;
  /// Orders 0 to 7: slots of 16 bytes to 2 KiB, each aligned to its size.
  static constexpr int kOrders = 8;
  static constexpr size_t slotBytes(int order) { return kUnit << order; }

  /// What 27 bits can name.
  static constexpr size_t kMostBytes = size_t{2} << 30;

  explicit SlotArena(size_t mostBytes = kMostBytes) : mostBytes_(std::min(mostBytes, kMostBytes)) {}

  /// A slot of 16 << order bytes with anything in it, or kNone.
  Ref allocate(int order);
  void release(Ref ref, int order);

  /// The slot's memory, valid until the arena goes. Up to 64 bytes past a slot may be read (never
  /// written), so that a log may be searched a vector at a time.
  std::byte* at(Ref ref) const { return slots_ + size_t{ref} * kUnit; }

  /// Memory in use, in bytes: all slots ever given out, and the lists of free ones. Of huge pages, up to 2
  /// MiB more may be resident.
  size_t memoryBytes() const;
  bool exhausted() const { return exhausted_; }

 private:
  static constexpr size_t kUnit = 16;
  static constexpr size_t kMargin = 64;
  static constexpr int kTopOrder = kOrders - 1;

  bool extend();
  bool commit(size_t needed);
  bool isFree(Ref ref, int order) const;
  void pushFree(Ref ref, int order);
  void removeFree(Ref ref, int order);
  uint32_t position(Ref ref) const;
  void setPosition(Ref ref, uint32_t position);

  Mapping mapping_;
  /// Where the reservation is first aligned to a huge page.
  std::byte* slots_ = nullptr;
  size_t mostBytes_;
  size_t used_ = 0;
  size_t committed_ = 0;
  bool exhausted_ = false;
  // A free slot holds its position here. What claims to be free is so only if the list agrees: live slots
  // need no mark of their own.
  std::array<std::vector<Ref>, kOrders> free_;
};

}  // namespace blkscope

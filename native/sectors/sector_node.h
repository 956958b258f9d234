// One node of a SectorTree: what it is, and where its contents are.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "sectors/run_list.h"
#include "sectors/slot_arena.h"

namespace blkscope {

/// A node in 32 bits, so that a table of 512 takes 2 KiB. All zero is an empty one.
///
/// What a number means, and how many there are, follows from the node's level: 4096 sectors in a cell.
struct Node {
  enum Kind : uint32_t {
    kEmpty,
    kFull,
    /// One run, held in the node itself; cells only.
    kOne,
    /// A table of child nodes; above the cells only.
    kTable,
    /// One bit a 4 KiB block; cells only.
    kBlocks,
    /// One bit a sector; cells only.
    kSectors,
    /// A PieceLog of 16 to 256 bytes; cells only.
    kLog,
    /// A RunList of 16 to 512 bytes.
    kList = kLog + 5,
  };

  static constexpr int kKindBits = 5;

  uint32_t bits = 0;

  static Node make(uint32_t kind, SlotArena::Ref ref = 0) { return {kind | ref << kKindBits}; }
  /// A node of a kind that has a slot, with anything in it; an empty node on an exhausted arena.
  static Node allocate(SlotArena& arena, uint32_t kind) {
    SlotArena::Ref ref = arena.allocate(make(kind).slotOrder());
    return ref == SlotArena::kNone ? Node() : make(kind, ref);
  }
  static Node one(Run run) { return {kOne | run.from << kKindBits | (run.to - 1) << (kKindBits + 12)}; }

  uint32_t kind() const { return bits & ((1 << kKindBits) - 1); }
  SlotArena::Ref ref() const { return bits >> kKindBits; }
  Run run() const { return {bits >> kKindBits & 0xFFF, (bits >> (kKindBits + 12)) + 1}; }
  bool empty() const { return bits == kEmpty; }
  bool full() const { return bits == kFull; }

  /// What a kind has in the arena, tables aside.
  struct Slot {
    /// Below 0 for none.
    int8_t order;
    /// All ones, or zero where the node's bits are no reference.
    uint32_t refMask;
    /// How many bits of a sector tell no 64-byte line of the slot from another.
    uint32_t lineBits;
  };
  static constexpr std::array<Slot, 32> kSlots = [] {
    std::array<Slot, 32> slots{};
    for (Slot& slot : slots) slot = {-1, 0, 12};
    auto set = [&](uint32_t kind, int order) {
      slots[kind] = {static_cast<int8_t>(order), ~0u, static_cast<uint32_t>(order > 2 ? 14 - order : 12)};
    };
    set(kBlocks, 2);
    set(kSectors, 5);
    for (int order = 0; order < 5; ++order) set(kLog + static_cast<uint32_t>(order), order);
    for (int order = 0; order < 6; ++order) set(kList + static_cast<uint32_t>(order), order);
    return slots;
  }();
  int slotOrder() const { return kSlots[kind()].order; }

  /// Moves a list to a slot twice as large. False, and nothing changed, on an exhausted arena.
  bool grow(SlotArena& arena) {
    Node larger = allocate(arena, kind() + 1);
    if (larger.empty()) return false;
    std::memcpy(arena.at(larger.ref()), arena.at(ref()), SlotArena::slotBytes(slotOrder()));
    arena.release(ref(), slotOrder());
    *this = larger;
    return true;
  }
};
static_assert(sizeof(Node) == 4);

}  // namespace blkscope

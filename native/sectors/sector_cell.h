// The leaves of a SectorTree: which of 4096 sectors (2 MiB) are in it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "sectors/piece_log.h"
#include "sectors/sector_node.h"

namespace blkscope {

namespace bitmap {

/// Sets the bits [run.from, run.to); gives how many were clear.
uint32_t set(uint64_t* words, Run run);

/// Sets the bits if they lie in one word and do not fill it; gives `unit` times how many were clear.
[[gnu::always_inline]] inline std::optional<uint32_t> setInWord(uint64_t* words, Run run, uint32_t unit) {
  uint32_t shift = run.from % 64;
  uint32_t length = run.to - run.from;
  uint64_t& word = words[run.from / 64];
  uint64_t mask = ~uint64_t{0} >> ((64 - length) % 64) << shift;
  if (shift + length > 64 || (word | mask) == ~uint64_t{0}) return std::nullopt;
  uint32_t added = unit * static_cast<uint32_t>(std::popcount(mask & ~word));
  word |= mask;
  return added;
}

/// How many bits of [run.from, run.to) are set.
uint32_t count(const uint64_t* words, Run run);

/// Calls visit(Run) for every run of ones in [within.from, within.to), in order.
template <class Visit>
void forEach(const uint64_t* words, Run within, Visit visit) {
  uint32_t at = within.from;
  while (at < within.to) {
    uint64_t ones = words[at / 64] >> (at % 64);
    if (ones == 0) {
      at = (at / 64 + 1) * 64;
      continue;
    }
    at += static_cast<uint32_t>(std::countr_zero(ones));
    if (at >= within.to) return;
    uint32_t from = at;
    do {
      uint32_t more = static_cast<uint32_t>(std::countr_one(words[at / 64] >> (at % 64)));
      at += more;
      if (more == 0 || at % 64 != 0) break;
    } while (at < within.to);
    visit(Run{from, at < within.to ? at : within.to});
  }
}

}  // namespace bitmap

/// A cell is its node and the slot that the node names. It takes the smallest form that holds it: one run; a
/// log of short runs or a list of long ones; a bitmap of 4 KiB blocks while all is in step with them; a
/// bitmap of sectors.
namespace cell {

inline constexpr uint32_t kSectors = 4096;
inline constexpr int kBits = 12;
inline constexpr uint32_t kBlock = 8;
using List = RunList<kBits, 3>;
using SectorBits = std::array<uint64_t, kSectors / 64>;

/// How many sectors of `within` there are.
uint32_t count(const SlotArena& arena, Node node, Run within);

/// Frees the cell's slot, if it has one, and empties it.
void release(SlotArena& arena, Node& node);

/// Fetches into the cache what an insertion at `sector` of the cell will touch: one line of its slot.
[[gnu::always_inline]] inline void prefetch(const SlotArena& arena, Node node, uint32_t sector) {
  // Two look-ups and no branches: in a sparse set the kinds follow one another at random.
  Node::Slot slot = Node::kSlots[node.kind()];
  __builtin_prefetch(arena.at(node.ref() & slot.refMask) + 64 * (sector >> slot.lineBits), 1);
}

/// The view of a node of one of the kLog kinds.
inline PieceLog logOf(const SlotArena& arena, Node node) {
  return {arena.at(node.ref()), node.kind() - Node::kLog};
}

/// As `insert`, for any form.
uint32_t insertAny(SlotArena& arena, Node& node, Run run);

/// As `insert`, for a cell whose log had no room for the run, or for all of it.
uint32_t insertOutgrowing(SlotArena& arena, Node& node, Run run);

/// Adds [run.from, run.to), not empty. Gives how many sectors are new; what an exhausted arena has no memory
/// for is not added.
[[gnu::always_inline]] inline uint32_t insert(SlotArena& arena, Node& node, Run run) {
  // What random reads most often come to: some pieces that are not there yet, or one word of a bitmap.
  if (node.kind() - Node::kLog < PieceLog::kOrders) {
    Insertion done = logOf(arena, node).insert(run);
    return done.room ? done.added : done.added + insertOutgrowing(arena, node, run);
  }
  uint64_t* words = reinterpret_cast<uint64_t*>(arena.at(node.ref()));
  std::optional<uint32_t> added;
  if (node.kind() == Node::kBlocks && (run.from | run.to) % kBlock == 0) {
    added = bitmap::setInWord(words, {run.from / kBlock, run.to / kBlock}, kBlock);
  } else if (node.kind() == Node::kSectors) {
    added = bitmap::setInWord(words, run, 1);
  }
  return added ? *added : insertAny(arena, node, run);
}

/// Calls visit(Run) for the cell's runs within [within.from, within.to), in order.
template <class Visit>
void forEach(const SlotArena& arena, Node node, Run within, Visit visit) {
  auto clipped = [&](Run run) {
    run = clip(run, within);
    if (run.from < run.to) visit(run);
  };
  const uint64_t* words = reinterpret_cast<const uint64_t*>(arena.at(node.ref()));
  switch (node.kind()) {
    case Node::kEmpty:
      return;
    case Node::kFull:
      return visit(within);
    case Node::kOne:
      return clipped(node.run());
    case Node::kBlocks:
      return bitmap::forEach(words, {within.from / kBlock, (within.to + kBlock - 1) / kBlock}, [&](Run run) {
        clipped({run.from * kBlock, run.to * kBlock});
      });
    case Node::kSectors:
      return bitmap::forEach(words, within, visit);
    default:
      break;
  }
  if (node.kind() >= Node::kList) return List(arena.at(node.ref())).forEach(within, visit);
  SectorBits bits{};
  logOf(arena, node).forEach([&](Run piece) { bitmap::set(bits.data(), piece); });
  bitmap::forEach(bits.data(), within, visit);
}

}  // namespace cell
}  // namespace blkscope

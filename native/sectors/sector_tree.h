// A radix tree over the 64-bit sector space: the union of intervals, without waste where it is empty, full or
// sparse.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "sectors/sector_cell.h"

namespace blkscope {

/// Sectors [from, to) of the whole space.
struct Interval {
  uint64_t from = 0;
  uint64_t to = 0;
  bool contains(Interval other) const { return other.from - from < to - from && other.to <= to; }
};

/// Levels: 0 a cell of 2 MiB, 1 a chunk of 1 GiB, and each next one 512 times as much, 6 all of it.
///
/// A node of any level is empty, full, or a table of the level below; a chunk with few runs is a list of
/// them. The root is only as high as the highest sector asks for.
class SectorTree {
 public:
  explicit SectorTree(size_t mostBytes = SlotArena::kMostBytes) : arena_(mostBytes) {}

  /// Adds an interval that is not empty.
  void insert(Interval run);
  /// Adds up to kBatch of them at a time; what they need is fetched into the cache beforehand.
  void insert(std::span<const Interval> runs);
  static constexpr size_t kBatch = 64;

  /// Some interval that is in the set: what was there already when it was inserted last, and what lies around it.
  /// Whoever inserts the same again and again need not insert what this contains.
  const Interval& known() const { return known_; }

  uint64_t size() const { return size_; }
  uint64_t count(Interval within) const {
    within.to = std::min(within.to, reach());
    return within.from < within.to ? count(root_, height_, within) : 0;
  }

  /// Calls visit(Interval) for the runs within an interval, clipped to it, in order; runs may touch.
  template <class Visit>
  void forEach(Interval within, Visit visit) const {
    within.to = std::min(within.to, reach());
    if (within.from < within.to) forEach(root_, height_, 0, within, visit);
  }

  size_t memoryBytes() const { return arena_.memoryBytes(); }
  bool complete() const { return !arena_.exhausted(); }

 private:
  // Children of a table: small ones, since a set that is small has a table or two.
  static constexpr int kTableBits = 9;
  static constexpr uint32_t kChildren = 1 << kTableBits;
  static constexpr int kTableOrder = 7;
  static_assert(kChildren * sizeof(Node) == SlotArena::slotBytes(kTableOrder));
  static constexpr int kTop = 6;
  static constexpr int kChunkBits = cell::kBits + kTableBits;
  static int bits(int level) { return cell::kBits + kTableBits * level; }
  using List = RunList<kChunkBits, 6>;

  // Beyond 85 runs a table costs less.
  static constexpr uint32_t kLargestList = Node::kList + 5;

  /// Sectors in a node; 0 for the top, whose 2^64 nothing can fill.
  static uint64_t span(int level) { return level == kTop ? 0 : uint64_t{1} << bits(level); }
  uint64_t reach() const { return reach_; }

  Node* children(Node node) const { return reinterpret_cast<Node*>(arena_.at(node.ref())); }
  Node* child(Node node, int level, uint64_t sector) const {
    return children(node) + (sector >> bits(level) & (kChildren - 1));
  }

  /// The node of the cell that a run lies in; null if there is none, or the run is in more than one.
  Node* findCell(Interval run) const {
    if ((run.from ^ (run.to - 1)) >> cell::kBits != 0 || run.to > reach_) return nullptr;
    Node node = root_;
    for (int level = height_ - 1; level > 1; --level) {
      if (node.kind() != Node::kTable) return nullptr;
      node = *child(node, level, run.from);
    }
    if (height_ > 1) {
      if (node.kind() != Node::kTable) return nullptr;
      node = *child(node, 1, run.from);
    }
    return node.kind() == Node::kTable ? child(node, 0, run.from) : nullptr;
  }

  void insertUnlessKnown(Interval run);
  Interval around(Interval run) const;
  Interval aroundCell(Node table, uint64_t sector) const;
  bool raise();
  bool makeTable(Node& node);
  uint64_t insert(Node& node, int level, Interval run);
  uint64_t insertIntoList(Node& node, Interval run);
  uint64_t burst(Node& node, Interval run);
  void fill(Node& node, const Node* changed);
  void fillUp(Node& node, int level, uint64_t sector);
  void release(Node& node, int level);
  uint64_t count(Node node, int level, Interval within) const;

  /// Calls part(child, its first sector, the part of `within` in it) for the children of a table.
  template <class Part>
  void overChildren(Node table, int level, Interval within, Part part) const {
    uint64_t size = span(level - 1);
    for (uint64_t at = within.from & ~(size - 1); at < within.to; at += size) {
      uint64_t from = at < within.from ? within.from - at : 0;
      uint64_t to = within.to - at < size ? within.to - at : size;
      part(*child(table, level - 1, at), at, Interval{from, to});
      if (at + size < at) return;
    }
  }

  template <class Visit>
  void forEach(Node node, int level, uint64_t base, Interval within, Visit& visit) const {
    auto emit = [&](Run run) { visit(Interval{base + run.from, base + run.to}); };
    if (node.empty()) return;
    if (node.full()) return visit(Interval{base + within.from, base + within.to});
    if (level == 0) {
      cell::forEach(arena_, node, {static_cast<uint32_t>(within.from), static_cast<uint32_t>(within.to)},
                    emit);
    } else if (node.kind() == Node::kTable) {
      overChildren(node, level, within, [&](Node child, uint64_t at, Interval part) {
        forEach(child, level - 1, base + at, part, visit);
      });
    } else {
      List(arena_.at(node.ref()))
          .forEach({static_cast<uint32_t>(within.from), static_cast<uint32_t>(within.to)}, emit);
    }
  }

  SlotArena arena_;
  Node root_;
  int height_ = 1;
  uint64_t reach_ = span(1);
  uint64_t size_ = 0;
  Interval known_;
  // Changes when nodes come and go.
  uint32_t shape_ = 0;
};

}  // namespace blkscope

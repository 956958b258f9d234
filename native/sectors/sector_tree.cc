#include "sectors/sector_tree.h"

#include <array>

namespace blkscope {

void SectorTree::insert(std::span<const Interval> runs) {
  // The nodes are fetched into the cache all at once, then the slots they name.
  std::array<Node*, kBatch> cells;
  for (size_t i = 0; i < runs.size(); ++i) {
    cells[i] = findCell(runs[i]);
    __builtin_prefetch(cells[i], 1);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (cells[i] != nullptr) cell::prefetch(arena_, *cells[i], runs[i].from % cell::kSectors);
  }
  uint32_t shape = shape_;
  for (size_t i = 0; i < runs.size(); ++i) {
    Node* cell = cells[i];
    if (cell == nullptr || shape_ != shape) {
      insertUnlessKnown(runs[i]);
      continue;
    }
    uint32_t from = static_cast<uint32_t>(runs[i].from % cell::kSectors);
    uint32_t added =
        cell::insert(arena_, *cell, {from, from + static_cast<uint32_t>(runs[i].to - runs[i].from)});
    size_ += added;
    if (!cell->full()) continue;
    if (added > 0) {
      fillUp(root_, height_, runs[i].from);
    } else {
      known_ = around(runs[i]);
    }
  }
}

void SectorTree::insertUnlessKnown(Interval run) {
  if (known_.contains(run)) return;
  uint64_t before = size_;
  insert(run);
  if (size_ == before && complete()) known_ = around(run);
}

/// What a run that is in the set lies in, or begins in, as far as a node or a few cells tell.
Interval SectorTree::around(Interval run) const {
  if (run.to > reach_) return {};
  Node node = root_;
  for (int level = height_; level > 0; --level) {
    uint64_t base = level == kTop ? 0 : run.from & ~(span(level) - 1);
    if (node.full()) return {base, base + span(level)};
    if (node.empty()) return {};
    if (node.kind() != Node::kTable) {
      List list(arena_.at(node.ref()));
      Run found = list[list.firstEndingAt(static_cast<uint32_t>(run.from - base) + 1)];
      return {base + found.from, base + found.to};
    }
    if (level == 1) return aroundCell(node, run.from);
    node = *child(node, level - 1, run.from);
  }
  return {};
}

/// The cell of a sector, if it is full, and what is full of those behind it.
Interval SectorTree::aroundCell(Node table, uint64_t sector) const {
  constexpr uint64_t kMostCells = 32;
  const Node* cells = children(table);
  uint64_t first = sector >> cell::kBits & (kChildren - 1);
  uint64_t last = std::min<uint64_t>(first + kMostCells, kChildren);
  uint64_t at = first;
  while (at < last && cells[at].full()) ++at;
  uint64_t from = sector & ~uint64_t{cell::kSectors - 1};
  return {from, from + (at - first) * cell::kSectors};
}

void SectorTree::insert(Interval run) {
  while (run.to > reach()) {
    if (!raise()) return;
  }
  size_ += insert(root_, height_, run);
}

bool SectorTree::raise() {
  Node below = root_;
  if (!below.empty()) {
    Node above;
    if (!makeTable(above)) return false;
    children(above)[0] = below;
    root_ = above;
  }
  ++height_;
  reach_ = height_ == kTop ? UINT64_MAX : span(height_);
  ++shape_;
  return true;
}

bool SectorTree::makeTable(Node& node) {
  SlotArena::Ref ref = arena_.allocate(kTableOrder);
  if (ref == SlotArena::kNone) return false;
  node = Node::make(Node::kTable, ref);
  std::fill_n(children(node), kChildren, Node());
  return true;
}

uint64_t SectorTree::insert(Node& node, int level, Interval run) {
  if (node.full()) return 0;
  if (level == 0) {
    return cell::insert(arena_, node, {static_cast<uint32_t>(run.from), static_cast<uint32_t>(run.to)});
  }
  if (run.to - run.from == span(level)) {
    uint64_t added = span(level) - count(node, level, run);
    release(node, level);
    node = Node::make(Node::kFull);
    return added;
  }
  if (level == 1 && node.kind() != Node::kTable) return insertIntoList(node, run);
  if (node.empty() && !makeTable(node)) return 0;
  uint64_t added = 0;
  overChildren(node, level, run,
               [&](Node& child, uint64_t, Interval part) { added += insert(child, level - 1, part); });
  if (added > 0) fill(node, child(node, level - 1, run.from));
  return added;
}

uint64_t SectorTree::insertIntoList(Node& node, Interval run) {
  if (node.empty()) {
    node = Node::allocate(arena_, Node::kList);
    if (node.empty()) return 0;
    List(arena_.at(node.ref())).assign(nullptr, 0);
  }
  List list(arena_.at(node.ref()));
  Run part{static_cast<uint32_t>(run.from), static_cast<uint32_t>(run.to)};
  Insertion done = list.insert(part, List::capacity(node.slotOrder()));
  if (!done.room) {
    if (node.kind() < kLargestList) return node.grow(arena_) ? insertIntoList(node, run) : 0;
    return burst(node, run);
  }
  if (list.count() == 1 && list[0].to - list[0].from == span(1)) {
    release(node, 1);
    node = Node::make(Node::kFull);
  }
  return done.added;
}

uint64_t SectorTree::burst(Node& node, Interval run) {
  Node table;
  if (!makeTable(table)) return 0;
  List list(arena_.at(node.ref()));
  // What an exhausted arena loses of the old runs is taken off, in unsigned arithmetic: the size stays the
  // tree's.
  uint64_t added = 0;
  list.forEach({0, static_cast<uint32_t>(span(1))}, [&](Run old) {
    added += insert(table, 1, {old.from, old.to}) - (old.to - old.from);
  });
  release(node, 1);
  node = table;
  return added + insert(node, 1, run);
}

void SectorTree::fill(Node& node, const Node* changed) {
  if (!changed->full()) return;
  const Node* first = children(node);
  const Node* end = first + kChildren;
  while (end > first && end[-1].full()) --end;
  if (end > first) return;
  arena_.release(node.ref(), kTableOrder);
  ++shape_;
  node = Node::make(Node::kFull);
}

void SectorTree::fillUp(Node& node, int level, uint64_t sector) {
  Node* below = child(node, level - 1, sector);
  if (level > 1) fillUp(*below, level - 1, sector);
  fill(node, below);
}

void SectorTree::release(Node& node, int level) {
  if (node.kind() == Node::kTable) {
    for (uint32_t i = 0; i < kChildren; ++i) release(children(node)[i], level - 1);
    arena_.release(node.ref(), kTableOrder);
    ++shape_;
    node = {};
  } else {
    cell::release(arena_, node);
  }
}

uint64_t SectorTree::count(Node node, int level, Interval within) const {
  if (node.empty()) return 0;
  if (node.full()) return within.to - within.from;
  Run part{static_cast<uint32_t>(within.from), static_cast<uint32_t>(within.to)};
  if (level == 0) return cell::count(arena_, node, part);
  uint64_t total = 0;
  if (node.kind() == Node::kTable) {
    overChildren(node, level, within,
                 [&](Node child, uint64_t, Interval inner) { total += count(child, level - 1, inner); });
  } else {
    List(arena_.at(node.ref())).forEach(part, [&](Run run) { total += run.to - run.from; });
  }
  return total;
}

}  // namespace blkscope

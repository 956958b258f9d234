#include "sectors/sector_cell.h"

#include <algorithm>

namespace blkscope {
namespace bitmap {
namespace {

/// Calls apply(word index, mask) for the words that [run.from, run.to) lies in.
template <class Apply>
void overWords(Run run, Apply apply) {
  uint32_t first = run.from / 64;
  uint32_t last = (run.to - 1) / 64;
  uint64_t head = ~uint64_t{0} << (run.from % 64);
  uint64_t tail = ~uint64_t{0} >> (63 - (run.to - 1) % 64);
  if (first == last) return apply(first, head & tail);
  apply(first, head);
  for (uint32_t i = first + 1; i < last; ++i) apply(i, ~uint64_t{0});
  apply(last, tail);
}

/// Whether all `count` words are ones; `changed` is one that just changed, and nearly always answers.
bool allOnes(const uint64_t* words, uint32_t count, uint32_t changed) {
  if (words[changed] != ~uint64_t{0}) return false;
  while (count > 0 && words[count - 1] == ~uint64_t{0}) --count;
  return count == 0;
}

}  // namespace

uint32_t set(uint64_t* words, Run run) {
  uint32_t added = 0;
  overWords(run, [&](uint32_t i, uint64_t mask) {
    added += static_cast<uint32_t>(std::popcount(mask & ~words[i]));
    words[i] |= mask;
  });
  return added;
}

uint32_t count(const uint64_t* words, Run run) {
  uint32_t count = 0;
  overWords(run, [&](uint32_t i, uint64_t mask) {
    count += static_cast<uint32_t>(std::popcount(mask & words[i]));
  });
  return count;
}

}  // namespace bitmap

namespace cell {
namespace {

constexpr Run kWhole{0, kSectors};
constexpr uint32_t kLongestPiece = PieceLog::kLongest;

uint32_t length(Run run) { return run.to - run.from; }
bool inBlocks(Run run) { return (run.from | run.to) % kBlock == 0; }

uint64_t* wordsOf(const SlotArena& arena, Node node) {
  return reinterpret_cast<uint64_t*>(arena.at(node.ref()));
}

/// All runs of a cell in order, none touching another.
class Runs {
 public:
  void add(Run run) {
    if (count_ > 0 && items_[count_ - 1].to >= run.from) {
      items_[count_ - 1].to = std::max(items_[count_ - 1].to, run.to);
    } else {
      items_[count_++] = run;
    }
  }
  uint32_t count() const { return count_; }
  const Run* begin() const { return items_.data(); }
  const Run* end() const { return items_.data() + count_; }

 private:
  uint32_t count_ = 0;
  std::array<Run, kSectors / 2> items_;
};

Node makeList(SlotArena& arena, const Runs& runs, int order) {
  Node node = Node::allocate(arena, Node::kList + static_cast<uint32_t>(order));
  if (!node.empty()) List(arena.at(node.ref())).assign(runs.begin(), runs.count());
  return node;
}

Node makeLog(SlotArena& arena, const Runs& runs, int order) {
  Node node = Node::allocate(arena, Node::kLog + static_cast<uint32_t>(order));
  if (node.empty()) return node;
  PieceLog log = logOf(arena, node);
  log.clear();
  for (Run run : runs) {
    for (uint32_t from = run.from; from < run.to; from += kLongestPiece) {
      log.adopt({from, std::min(from + kLongestPiece, run.to)});
    }
  }
  return node;
}

Node makeBits(SlotArena& arena, const Runs& runs, uint32_t kind, uint32_t unit) {
  Node node = Node::allocate(arena, kind);
  if (node.empty()) return node;
  uint64_t* words = wordsOf(arena, node);
  std::fill_n(words, kSectors / unit / 64, 0);
  for (Run run : runs) bitmap::set(words, {run.from / unit, run.to / unit});
  return node;
}

/// How many pieces surely fit: one that crosses from line to line takes two places.
uint32_t surelyFit(uint32_t order) {
  return PieceLog::capacity(order) - ((kSectors >> PieceLog::lineBits(order)) - 1);
}

/// The smallest form of a cell that has these runs; an empty node if the arena is exhausted.
Node smallest(SlotArena& arena, const Runs& runs) {
  if (runs.count() == 1)
    return length(*runs.begin()) == kSectors ? Node::make(Node::kFull) : Node::one(*runs.begin());
  uint32_t pieces = 0;
  uint32_t edges = 0;
  for (Run run : runs) {
    pieces += (length(run) + kLongestPiece - 1) / kLongestPiece;
    edges |= run.from | run.to;
  }
  constexpr int kBlocksOrder = 1;
  constexpr int kMostOrder = 4;
  int listOrder = 0;
  int logOrder = 0;
  while (listOrder <= kMostOrder && List::capacity(listOrder) < runs.count()) ++listOrder;
  while (logOrder <= kMostOrder && surelyFit(static_cast<uint32_t>(logOrder)) < pieces) ++logOrder;
  int order = std::min(listOrder, logOrder);
  if (edges % kBlock == 0 && order >= kBlocksOrder) return makeBits(arena, runs, Node::kBlocks, kBlock);
  if (order > kMostOrder) return makeBits(arena, runs, Node::kSectors, 1);
  bool allShort = pieces == runs.count();
  return logOrder < listOrder || (allShort && logOrder == order) ? makeLog(arena, runs, logOrder)
                                                                 : makeList(arena, runs, listOrder);
}

/// Adds a run for which the cell's form has no room or no means.
uint32_t reshape(SlotArena& arena, Node& node, Run run) {
  Runs runs;
  uint32_t before = 0;
  bool placed = false;
  forEach(arena, node, kWhole, [&](Run old) {
    before += length(old);
    if (!placed && run.from <= old.from) {
      runs.add(run);
      placed = true;
    }
    runs.add(old);
  });
  if (!placed) runs.add(run);
  Node shaped = smallest(arena, runs);
  if (shaped.empty()) return 0;
  release(arena, node);
  node = shaped;
  uint32_t after = 0;
  for (Run each : runs) after += length(each);
  return after - before;
}

void becomeFull(SlotArena& arena, Node& node) {
  release(arena, node);
  node = Node::make(Node::kFull);
}

[[gnu::noinline]] uint32_t insertIntoBits(SlotArena& arena, Node& node, Run run, uint32_t wordCount) {
  uint64_t* words = wordsOf(arena, node);
  uint32_t added = bitmap::set(words, run);
  if (bitmap::allOnes(words, wordCount, run.from / 64)) becomeFull(arena, node);
  return added;
}

[[gnu::noinline]] uint32_t insertIntoOne(SlotArena& arena, Node& node, Run run) {
  Run old = node.run();
  if (run.from <= old.to && old.from <= run.to) {
    Run merged{std::min(old.from, run.from), std::max(old.to, run.to)};
    node = length(merged) == kSectors ? Node::make(Node::kFull) : Node::one(merged);
    return length(merged) - length(old);
  }
  if (std::max(length(old), length(run)) > kLongestPiece) return reshape(arena, node, run);
  Node made = Node::allocate(arena, Node::kLog);
  if (made.empty()) return 0;
  PieceLog log = logOf(arena, made);
  log.clear();
  log.adopt(old);
  log.adopt(run);
  node = made;
  return length(run);
}

/// A full log as a bitmap of blocks or sectors, or as a log of the next order.
Node outgrown(SlotArena& arena, Node node) {
  PieceLog log = logOf(arena, node);
  auto makeBits = [&](uint32_t kind, uint32_t unit) {
    Node made = Node::allocate(arena, kind);
    if (made.empty()) return made;
    uint64_t* words = wordsOf(arena, made);
    std::fill_n(words, kSectors / unit / 64, 0);
    log.forEach([&](Run piece) { bitmap::set(words, {piece.from / unit, piece.to / unit}); });
    return made;
  };
  if (node.kind() == Node::kLog) {
    bool blocks = true;
    log.forEach([&](Run piece) { blocks &= inBlocks(piece); });
    if (blocks) return makeBits(Node::kBlocks, kBlock);
  }
  if (node.kind() == Node::kLog + 4) return makeBits(Node::kSectors, 1);
  Node made = Node::allocate(arena, node.kind() + 1);
  if (made.empty()) return made;
  logOf(arena, made).copyFrom(log);
  return made;
}

[[gnu::noinline]] uint32_t insertIntoList(SlotArena& arena, Node& node, Run run) {
  List list(arena.at(node.ref()));
  Insertion done = list.insert(run, List::capacity(node.slotOrder()));
  if (!done.room) return reshape(arena, node, run);
  if (list.count() == 1 && length(list[0]) == kSectors) becomeFull(arena, node);
  return done.added;
}

}  // namespace

uint32_t insertAny(SlotArena& arena, Node& node, Run run) {
  switch (node.kind()) {
    case Node::kEmpty:
      node = length(run) == kSectors ? Node::make(Node::kFull) : Node::one(run);
      return length(run);
    case Node::kFull:
      return 0;
    case Node::kOne:
      return insertIntoOne(arena, node, run);
    case Node::kBlocks:
      if (!inBlocks(run)) return reshape(arena, node, run);
      return kBlock *
             insertIntoBits(arena, node, {run.from / kBlock, run.to / kBlock}, kSectors / kBlock / 64);
    case Node::kSectors:
      return insertIntoBits(arena, node, run, kSectors / 64);
    default:
      return node.kind() < Node::kList ? insert(arena, node, run) : insertIntoList(arena, node, run);
  }
}

uint32_t insertOutgrowing(SlotArena& arena, Node& node, Run run) {
  if (length(run) > kLongestPiece) return reshape(arena, node, run);
  Node larger = outgrown(arena, node);
  if (larger.empty()) return 0;
  release(arena, node);
  node = larger;
  return insert(arena, node, run);
}

uint32_t count(const SlotArena& arena, Node node, Run within) {
  if (node.kind() == Node::kSectors) return bitmap::count(wordsOf(arena, node), within);
  uint32_t count = 0;
  forEach(arena, node, within, [&](Run run) { count += length(run); });
  return count;
}

void release(SlotArena& arena, Node& node) {
  if (int order = node.slotOrder(); order >= 0) arena.release(node.ref(), order);
  node = {};
}

}  // namespace cell
}  // namespace blkscope

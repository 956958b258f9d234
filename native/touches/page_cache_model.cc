#include "touches/page_cache_model.h"

#include <algorithm>

namespace blkscope {
namespace {

constexpr uint8_t kPresent = 1;
constexpr uint8_t kPinned = 2;
/// Touched since reclaim last looked: the accessed bit of a page table.
constexpr uint8_t kAccessed = 4;
/// It was touched once when reclaim looked.
constexpr uint8_t kReferenced = 8;
/// Touched since it was brought in.
constexpr uint8_t kUsed = 16;
/// An access starts the next window of readahead.
constexpr uint8_t kMark = 32;

}  // namespace

PageCacheModel::PageCacheModel(uint32_t blocks, uint64_t capacity, uint32_t window)
    : capacity_(std::max<uint64_t>(1, capacity)),
      window_(window),
      blocks_(blocks),
      state_(blocks),
      leftAt_(blocks),
      next_(blocks) {}

void PageCacheModel::pin(uint32_t from, uint32_t to) {
  for (uint32_t block = from; block < std::min(to, blocks_); ++block) state_[block] = kPinned;
}

void PageCacheModel::access(uint32_t block) {
  uint8_t state = state_[block];
  if (state & kPinned) return;
  if (state & kPresent) {
    if (state & kMark) readAhead(block);
  } else {
    ++figures_.waits;
    readAround(block);
  }
  // A window larger than the memory may have pushed it out again; the fault then tries once more, with success.
  if (!(state_[block] & kPresent)) bringIn(block);
  state_[block] |= kAccessed | kUsed;
}

// A fault that missed reads the window around it.
void PageCacheModel::readAround(uint32_t block) {
  if (window_ <= 1) return bringIn(block);
  asyncSize_ = window_ / 4;
  readWindow(block - std::min(block, window_ / 2));
}

// An access to a marked block reads the next window, ahead of need.
void PageCacheModel::readAhead(uint32_t block) {
  state_[block] &= static_cast<uint8_t>(~kMark);
  uint64_t next = windowStart_ + windowSize_;
  if (block != next - asyncSize_) {
    // Another stream has moved the window meanwhile: go on after what is there.
    next = uint64_t{block} + 1;
    while (next < blocks_ && next - block <= window_ && isThere(static_cast<uint32_t>(next))) ++next;
    if (next - block > window_) return;
  }
  asyncSize_ = window_;
  readWindow(next);
}

void PageCacheModel::readWindow(uint64_t start) {
  windowStart_ = start;
  windowSize_ = window_;
  uint64_t end = std::min<uint64_t>(blocks_, start + window_);
  uint64_t mark = start + window_ - asyncSize_;
  for (uint64_t at = start; at < end; ++at) {
    auto block = static_cast<uint32_t>(at);
    if (isThere(block)) continue;
    bringIn(block);
    if (at == mark) state_[block] |= kMark;
  }
}

bool PageCacheModel::isThere(uint32_t block) const { return (state_[block] & (kPresent | kPinned)) != 0; }

void PageCacheModel::bringIn(uint32_t block) {
  ++figures_.read;
  bool refault = leftAt_[block] != 0 && clock_ - leftAt_[block] <= active_.size;
  state_[block] = kPresent;
  push(refault ? active_ : inactive_, block);
  if (refault) ++clock_;
  while (inactive_.size + active_.size > capacity_) reclaim();
}

// One step of reclaim: the oldest inactive block goes, or gets another round.
void PageCacheModel::reclaim() {
  if (active_.size > inactive_.size) {
    uint32_t block = shift(active_);
    state_[block] &= static_cast<uint8_t>(~kAccessed);
    return push(inactive_, block);
  }
  uint32_t block = shift(inactive_);
  uint8_t& state = state_[block];
  if ((state & kAccessed) && (state & kReferenced)) {
    state &= static_cast<uint8_t>(~(kAccessed | kReferenced));
    push(active_, block);
    ++clock_;
  } else if (state & kAccessed) {
    state = static_cast<uint8_t>((state & ~kAccessed) | kReferenced);
    push(inactive_, block);
  } else {
    if (!(state & kUsed)) ++figures_.unused;
    state = 0;
    leftAt_[block] = clock_++;
  }
}

void PageCacheModel::push(Queue& queue, uint32_t block) {
  next_[block] = kNone;
  (queue.last == kNone ? queue.first : next_[queue.last]) = block;
  queue.last = block;
  ++queue.size;
}

uint32_t PageCacheModel::shift(Queue& queue) {
  uint32_t block = queue.first;
  queue.first = next_[block];
  if (queue.first == kNone) queue.last = kNone;
  --queue.size;
  return block;
}

}  // namespace blkscope

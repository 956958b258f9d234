#include "touches/page_cache_model.h"

#include <algorithm>
#include <cmath>

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

/// Reclaim looks at 1/4096 of a list first (DEF_PRIORITY), and frees so many pages at least (SWAP_CLUSTER_MAX).
constexpr int kFirstShift = 12;
constexpr uint64_t kBatchPages = 32;
/// Windows of this size bring in huge pages. Loading uses such a page once and any other folio page by page, which makes it
/// active; of a file that is read in such windows about the last sixth is in smaller folios.
constexpr uint32_t kHugeWindowPages = 1024;
constexpr uint64_t kPagesOfGib = 1 << 18;

}  // namespace

PageCacheModel::PageCacheModel(const PageCacheSetting& setting)
    : capacity_(std::max<uint64_t>(1, setting.capacity)),
      window_(setting.window),
      blocks_(setting.blocks),
      blockPages_(setting.blockPages),
      refresh_(setting.refresh),
      untilRefresh_(setting.refresh),
      state_(setting.blocks),
      leftAt_(setting.blocks),
      next_(setting.blocks) {}

void PageCacheModel::pin(uint32_t from, uint32_t to) {
  for (uint32_t block = from; block < std::min(to, blocks_); ++block) state_[block] = kPinned;
}

void PageCacheModel::load(uint32_t block) {
  loading_ = window_ * blockPages_ < kHugeWindowPages || block >= blocks_ - blocks_ / 6;
  access(block);
  loading_ = false;
}

void PageCacheModel::access(uint32_t block) {
  if (untilRefresh_ == 0 || --untilRefresh_ == 0) sumUp();
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
  while (inactive_.size + active_.size >= capacity_) reclaim();
  bool refault = leftAt_[block] != 0 && clock_ - leftAt_[block] <= known_.active;
  state_[block] = kPresent;
  push(refault || loading_ ? active_ : inactive_, block);
  if (!refault) return;
  ++clock_;
  ++activated_;
}

void PageCacheModel::sumUp() {
  known_ = {inactive_.size, active_.size, activated_};
  untilRefresh_ = refresh_;
}

// Active blocks age when there are more of them than inactive ones (in large memories several times as many), and when blocks
// came back and became active.
bool PageCacheModel::agesActive() const {
  uint64_t gib = (known_.inactive + known_.active) * blockPages_ / kPagesOfGib;
  auto ratio = gib == 0 ? 1 : static_cast<uint64_t>(std::sqrt(10 * static_cast<double>(gib)));
  return known_.activated != activatedBefore_ || known_.inactive * ratio < known_.active;
}

// One call of reclaim. It looks at a small share of the lists, then at twice as much, until it has freed a batch.
void PageCacheModel::reclaim() {
  uint64_t freed = 0;
  for (int shift = kFirstShift; shift >= 0 && freed < kBatchPages; --shift) {
    uint64_t inactive = (inactive_.size * blockPages_) >> shift;
    uint64_t active = agesActive() || inactive_.size == 0 ? (active_.size * blockPages_) >> shift : 0;
    while ((inactive > 0 || active > 0) && freed < kBatchPages) {
      uint64_t some = std::min(inactive, kBatchPages);
      freed += shrinkInactive(some);
      inactive -= some;
      some = std::min(active, kBatchPages);
      shrinkActive(some);
      active -= some;
    }
  }
  activatedBefore_ = known_.activated;
}

// Looks at so many pages or a little more, oldest first: they go, or get another round. What was freed, in pages.
uint64_t PageCacheModel::shrinkInactive(uint64_t pages) {
  uint64_t freed = 0;
  uint64_t blocks = std::min((pages + blockPages_ - 1) / blockPages_, inactive_.size);
  for (uint64_t i = 0; i < blocks; ++i) {
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
      freed += blockPages_;
    }
  }
  return freed;
}

void PageCacheModel::shrinkActive(uint64_t pages) {
  uint64_t blocks = std::min((pages + blockPages_ - 1) / blockPages_, active_.size);
  for (uint64_t i = 0; i < blocks; ++i) {
    uint32_t block = shift(active_);
    state_[block] &= static_cast<uint8_t>(~kAccessed);
    push(inactive_, block);
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

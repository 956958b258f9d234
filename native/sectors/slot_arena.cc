#include "sectors/slot_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "system/page_size.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14 on; older headers have no name for it
#endif

namespace blkscope {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLeastStep = 16 << 10;
constexpr size_t kLeastReserved = size_t{64} << 20;

/// Gives back what a list has needed once: a set that outgrows its small slots frees thousands, and soon none.
void shrink(std::vector<SlotArena::Ref>& list) {
  constexpr size_t kLeast = 64;
  if (list.capacity() > kLeast && list.size() < list.capacity() / 4) list.shrink_to_fit();
}

size_t roundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/// Address space for `bytes`, or for what there is of it where it is limited (ulimit -v).
Mapping reserve(size_t bytes) {
  for (; bytes >= kLeastReserved; bytes /= 2) {
    auto mapping = Mapping::map(bytes + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    if (mapping) return std::move(*mapping);
  }
  return {};
}

}  // namespace

bool SlotArena::extend() {
  size_t needed = used_ + slotBytes(kTopOrder) + kMargin;
  if (needed > mostBytes_ || (needed > committed_ && !commit(needed))) {
    exhausted_ = true;
    return false;
  }
  used_ += slotBytes(kTopOrder);
  return true;
}

bool SlotArena::commit(size_t needed) {
  if (!mapping_.valid()) {
    mapping_ = reserve(kMostBytes);
    if (!mapping_.valid()) return false;
    slots_ = mapping_.data() + (-reinterpret_cast<uintptr_t>(mapping_.data()) & (kHugePage - 1));
  }
  size_t page = pageBytes();
  // A small set grows with what it needs, a larger one by huge pages: without them, random reads of a large
  // span wait for address translation, and on virtual machines the first touch of each page costs
  // microseconds.
  size_t to = needed > kHugePage
                  ? roundUp(needed, kHugePage)
                  : std::min(roundUp(needed + std::max(kLeastStep, needed / 16), page), kHugePage);
  to = std::min({to, mapping_.size() - kHugePage, roundUp(mostBytes_, page)});
  if (to < needed) return false;
  std::byte* from = slots_ + committed_;
  size_t size = to - committed_;
  if (::mprotect(from, size, PROT_READ | PROT_WRITE) != 0) return false;
  // Both are requests: a kernel that does not know them gives the pages one by one.
  if (needed > kHugePage) ::madvise(from, size, MADV_HUGEPAGE);
  ::madvise(from, size, MADV_POPULATE_WRITE);
  committed_ = to;
  return true;
}

SlotArena::Ref SlotArena::allocate(int order) {
  int from = order;
  while (from <= kTopOrder && free_[from].empty()) ++from;
  if (from > kTopOrder) {
    if (!extend()) return kNone;
    from = kTopOrder;
    pushFree(static_cast<Ref>((used_ - slotBytes(kTopOrder)) / kUnit), from);
  }
  Ref ref = free_[from].back();
  free_[from].pop_back();
  shrink(free_[from]);
  while (from > order) {
    --from;
    pushFree(ref + (1u << from), from);
  }
  return ref;
}

void SlotArena::release(Ref ref, int order) {
  for (; order < kTopOrder; ++order) {
    Ref buddy = ref ^ (1u << order);
    if (!isFree(buddy, order)) break;
    removeFree(buddy, order);
    ref &= ~(1u << order);
  }
  pushFree(ref, order);
}

uint32_t SlotArena::position(Ref ref) const {
  uint32_t position;
  std::memcpy(&position, at(ref), sizeof position);
  return position;
}

void SlotArena::setPosition(Ref ref, uint32_t position) { std::memcpy(at(ref), &position, sizeof position); }

bool SlotArena::isFree(Ref ref, int order) const {
  uint32_t claimed = position(ref);
  return claimed < free_[order].size() && free_[order][claimed] == ref;
}

void SlotArena::pushFree(Ref ref, int order) {
  setPosition(ref, static_cast<uint32_t>(free_[order].size()));
  free_[order].push_back(ref);
}

void SlotArena::removeFree(Ref ref, int order) {
  auto& list = free_[order];
  Ref last = list.back();
  list[position(ref)] = last;
  setPosition(last, position(ref));
  list.pop_back();
  shrink(list);
}

size_t SlotArena::memoryBytes() const {
  size_t bytes = used_;
  for (const auto& list : free_) bytes += list.capacity() * sizeof(Ref);
  return bytes;
}

}  // namespace blkscope

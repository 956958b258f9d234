#include "analyse/slot_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace blkscope {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMostReserved = size_t{2} << 30;   // what 27 bits of 16-byte units can name
constexpr size_t kLeastReserved = size_t{64} << 20;  // where address space is limited (ulimit -v)
constexpr size_t kLeastStep = 16 << 10;

size_t roundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

Mapping reserve() {
  for (size_t bytes = kMostReserved; bytes >= kLeastReserved; bytes /= 2) {
    auto mapping = Mapping::map(bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    if (mapping) return std::move(*mapping);
  }
  return {};
}

}  // namespace

SlotArena::SlotArena(const SlotArena& other) { *this = other; }

SlotArena& SlotArena::operator=(const SlotArena& other) {
  if (this == &other) return *this;
  SlotArena copy;
  while (copy.used_ < other.used_ && copy.extend()) {
  }
  copy.exhausted_ |= other.exhausted_;
  if (copy.used_ == other.used_) {
    if (copy.used_ > 0) std::memcpy(copy.mapping_.data(), other.mapping_.data(), copy.used_);
    copy.free_ = other.free_;
  }
  return *this = std::move(copy);
}

bool SlotArena::extend() {
  if (!mapping_.valid()) {
    mapping_ = reserve();
    base_ = mapping_.data() + kMargin;
  }
  size_t end = used_ + slotBytes(kTopOrder);
  if (end + 2 * kMargin > committed_ && !commit(end + 2 * kMargin)) {
    exhausted_ = true;
    return false;
  }
  used_ = end;
  return true;
}

bool SlotArena::commit(size_t needed) {
  // In steps that grow with the arena, each asked for at once: a page fault each would cost more than what is
  // done with the page, on virtual machines many times more.
  size_t to = std::min(roundUp(needed + std::max(kLeastStep, needed / 16), kPage), mapping_.size());
  if (needed > to) return false;
  std::byte* from = mapping_.data() + committed_;
  if (::mprotect(from, to - committed_, PROT_READ | PROT_WRITE) != 0) return false;
#ifdef MADV_POPULATE_WRITE
  // Kernels before 5.14 refuse, and the pages come one by one.
  ::madvise(from, to - committed_, MADV_POPULATE_WRITE);
#endif
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
}

size_t SlotArena::memoryBytes() const {
  size_t bytes = committed_;
  for (const auto& list : free_) bytes += list.capacity() * sizeof(Ref);
  return bytes;
}

}  // namespace blkscope

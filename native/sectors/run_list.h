// Sorted runs packed into a slot of a SlotArena.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "sectors/slot_arena.h"

namespace blkscope {

/// A half-open range [from, to) of numbers within a node.
struct Run {
  uint32_t from;
  uint32_t to;
};

inline Run clip(Run run, Run within) {
  return {run.from > within.from ? run.from : within.from, run.to < within.to ? run.to : within.to};
}

/// What an insertion did: `added` numbers are new. Without room for all, a list adds nothing, a log perhaps a
/// part.
struct Insertion {
  uint32_t added = 0;
  bool room = true;
};

/// A view of a slot as a sorted list of runs that neither overlap nor touch, of numbers below 2^kBits.
///
/// A run takes kBytes: its first number, then its last. The slot starts with the count and the padding that
/// lets every run be loaded as one word that ends where the run ends.
template <int kBits, int kBytes>
class RunList {
 public:
  explicit RunList(std::byte* slot) : slot_(slot) {}

  static constexpr uint32_t capacity(int order) {
    return static_cast<uint32_t>((SlotArena::slotBytes(order) - kHeader) / kBytes);
  }
  uint32_t count() const { return static_cast<uint32_t>(slot_[0]); }
  Run operator[](uint32_t i) const {
    Word run = load(i);
    return {static_cast<uint32_t>(run & kMask), static_cast<uint32_t>(run >> kBits) + 1};
  }

  void assign(const Run* runs, uint32_t count) {
    setCount(count);
    for (uint32_t i = 0; i < count; ++i) store(i, runs[i]);
  }

  Insertion insert(Run run, uint32_t capacity) {
    uint32_t n = count();
    uint32_t i = firstEndingAt(run.from);
    uint32_t j = i;
    uint32_t covered = 0;
    Run merged = run;
    for (; j < n && (*this)[j].from <= run.to; ++j) {
      Run old = (*this)[j];
      covered += old.to - old.from;
      if (old.from < merged.from) merged.from = old.from;
      if (old.to > merged.to) merged.to = old.to;
    }
    if (j - i != 1) {
      if (j == i && n == capacity) return {0, false};
      std::memmove(at(i + 1), at(j), (n - j) * kBytes);
      setCount(n + 1 - (j - i));
    }
    store(i, merged);
    return {merged.to - merged.from - covered, true};
  }

  /// Calls visit(Run) for the runs within [within.from, within.to), clipped to it, in order.
  template <class Visit>
  void forEach(Run within, Visit visit) const {
    uint32_t n = count();
    for (uint32_t i = firstEndingAt(within.from + 1); i < n; ++i) {
      Run run = (*this)[i];
      if (run.from >= within.to) return;
      visit(clip(run, within));
    }
  }

  /// The index of the first run that ends at `number` or later, so at least touches a run that starts there.
  uint32_t firstEndingAt(uint32_t number) const {
    // Halving without branches: which way it goes is as good as random.
    uint32_t base = 0;
    uint32_t n = count();
    if (n == 0) return 0;
    while (n > 1) {
      uint32_t half = n / 2;
      base += endsBefore(base + half - 1, number) ? half : 0;
      n -= half;
    }
    return base + endsBefore(base, number);
  }

 private:
  static_assert(std::endian::native == std::endian::little);
  using Word = std::conditional_t<kBytes == 3, uint32_t, uint64_t>;
  static constexpr size_t kHeader = sizeof(Word) - kBytes;
  static constexpr Word kMask = (Word{1} << kBits) - 1;
  static_assert(kHeader > 0 && 2 * kBits <= 8 * kBytes);

  std::byte* at(uint32_t i) const { return slot_ + kHeader + size_t{i} * kBytes; }
  Word load(uint32_t i) const {
    Word word;
    std::memcpy(&word, at(i) - kHeader, sizeof word);
    return word >> (8 * kHeader);
  }
  void store(uint32_t i, Run run) {
    Word word = run.from | Word{run.to - 1} << kBits;
    std::memcpy(at(i), &word, kBytes);
  }
  bool endsBefore(uint32_t i, uint32_t number) const { return (load(i) >> kBits) + 1 < number; }
  void setCount(uint32_t count) { slot_[0] = static_cast<std::byte>(count); }

  std::byte* slot_;
};

}  // namespace blkscope

// Short runs in the order they came, for a cell that is sparse.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "sectors/run_list.h"

namespace blkscope {

/// A view of a slot of 16 to 256 bytes as a log of disjoint pieces, each of 1 to 16 numbers below 4096.
///
/// A piece takes two bytes: 12 bits where it starts, 4 how long it is. The slot is one line of up to 64
/// bytes, or two or four of them, each for its part of the numbers; a line starts with its count, and what it
/// has no room for goes to any line that has. What random short reads need most is to learn that none of it
/// is there yet, and then to be noted: a line is compared eight pieces at a time, nothing is moved, and no
/// branch depends on where the pieces lie.
class PieceLog {
 public:
  static constexpr uint32_t kLongest = 16;
  /// The slot's orders are 0 to 4.
  static constexpr uint32_t kOrders = 5;

  /// How many bits of a number tell no line of the slot from another.
  static constexpr uint32_t lineBits(uint32_t order) { return order > 2 ? 14 - order : 12; }
  static constexpr uint32_t capacity(uint32_t order) { return (8u << order) - (4096u >> lineBits(order)); }

  PieceLog(std::byte* slot, uint32_t order) : slot_(slot), shape_(kShapes[order]) {}

  void clear() {
    for (uint32_t line = 0; line < lines(); ++line) setPlace(line, 0, 0);
  }

  /// Adds a run: a piece that it overlaps becomes longer where that is enough, else it takes as many pieces as what is
  /// missing of it. Without room for all of it a part may be added; of one longer than kLongest, nothing.
  [[gnu::always_inline]] Insertion insert(Run run) {
    uint32_t line = run.from >> shape_.lineBits;
    uint32_t n = place(line, 0);
    bool common = (n < shape_.lineCapacity) & ((run.to - 1) >> shape_.lineBits == line) &
                  (run.to - run.from <= kLongest);
    if (!common) return insertElsewhere(run);
    uint32_t overlapping = overlappingIn(line, n, run);
    if (overlapping != 0) return insertOver(run, line, overlapping);
    put(line, n, run);
    return {run.to - run.from, true};
  }

  /// Adds a piece of which nothing is there to a log that has room for it.
  void adopt(Run piece) {
    uint32_t border = (piece.to - 1) >> shape_.lineBits << shape_.lineBits;
    if (border > piece.from) append({piece.from, border});
    append({std::max(piece.from, border), piece.to});
  }

  /// Takes over all that a smaller log has.
  void copyFrom(const PieceLog& smaller);

  /// Calls visit(Run) for every piece, in no order.
  template <class Visit>
  void forEach(Visit visit) const {
    for (uint32_t line = 0; line < lines(); ++line) {
      uint32_t n = place(line, 0);
      for (uint32_t i = 1; i <= n; ++i) visit(decode(place(line, i)));
    }
  }

 private:
  using Lanes [[gnu::vector_size(16)]] = uint16_t;
  using Signed [[gnu::vector_size(16)]] = int16_t;
  static constexpr uint32_t kLanes = 8;
  static constexpr uint32_t kLinePlaces = 32;
  static constexpr uint32_t kMostLines = 4;

  struct Shape {
    uint32_t lineBits;
    uint32_t lineCapacity;
  };
  static constexpr std::array<Shape, kOrders> kShapes{{{12, 7}, {12, 15}, {12, 31}, {11, 31}, {10, 31}}};

  static uint16_t encode(Run run) { return static_cast<uint16_t>(run.from << 4 | (run.to - run.from - 1)); }
  static Run decode(uint32_t piece) { return {piece >> 4, (piece >> 4) + (piece & 15) + 1}; }

  uint32_t lines() const { return 4096u >> shape_.lineBits; }
  std::byte* at(uint32_t line, uint32_t i) const {
    return slot_ + (line * kLinePlaces + i) * sizeof(uint16_t);
  }
  uint16_t place(uint32_t line, uint32_t i) const {
    uint16_t place;
    std::memcpy(&place, at(line, i), sizeof place);
    return place;
  }
  void setPlace(uint32_t line, uint32_t i, uint16_t place) { std::memcpy(at(line, i), &place, sizeof place); }
  void put(uint32_t line, uint32_t n, Run piece) {
    setPlace(line, n + 1, encode(piece));
    setPlace(line, 0, static_cast<uint16_t>(n + 1));
  }

  /// Which of a line's `n` pieces overlap the run, a bit a place. It is always 32 places that are compared,
  /// whatever lies in or behind those that are not used.
  [[gnu::always_inline]] uint32_t overlappingIn(uint32_t line, uint32_t n, Run run) const {
    int16_t from = static_cast<int16_t>(run.from);
    int16_t last = static_cast<int16_t>(run.to - 1);
    auto compare = [&](uint32_t i) {
      Lanes lanes;
      std::memcpy(&lanes, at(line, i * kLanes), sizeof lanes);
      Signed starts = reinterpret_cast<Signed>(lanes >> 4);
      Signed lasts = starts + reinterpret_cast<Signed>(lanes & 15);
      return (starts <= last) & (lasts >= from);
    };
    uint32_t pieces = (2u << n) - 2;  // not the first place, which is the count
    return (bitALane(compare(0), compare(1)) | bitALane(compare(2), compare(3)) << 16) & pieces;
  }

  static uint32_t bitALane(Signed low, Signed high) {
#ifdef __SSE2__
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_packs_epi16(reinterpret_cast<__m128i>(low), reinterpret_cast<__m128i>(high))));
#else
    uint32_t bits = 0;
    for (uint32_t i = 0; i < kLanes; ++i) bits |= (low[i] & 1u) << i | (high[i] & 1u) << (i + kLanes);
    return bits;
#endif
  }

  /// The run as a bit a number, without those of the overlapping pieces of a line.
  uint32_t missingOf(Run run, uint32_t line, uint32_t overlapping) const {
    uint32_t missing = (1u << (run.to - run.from)) - 1;
    for (; overlapping != 0; overlapping &= overlapping - 1) {
      Run old = clip(decode(place(line, static_cast<uint32_t>(std::countr_zero(overlapping)))), run);
      missing &= ~(((1u << (old.to - old.from)) - 1) << (old.from - run.from));
    }
    return missing;
  }

  bool append(Run piece);
  std::optional<Insertion> extend(uint32_t line, uint32_t overlapping, Run run);
  Insertion insertOver(Run run, uint32_t line, uint32_t overlapping);
  Insertion insertMissing(Run run, uint32_t missing);
  Insertion insertElsewhere(Run run);

  std::byte* slot_;
  Shape shape_;
};

}  // namespace blkscope

// Short runs in the order they came, for a cell that is sparse.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "analyse/run_list.h"

namespace blkscope {

/// A view of a slot of 16 to 256 bytes as a log of disjoint pieces, each of 1 to 16 numbers below 4096.
///
/// A piece takes two bytes: 12 bits where it starts, 4 how long it is. The slot is one line of up to 64 bytes, or two or
/// four of them, each for its part of the numbers; a line starts with its count, and what it has no room for goes to
/// any line that has. What random short reads need most is to learn that none of it is there yet, and then to be noted:
/// a line is compared eight pieces at a time, nothing is moved, and no branch depends on where the pieces lie.
class PieceLog {
 public:
  static constexpr uint32_t kLongest = 16;
  /// From orders 0 to 4 of the slot.
  static constexpr int kOrders = 5;

  /// How many bits of a number tell no line of the slot from another.
  static constexpr uint32_t lineBits(int order) { return order > 2 ? 14u - static_cast<uint32_t>(order) : 12; }
  static constexpr uint32_t capacity(int order) { return (8u << order) - (4096u >> lineBits(order)); }

  PieceLog(std::byte* slot, int order)
      : slot_(slot), lineBits_(lineBits(order)), linePlaces_(std::min(8u << order, 32u)) {}

  void clear() {
    for (uint32_t line = 0; line < lines(); ++line) {
      setPlace(line, 0, 0);
      for (uint32_t i = 1; i < linePlaces_; ++i) setPlace(line, i, kUnused);
    }
  }

  /// Adds a run that is short, none of which is there, and which its line has room for; else does nothing and gives
  /// false.
  [[gnu::always_inline]] bool note(Run run) {
    uint32_t line = run.from >> lineBits_;
    Signed overlap{};
    overVectors(line, run, [&](Lanes, Signed which) { overlap |= which; });
    uint64_t halves[2];
    std::memcpy(halves, &overlap, sizeof halves);
    uint32_t n = place(line, 0);
    // One branch: they are rarely false, and together no less rarely.
    bool can = ((halves[0] | halves[1]) == 0) & (n + 1 < linePlaces_) & ((run.to - 1) >> lineBits_ == line) &
               (run.to - run.from <= kLongest);
    if (!can) return false;
    setPlace(line, n + 1, encode(run));
    setPlace(line, 0, static_cast<uint16_t>(n + 1));
    return true;
  }

  /// Adds a run of at most kLongest numbers, in as many pieces as what is missing of it. Without room for all of it
  /// a part may be added.
  Insertion insert(Run run);

  /// Adds a piece of which nothing is there to a log that has room for it.
  void adopt(Run piece) {
    uint32_t border = (piece.to - 1) >> lineBits_ << lineBits_;
    if (border > piece.from) append({piece.from, border});
    append({std::max(piece.from, border), piece.to});
  }

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
  static constexpr uint32_t kMostPlaces = 32;
  // Looks like a piece of the last number alone.
  static constexpr uint16_t kUnused = 0xFFF0;

  // Which places of a line's 32 hold pieces, for lines of 8, 16 and 32: not the first, and not what lies behind.
  using Mask = std::array<int16_t, kMostPlaces>;
  static constexpr std::array<Mask, 3> kMasks = [] {
    std::array<Mask, 3> masks{};
    for (uint32_t size = 0; size < 3; ++size) {
      for (uint32_t i = 1; i < 8u << size; ++i) masks[size][i] = -1;
    }
    return masks;
  }();

  static uint16_t encode(Run run) { return static_cast<uint16_t>(run.from << 4 | (run.to - run.from - 1)); }
  static Run decode(uint32_t piece) { return {piece >> 4, (piece >> 4) + (piece & 15) + 1}; }

  uint32_t lines() const { return 4096u >> lineBits_; }
  std::byte* at(uint32_t line, uint32_t i) const { return slot_ + (line * kMostPlaces + i) * sizeof(uint16_t); }
  uint16_t place(uint32_t line, uint32_t i) const {
    uint16_t place;
    std::memcpy(&place, at(line, i), sizeof place);
    return place;
  }
  void setPlace(uint32_t line, uint32_t i, uint16_t place) { std::memcpy(at(line, i), &place, sizeof place); }

  /// Calls visit(pieces, which of them overlap the run) for each vector of a line. Always four: a shorter line is
  /// compared with what lies behind it, and that is masked.
  template <class Visit>
  [[gnu::always_inline]] void overVectors(uint32_t line, Run run, Visit visit) const {
    const std::byte* pieces = at(line, 0);
    const int16_t* mask = kMasks[static_cast<uint32_t>(std::countr_zero(linePlaces_)) - 3].data();
    int16_t from = static_cast<int16_t>(run.from);
    int16_t last = static_cast<int16_t>(run.to - 1);
#pragma GCC unroll 4
    for (uint32_t i = 0; i < kMostPlaces; i += kLanes) {
      Lanes lanes;
      Signed valid;
      std::memcpy(&lanes, pieces + i * sizeof(uint16_t), sizeof lanes);
      std::memcpy(&valid, mask + i, sizeof valid);
      Signed starts = reinterpret_cast<Signed>(lanes >> 4);
      Signed lasts = starts + reinterpret_cast<Signed>(lanes & 15);
      visit(lanes, (starts <= last) & (lasts >= from) & valid);
    }
  }

  bool append(Run piece);
  uint32_t missingOf(Run run, uint32_t line, uint32_t endLine) const;
  Insertion insertPart(Run run);

  std::byte* slot_;
  uint32_t lineBits_;
  uint32_t linePlaces_;
};

}  // namespace blkscope

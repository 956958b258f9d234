#include "sectors/piece_log.h"

namespace blkscope {

void PieceLog::copyFrom(const PieceLog& smaller) {
  if (lines() == 1) {
    std::memcpy(slot_, smaller.slot_, (smaller.shape_.lineCapacity + 1) * sizeof(uint16_t));
    return;
  }
  // Each to the line of its part at once; what crosses from line to line, or finds its line full, afterwards.
  std::array<uint32_t, kMostLines> counts{};
  std::array<Run, kMostLines * kLinePlaces> others;
  uint32_t otherCount = 0;
  smaller.forEach([&](Run piece) {
    uint32_t line = piece.from >> shape_.lineBits;
    bool fits = counts[line] < shape_.lineCapacity && (piece.to - 1) >> shape_.lineBits == line;
    if (fits) {
      setPlace(line, ++counts[line], encode(piece));
    } else {
      others[otherCount++] = piece;
    }
  });
  for (uint32_t line = 0; line < lines(); ++line) setPlace(line, 0, static_cast<uint16_t>(counts[line]));
  for (uint32_t i = 0; i < otherCount; ++i) adopt(others[i]);
}

/// Adds a piece of which nothing is there and which lies in one line's part; false if there is no room.
bool PieceLog::append(Run piece) {
  uint32_t home = piece.from >> shape_.lineBits;
  for (uint32_t i = 0; i < lines(); ++i) {
    uint32_t line = (home + i) & (lines() - 1);
    uint32_t n = place(line, 0);
    if (n == shape_.lineCapacity) continue;
    put(line, n, piece);
    return true;
  }
  return false;
}

/// Makes the one piece that the run overlaps as long as both; nothing if it overlaps several, or they are too long.
std::optional<Insertion> PieceLog::extend(uint32_t line, uint32_t overlapping, Run run) {
  uint32_t i = static_cast<uint32_t>(std::countr_zero(overlapping));
  Run old = decode(place(line, i));
  Run both{std::min(old.from, run.from), std::max(old.to, run.to)};
  if ((overlapping & (overlapping - 1)) != 0 || both.to - both.from > kLongest) return std::nullopt;
  setPlace(line, i, encode(both));
  return Insertion{both.to - both.from - (old.to - old.from), true};
}

/// Inserts a run of which pieces of its line have a part.
Insertion PieceLog::insertOver(Run run, uint32_t line, uint32_t overlapping) {
  if (auto extended = extend(line, overlapping, run)) return *extended;
  return insertMissing(run, missingOf(run, line, overlapping));
}

/// Adds those of the run's numbers whose bits are set. They lie in one line's part.
Insertion PieceLog::insertMissing(Run run, uint32_t missing) {
  uint32_t added = 0;
  while (missing != 0) {
    uint32_t from = static_cast<uint32_t>(std::countr_zero(missing));
    uint32_t length = static_cast<uint32_t>(std::countr_one(missing >> from));
    if (!append({run.from + from, run.from + from + length})) return {added, false};
    added += length;
    missing &= ~(((1u << length) - 1) << from);
  }
  return {added, true};
}

/// Inserts what `insert` leaves: runs that are too long, that cross from line to line, or whose line is full.
Insertion PieceLog::insertElsewhere(Run run) {
  if (run.to - run.from > kLongest) return {0, false};
  uint32_t border = (run.to - 1) >> shape_.lineBits << shape_.lineBits;
  if (border > run.from) {
    Insertion below = insert({run.from, border});
    if (!below.room) return below;
    Insertion above = insert({border, run.to});
    return {below.added + above.added, above.room};
  }
  // Only a line that is full has pieces elsewhere.
  uint32_t missing = (1u << (run.to - run.from)) - 1;
  uint32_t linesOverlapped = 0;
  uint32_t line = 0;
  uint32_t overlapping = 0;  // of the last of them
  for (uint32_t i = 0; i < lines(); ++i) {
    uint32_t here = overlappingIn(i, place(i, 0), run);
    if (here == 0) continue;
    missing &= missingOf(run, i, here);
    ++linesOverlapped;
    line = i;
    overlapping = here;
  }
  if (linesOverlapped == 1) return insertOver(run, line, overlapping);
  return insertMissing(run, missing);
}

}  // namespace blkscope

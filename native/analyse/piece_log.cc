#include "analyse/piece_log.h"

namespace blkscope {

Insertion PieceLog::insert(Run run) {
  uint32_t border = (run.to - 1) >> lineBits_ << lineBits_;
  if (border <= run.from) return insertPart(run);
  Insertion below = insertPart({run.from, border});
  if (!below.room) return below;
  Insertion above = insertPart({border, run.to});
  return {below.added + above.added, above.room};
}

/// Inserts a run that lies in one line's part.
Insertion PieceLog::insertPart(Run run) {
  uint32_t line = run.from >> lineBits_;
  // Only a line that is full has pieces elsewhere.
  bool full = place(line, 0) + 1u == linePlaces_;
  uint32_t missing = full ? missingOf(run, 0, lines()) : missingOf(run, line, line + 1);
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

/// Adds a piece of which nothing is there and which lies in one line's part; false if there is no room.
bool PieceLog::append(Run piece) {
  uint32_t home = piece.from >> lineBits_;
  for (uint32_t i = 0; i < lines(); ++i) {
    uint32_t line = (home + i) % lines();
    uint32_t n = place(line, 0);
    if (n + 1 == linePlaces_) continue;
    setPlace(line, n + 1, encode(piece));
    setPlace(line, 0, static_cast<uint16_t>(n + 1));
    return true;
  }
  return false;
}

/// The run as a bit a number, without those that are in lines [line, endLine).
uint32_t PieceLog::missingOf(Run run, uint32_t line, uint32_t endLine) const {
  uint32_t missing = (1u << (run.to - run.from)) - 1;
  auto take = [&](Run old) {
    if (old.from >= run.to || old.to <= run.from) return;
    old = clip(old, run);
    missing &= ~(((1u << (old.to - old.from)) - 1) << (old.from - run.from));
  };
  // Nearly always it is one piece or two: then the largest, and what is left without it, tell them.
  Lanes most{};
  Lanes all{};
  Lanes overlaps{};
  for (; line < endLine; ++line) {
    overVectors(line, run, [&](Lanes lanes, Signed overlap) {
      Lanes pieces = lanes & reinterpret_cast<Lanes>(overlap);
      most = pieces > most ? pieces : most;
      all ^= pieces;
      overlaps -= reinterpret_cast<Lanes>(overlap);
    });
  }
  uint16_t first = 0;
  uint16_t parity = 0;
  uint16_t found = 0;
  for (uint32_t i = 0; i < kLanes; ++i) {
    first = std::max<uint16_t>(first, most[i]);
    parity ^= all[i];
    found = static_cast<uint16_t>(found + overlaps[i]);
  }
  // Unused places look like the last number.
  if (found > 2 || run.to == 4096) {
    forEach(take);
    return missing;
  }
  take(decode(first));
  if (found == 2) take(decode(first ^ parity));
  return missing;
}

}  // namespace blkscope

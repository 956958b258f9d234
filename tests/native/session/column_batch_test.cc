#include "session/column_batch.h"

#include <doctest/doctest.h>

using namespace blkscope;

namespace {

template <class T>
T valueAt(const ColumnBlock& block, size_t start, size_t row) {
  T value;
  std::memcpy(&value, block.bytes.get() + block.rows * start + row * sizeof(T), sizeof value);
  return value;
}

}  // namespace

TEST_CASE("columns hold what was pushed, in a block as large as their rows need") {
  constexpr size_t kFew = ColumnBatch::kCapacity / 8;
  for (size_t rows : {size_t{0}, size_t{1}, size_t{7}, kFew, kFew + 1, ColumnBatch::kCapacity}) {
    CAPTURE(rows);
    ColumnBatch batch;
    for (size_t i = 0; i < rows; ++i) {
      batch.push({.time = i, .sector = i * 3, .bytes = static_cast<uint32_t>(i * 5), .cpu = static_cast<uint16_t>(i),
                  .action = Action::issue, .direction = Direction::write});
      if (i < IoColumns::kCapacity) batch.ios().push({.sector = i * 7, .complete = i * 11, .error = static_cast<uint16_t>(i), .direction = Direction::read});
    }
    size_t ioRows = batch.ios().length();
    ColumnBlock ios = batch.ios().release();
    ColumnBlock events = batch.release();
    CHECK(events.rows == (rows <= kFew ? rows : ColumnBatch::kCapacity));
    for (size_t i = 0; i < rows; ++i) {
      REQUIRE(valueAt<uint64_t>(events, ColumnBatch::kTime, i) == i);
      REQUIRE(valueAt<uint64_t>(events, ColumnBatch::kSector, i) == i * 3);
      REQUIRE(valueAt<uint32_t>(events, ColumnBatch::kByteCount, i) == static_cast<uint32_t>(i * 5));
      REQUIRE(valueAt<uint16_t>(events, ColumnBatch::kCpu, i) == static_cast<uint16_t>(i));
      REQUIRE(valueAt<uint8_t>(events, ColumnBatch::kDirection, i) == static_cast<uint8_t>(Direction::write));
    }
    for (size_t i = 0; i < ioRows; ++i) {
      REQUIRE(valueAt<uint64_t>(ios, IoColumns::kSector, i) == i * 7);
      REQUIRE(valueAt<uint64_t>(ios, IoColumns::kComplete, i) == i * 11);
      REQUIRE(valueAt<uint16_t>(ios, IoColumns::kError, i) == static_cast<uint16_t>(i));
    }
  }
}

// Columns of rows in one block of memory, as they are handed to JavaScript.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace blkscope {

/// A column whose rows begin `start` bytes into a row lies at `rows * start`: columns are as wide as their fields, one after another.
struct ColumnBlock {
  std::unique_ptr<std::byte[]> bytes;
  size_t rows = 0;  // that it has room for
};

/// The block, or where few of its rows are used (`length`) a copy that has just these: who holds a block holds all of its memory, and a
/// collector of garbage goes by that. `starts`: of each column, ascending, and last the bytes of a row.
inline ColumnBlock fitted(ColumnBlock block, size_t length, std::span<const size_t> starts) {
  constexpr size_t kFewerThanOneIn = 8;
  if (length * kFewerThanOneIn > block.rows) return block;
  ColumnBlock fit{std::make_unique_for_overwrite<std::byte[]>(length * starts.back() + 1), length};  // not even of no rows is there none
  if (length == 0) return fit;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    std::memcpy(fit.bytes.get() + length * starts[i], block.bytes.get() + block.rows * starts[i], length * (starts[i + 1] - starts[i]));
  }
  return fit;
}

}  // namespace blkscope

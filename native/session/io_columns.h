// Requests as columns: the form in which they cross to JavaScript and into the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "analyse/io_row.h"
#include "session/column_block.h"

namespace blkscope {

/// A block of memory with one column a field, for up to `capacity` requests; see NativeIoBatch in src/native/trace.ts.
class IoColumns {
 public:
  static constexpr size_t kCapacity = 32 << 10;
  static constexpr size_t kRowBytes = 67;
  static constexpr size_t kBytes = kCapacity * kRowBytes;

  bool full() const { return length_ == kCapacity; }
  size_t length() const { return length_; }

  void push(const IoRow& row) {
    if (!block_) block_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
    size_t i = length_++;
    column<uint64_t>(kSector)[i] = row.sector;
    column<uint64_t>(kQueue)[i] = row.queue;
    column<uint64_t>(kGetrq)[i] = row.getrq;
    column<uint64_t>(kInsert)[i] = row.insert;
    column<uint64_t>(kIssue)[i] = row.issue;
    column<uint64_t>(kComplete)[i] = row.complete;
    column<uint32_t>(kSectors)[i] = row.sectors;
    column<uint32_t>(kDevice)[i] = row.device;
    column<uint32_t>(kPid)[i] = row.pid;
    column<uint32_t>(kMerges)[i] = row.merges;
    column<uint16_t>(kError)[i] = row.error;
    column<uint8_t>(kDirection)[i] = static_cast<uint8_t>(row.direction);
  }

  // Where each column's field begins in a row: widest first, so that every one is aligned.
  enum Column : size_t {
    kSector = 0,
    kQueue = 8,
    kGetrq = 16,
    kInsert = 24,
    kIssue = 32,
    kComplete = 40,
    kSectors = 48,
    kDevice = 52,
    kPid = 56,
    kMerges = 60,
    kError = 64,
    kDirection = 66,
  };

  /// Hands the columns over; none is left.
  ColumnBlock release() {
    static constexpr size_t kStarts[] = {kSector, kQueue, kGetrq, kInsert, kIssue, kComplete, kSectors,
                                         kDevice, kPid, kMerges, kError, kDirection, kRowBytes};
    return fitted({std::move(block_), kCapacity}, std::exchange(length_, 0), kStarts);
  }

 private:
  template <class T>
  T* column(Column at) {
    return reinterpret_cast<T*>(block_.get() + kCapacity * at);
  }

  std::unique_ptr<std::byte[]> block_;
  size_t length_ = 0;
};

}  // namespace blkscope

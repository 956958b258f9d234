// Events as columns: the form in which they cross to JavaScript and into the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "decode/event.h"
#include "session/column_block.h"
#include "session/io_columns.h"

namespace blkscope {

/// A block of memory with one column a field, for up to `capacity` events; see NativeBatch in src/native/trace.ts.
class ColumnBatch {
 public:
  static constexpr size_t kCapacity = 64 << 10;
  static constexpr size_t kRowBytes = 48;
  static constexpr size_t kBytes = kCapacity * kRowBytes;

  ColumnBatch() : block_(std::make_unique_for_overwrite<std::byte[]>(kBytes)) {}

  bool full() const { return length_ == kCapacity; }
  bool empty() const { return length_ == 0; }
  size_t length() const { return length_; }

  void push(const Event& e) {
    size_t i = length_++;
    column<uint64_t>(kTime)[i] = e.time;
    column<uint64_t>(kSector)[i] = e.sector;
    column<uint64_t>(kPayload)[i] = e.payload;
    column<uint32_t>(kByteCount)[i] = e.bytes;
    column<uint32_t>(kPid)[i] = e.pid;
    column<uint32_t>(kDevice)[i] = e.device;
    column<uint32_t>(kFromDevice)[i] = e.fromDevice;
    column<uint16_t>(kCpu)[i] = e.cpu;
    column<uint16_t>(kError)[i] = e.error;
    column<uint16_t>(kFlags)[i] = e.flags;
    column<uint8_t>(kAction)[i] = static_cast<uint8_t>(e.action);
    column<uint8_t>(kDirection)[i] = static_cast<uint8_t>(e.direction);
  }

  // Where each column's field begins in a row: widest first, so that every one is aligned.
  enum Column : size_t {
    kTime = 0,
    kSector = 8,
    kPayload = 16,
    kByteCount = 24,
    kPid = 28,
    kDevice = 32,
    kFromDevice = 36,
    kCpu = 40,
    kError = 42,
    kFlags = 44,
    kAction = 46,
    kDirection = 47,
  };

  /// Hands the columns over; the batch is unusable after.
  ColumnBlock release() {
    static constexpr size_t kStarts[] = {kTime, kSector, kPayload, kByteCount, kPid, kDevice, kFromDevice,
                                         kCpu, kError, kFlags, kAction, kDirection, kRowBytes};
    return fitted({std::move(block_), kCapacity}, length_, kStarts);
  }

  /// The requests that were completed meanwhile.
  IoColumns& ios() { return ios_; }

 private:
  template <class T>
  T* column(Column at) {
    return reinterpret_cast<T*>(block_.get() + kCapacity * at);
  }

  std::unique_ptr<std::byte[]> block_;
  size_t length_ = 0;
  IoColumns ios_;
};

}  // namespace blkscope

// How an event lies in the spool, for the codec's own files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spool/spool_codec.h"

namespace blkscope::spool_format {

// An event begins with four bytes: how its sector is told and what else follows, its shape's slot, and the time since the
// event before.
enum : uint32_t {
  kSectorFollows = 0,  // the end of the shape's last I/O: a sequential stream
  kSectorSame = 1,     // the stream's last sector: queue, getrq, issue of one I/O
  kSectorNear = 2,     // 4 bytes: how far it is from the shape's end
  kSectorFar = 3,      // 8 bytes
  kSectorMask = 3,
  kNewBytes = 1 << 2,  // 2 bytes: sectors; kUnusual: 8 bytes follow, of size and pid
  kNewPid = 1 << 3,    // 3 bytes
  kOdd = 1 << 4,       // no event yet: two bytes, the second of them says what of what few events have stands before it
};
inline constexpr unsigned kSlotShift = 5;
inline constexpr unsigned kTimeShift = 13;
inline constexpr unsigned kTimeBits = 19;
inline constexpr size_t kHeadBytes = 4;
inline constexpr uint16_t kUnusual = UINT16_MAX;

enum : uint8_t {
  kNewShape = 1 << 0,
  kLongTime = 1 << 1,  // the time's bits beyond kTimeBits
  kExtra = 1 << 2,     // error, payload, fromDevice
};

template <class T>
std::byte* put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
const std::byte* get(const std::byte* from, T& value) {
  value = load<T>(from);
  return from + sizeof value;
}

inline std::byte* putVarint(std::byte* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

inline const std::byte* getVarint(const std::byte* from, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint64_t byte = static_cast<uint8_t>(*from++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80 || shift >= 63) return from;
  }
}

/// Puts an event's head and its sector.
[[gnu::always_inline]] inline std::byte* putSector(const SpoolShape& shape, uint32_t head, uint64_t lastSector, uint64_t sector,
                                                   std::byte* to) {
  if (sector == shape.endSector) {
    put(to, head);
    return to + kHeadBytes;
  }
  if (sector == lastSector) {
    put(to, head | kSectorSame);
    return to + kHeadBytes;
  }
  auto distance = static_cast<int64_t>(sector - shape.endSector);
  auto low = static_cast<int32_t>(distance);
  if (low == distance) {
    put(to, head | kSectorNear);
    return put(to + kHeadBytes, low);
  }
  put(to, head | kSectorFar);
  return put(to + kHeadBytes, distance);
}

/// As putIo(), where the size or the pid is another one than before.
std::byte* putChanged(SpoolEncoder::Shape& shape, uint32_t head, uint64_t lastSector, uint64_t sector, uint64_t sizeAndPid,
                      std::byte* to);

/// Puts an event, as far as it is not what the shape foresees. `elapsed` has kTimeBits.
[[gnu::always_inline]] inline std::byte* putIo(SpoolEncoder::Shape& shape, uint64_t elapsed, uint64_t lastSector, uint64_t sector,
                                               uint64_t sizeAndPid, std::byte* to) {
  uint32_t head = shape.head | static_cast<uint32_t>(elapsed) << kTimeShift;
  if (sizeAndPid != shape.sizeAndPid) [[unlikely]] {
    return putChanged(shape, head, lastSector, sector, sizeAndPid, to);
  }
  to = putSector(shape, head, lastSector, sector, to);
  shape.endSector = sector + shape.sectors;
  return to;
}

}  // namespace blkscope::spool_format

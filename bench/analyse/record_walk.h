// The least that any reader of a trace must do: look at every record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "system/blktrace_abi.h"

namespace blkscope::bench {

struct Walk {
  uint64_t records = 0;
  uint64_t sum = 0;  // of what a reader needs, so that no compiler leaves it out
  size_t bytes = 0;  // of whole records
};

inline Walk walkRecords(std::span<const std::byte> bytes) {
  Walk walk;
  auto load = [&]<class T>(size_t offset, T value) {
    std::memcpy(&value, bytes.data() + walk.bytes + offset, sizeof value);
    return value;
  };
  using abi::Record1;
  while (bytes.size() - walk.bytes >= sizeof(Record1)) {
    size_t size = sizeof(Record1) + load(offsetof(Record1, pduLength), uint16_t{});
    if (bytes.size() - walk.bytes < size) break;
    walk.sum += load(offsetof(Record1, time), uint64_t{}) ^ load(offsetof(Record1, sector), uint64_t{}) ^
                load(offsetof(Record1, bytes), uint64_t{});
    ++walk.records;
    walk.bytes += size;
  }
  return walk;
}

}  // namespace blkscope::bench

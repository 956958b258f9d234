// Writes records of version 1, for tests of what reads them.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "system/blktrace_abi.h"

namespace blkscope::test {

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/blkscope-saved-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string at(const std::string& name) const { return path + "/" + name; }
};

inline constexpr uint32_t kDisk = 8 << 20 | 16;

/// The bytes of one CPU's stream in the making.
class Records {
 public:
  explicit Records(uint32_t cpu = 0, uint32_t device = kDisk) : cpu_(cpu), device_(device) {}

  Records& add(uint64_t time, uint32_t action, uint64_t sector, uint32_t bytes, std::string_view payload = {}) {
    return put(time, action, sector, bytes, ++sequence_, payload, static_cast<uint16_t>(payload.size()));
  }
  /// A read of 4 KiB: issued, and completed 100 us later.
  Records& read(uint64_t time, uint64_t sector) {
    return add(time, kIssue, sector, 4096).add(time + 100'000, kComplete, sector, 4096);
  }
  Records& note(uint64_t time, uint32_t kind, std::string_view payload, uint32_t pid = 0) {
    pid_ = pid;
    put(time, abi::kNotify << 16 | kind, 0, 0, 0, payload, static_cast<uint16_t>(payload.size()));
    pid_ = 100;
    return *this;
  }
  Records& wallClock(uint64_t time, uint32_t seconds, uint32_t ns) {
    uint32_t clock[2] = {seconds, ns};
    return note(time, abi::kTimestamp, {reinterpret_cast<const char*>(clock), sizeof clock});
  }
  /// A record whose payload length is not that of its payload.
  Records& lying(uint64_t time, uint64_t sector, uint16_t length) {
    return put(time, kIssue, sector, 4096, ++sequence_, {}, length);
  }
  /// As if so many events had been lost here.
  Records& skip(uint32_t events) {
    sequence_ += events;
    return *this;
  }

  const std::string& bytes() const { return bytes_; }
  void write(const std::string& path) const { std::ofstream(path, std::ios::binary) << bytes_; }

  static constexpr uint32_t kIssue = (abi::kRead | abi::kIssue | abi::kFs) << 16 | 7;
  static constexpr uint32_t kComplete = (abi::kRead | abi::kComplete | abi::kFs) << 16 | 8;

 private:
  Records& put(uint64_t time, uint32_t action, uint64_t sector, uint32_t bytes, uint32_t sequence,
               std::string_view payload, uint16_t length) {
    abi::Record1 record{abi::kMagic | 7, sequence, time, sector, bytes, action, pid_, device_, cpu_, 0, length};
    bytes_.append(reinterpret_cast<const char*>(&record), sizeof record).append(payload);
    return *this;
  }

  uint32_t cpu_;
  uint32_t device_;
  uint32_t pid_ = 100;
  uint32_t sequence_ = 0;
  std::string bytes_;
};

}  // namespace blkscope::test

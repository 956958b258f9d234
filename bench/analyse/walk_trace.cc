// The least that any reader of a trace must do: reads BASE's files through one buffer of fixed size and looks at every
// record. Prints how many there were and the time it took, as JSON.
//
//   walk_trace BASE
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "capture/blktrace_abi.h"
#include "system/fd.h"

using namespace blkscope;

namespace {

struct Walk {
  uint64_t records = 0;
  uint64_t sum = 0;  // of what a reader needs, so that no compiler leaves it out
};

void walk(int fd, Walk& walk) {
  static std::array<std::byte, 256 << 10> buffer;
  size_t end = 0;
  while (true) {
    ssize_t got = ::read(fd, buffer.data() + end, buffer.size() - end);
    if (got <= 0) return;
    end += static_cast<size_t>(got);
    size_t at = 0;
    while (end - at >= sizeof(abi::Record1)) {
      abi::Record1 record;
      std::memcpy(&record, buffer.data() + at, sizeof record);
      if (end - at < sizeof record + record.pduLength) break;
      walk.sum += record.time ^ record.sector ^ record.bytes ^ record.action;
      ++walk.records;
      at += sizeof record + record.pduLength;
    }
    std::memmove(buffer.data(), buffer.data() + at, end - at);
    end -= at;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "walk_trace BASE\n");
    return 2;
  }
  Walk all;
  auto begin = std::chrono::steady_clock::now();
  for (unsigned cpu = 0;; ++cpu) {
    Fd fd(::open((std::string(arguments[1]) + ".blktrace." + std::to_string(cpu)).c_str(), O_RDONLY));
    if (!fd.valid()) break;
    walk(fd.get(), all);
  }
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  std::printf("{\"records\":%" PRIu64 ",\"ns\":%.0f,\"sum\":%" PRIu64 "}\n", all.records, took.count(), all.sum);
  return all.records ? 0 : 1;
}

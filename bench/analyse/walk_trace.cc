// Reads the files of BASE through one buffer of fixed size and looks at every record. Prints how many there were and the
// time it took, as JSON.
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

#include "record_walk.h"
#include "system/fd.h"

using namespace blkscope;
using bench::Walk;
using bench::walkRecords;

namespace {

void walk(int fd, Walk& all) {
  static std::array<std::byte, 256 << 10> buffer;
  size_t end = 0;
  while (true) {
    ssize_t got = ::read(fd, buffer.data() + end, buffer.size() - end);
    if (got <= 0) return;
    end += static_cast<size_t>(got);
    Walk part = walkRecords(std::span(buffer).first(end));
    all.records += part.records;
    all.sum += part.sum;
    end -= part.bytes;
    std::memmove(buffer.data(), buffer.data() + part.bytes, end);
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

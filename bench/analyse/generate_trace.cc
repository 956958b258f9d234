// Writes blktrace files of a harsh load: 32 requests in flight, completed out of order, merges, issue and completion on
// different CPUs. The same arguments give the same bytes.
//
//   generate_trace BASE EVENTS STREAMS harsh|easy [GAP]
//
// BASE -: all streams together, in order of time, to standard output. GAP: the mean time between two events in ns, 600 without it.
// easy: one reader, sequential 128 KiB, issue and completion on one CPU, which is another one now and then.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "system/blktrace_abi.h"

namespace blkscope::bench {
namespace {

constexpr uint32_t kDevice = 8 << 20;

constexpr size_t kBuffer = 1 << 20;

std::FILE* openToWrite(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) {
    std::perror(path.c_str());
    std::exit(1);
  }
  std::setvbuf(file, nullptr, _IOFBF, kBuffer);
  return file;
}

/// A CPU's file, or its part of standard output. blktrace's sequence numbers and times that never go back.
class CpuFile {
 public:
  CpuFile(const std::string& base, unsigned cpu)
      : file_(base == "-" ? stdout : openToWrite(base + ".blktrace." + std::to_string(cpu))), cpu_(cpu) {}
  ~CpuFile() {
    if (file_ != stdout) std::fclose(file_);
  }

  void put(uint64_t time, uint32_t code, uint64_t categories, uint64_t sector, uint32_t sectors, uint32_t pid) {
    abi::Record1 record{};
    record.magic = abi::kMagic | 7;
    record.sequence = ++sequence_;
    record.time = time;
    record.sector = sector;
    record.bytes = sectors << 9;
    record.action = code | static_cast<uint32_t>(categories << abi::kCategoryShift);
    record.pid = pid;
    record.device = kDevice;
    record.cpu = cpu_;
    std::fwrite(&record, sizeof record, 1, file_);
  }

  void putProcess(uint64_t time, uint32_t pid, const char* name) {
    abi::Record1 record{};
    record.magic = abi::kMagic | 7;
    record.time = time;
    record.action = static_cast<uint32_t>(abi::kNotify << abi::kCategoryShift);
    record.pid = pid;
    record.device = kDevice;
    record.cpu = cpu_;
    record.pduLength = 16;
    char text[16] = {};
    std::snprintf(text, sizeof text, "%s", name);
    std::fwrite(&record, sizeof record, 1, file_);
    std::fwrite(text, sizeof text, 1, file_);
  }

 private:
  std::FILE* file_;
  unsigned cpu_;
  uint32_t sequence_ = 0;
};

enum Code : uint32_t { Q = 1, M = 2, G = 4, D = 7, C = 8, I = 12 };

struct Request {
  uint64_t sector;
  uint32_t sectors;
  uint64_t direction;
};

class Load {
 public:
  Load(const std::string& base, unsigned streams, bool easy, uint64_t gap) : easy_(easy), third_(gap / 3) {
    for (unsigned i = 0; i < streams; ++i) cpus_.push_back(std::make_unique<CpuFile>(base, i));
    for (unsigned i = 0; i < 4; ++i) cpus_[0]->putProcess(time_, 1000 + i, "reader");
  }

  void write(uint64_t events) {
    while (written_ < events) {
      if (inFlight_.size() < (easy_ ? 1u : 32u) && random_() % 4 != 0) submit();
      else if (!inFlight_.empty()) complete();
    }
    while (!inFlight_.empty()) complete();
  }

 private:
  void put(unsigned cpu, Code code, uint64_t category, const Request& r, uint64_t sector, uint32_t sectors) {
    time_ += third_ + random_() % (4 * third_);
    cpus_[cpu]->put(time_, code, r.direction | category | abi::kFs, sector, sectors, 1000 + cpu % 4);
    ++written_;
  }

  void submit() {
    Request r{};
    r.direction = !easy_ && random_() % 8 == 0 ? abi::kWrite : abi::kRead;
    r.sectors = easy_ ? 256 : 8u << random_() % 4;
    // No two requests in flight overlap: a disk's users do not do that, and btt takes them for one.
    if (easy_) {
      r.sector = next_ % (1 << 25);
      next_ += 256;
    } else {
      do r.sector = random_() % (1 << 20) * 32;
      while (overlaps(r.sector));
    }
    unsigned cpu = easy_ ? easyCpu() : random_() % cpus_.size();
    put(cpu, Q, abi::kQueue, r, r.sector, r.sectors);
    put(cpu, G, 0, r, r.sector, r.sectors);
    put(cpu, I, 0, r, r.sector, r.sectors);
    if (!easy_ && random_() % 4 == 0) {
      put(cpu, Q, abi::kQueue, r, r.sector + r.sectors, 8);
      put(cpu, M, 0, r, r.sector + r.sectors, 8);
      r.sectors += 8;
    }
    put(cpu, D, abi::kIssue, r, r.sector, r.sectors);
    inFlight_.push_back(r);
  }

  void complete() {
    size_t index = random_() % inFlight_.size();
    Request r = inFlight_[index];
    inFlight_[index] = inFlight_.back();
    inFlight_.pop_back();
    put(easy_ ? easyCpu() : random_() % cpus_.size(), C, abi::kComplete, r, r.sector, r.sectors);
  }

  unsigned easyCpu() const { return static_cast<unsigned>(next_ >> 14) % static_cast<unsigned>(cpus_.size()); }

  bool overlaps(uint64_t sector) const {
    for (const Request& r : inFlight_) {
      if (sector < r.sector + 128 && r.sector < sector + 128) return true;
    }
    return false;
  }

  bool easy_;
  uint64_t third_;  // of the mean time between two events
  std::mt19937 random_{1};
  std::vector<std::unique_ptr<CpuFile>> cpus_;
  std::vector<Request> inFlight_;
  uint64_t time_ = 1'000'000'000;
  uint64_t written_ = 0;
  uint64_t next_ = 0;
};

}  // namespace
}  // namespace blkscope::bench

int main(int count, char** arguments) {
  std::string_view kind = count == 5 || count == 6 ? arguments[4] : "";
  if (kind != "harsh" && kind != "easy") {
    std::fprintf(stderr, "generate_trace BASE EVENTS STREAMS harsh|easy [GAP]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOFBF, blkscope::bench::kBuffer);
  auto streams = static_cast<unsigned>(std::max(1, std::atoi(arguments[3])));
  uint64_t gap = count == 6 ? std::max(3ull, std::strtoull(arguments[5], nullptr, 10)) : 600;
  blkscope::bench::Load load(arguments[1], streams, kind == "easy", gap);
  load.write(std::strtoull(arguments[2], nullptr, 10));
}

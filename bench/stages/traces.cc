#include "traces.h"

#include <cstring>
#include <random>

#include "capture/blktrace_abi.h"

namespace blkscope::bench {
namespace {

constexpr uint32_t kDevice = 8 << 20;

class Writer {
 public:
  explicit Writer(size_t cpus) : streams_(cpus), sequences_(cpus) {}

  void put(uint32_t code, size_t cpu, uint64_t time, uint64_t sector, uint32_t bytes) {
    std::byte record[48]{};
    auto set = [&](size_t at, auto value) { std::memcpy(record + at, &value, sizeof value); };
    set(0, uint32_t{0x65617407});
    set(4, ++sequences_[cpu]);
    set(8, time);
    set(16, sector);
    set(24, bytes);
    set(28, code | static_cast<uint32_t>(abi::kRead) << abi::kCategoryShift);
    set(32, uint32_t{1000} + static_cast<uint32_t>(cpu));
    set(36, kDevice);
    set(40, static_cast<uint32_t>(cpu));
    streams_[cpu].insert(streams_[cpu].end(), record, record + sizeof record);
    ++events_;
  }
  size_t events() const { return events_; }
  Streams take() { return std::move(streams_); }

 private:
  Streams streams_;
  std::vector<uint32_t> sequences_;
  size_t events_ = 0;
};

// Action codes of include/uapi/linux/blktrace_api.h.
enum Code : uint32_t { kQ = 1, kM = 2, kG = 4, kD = 7, kC = 8, kI = 11 };

}  // namespace

Streams harshTrace(size_t events, size_t cpus) {
  struct Request {
    uint64_t sector;
    uint32_t bytes;
    size_t cpu;
  };
  std::mt19937_64 random(1);
  Writer writer(cpus);
  std::vector<Request> inFlight;
  uint64_t time = 1'000'000'000;
  auto tick = [&] { return time += 50 + random() % 400; };
  while (writer.events() < events) {
    if (inFlight.size() == 32) {
      size_t i = random() % inFlight.size();
      Request done = inFlight[i];
      inFlight[i] = inFlight.back();
      inFlight.pop_back();
      writer.put(kC, (done.cpu + 1) % cpus, tick(), done.sector, done.bytes);
      continue;
    }
    size_t cpu = random() % cpus;
    uint64_t sector = random() % (uint64_t{1} << 25) / 8 * 8;  // 16 GiB
    uint32_t bytes = 4096;
    writer.put(kQ, cpu, tick(), sector, bytes);
    writer.put(kG, cpu, tick(), sector, bytes);
    if (random() % 3 == 0) {
      writer.put(kQ, cpu, tick(), sector + 8, 4096);
      writer.put(kM, cpu, tick(), sector + 8, 4096);
      bytes += 4096;
    }
    writer.put(kI, cpu, tick(), sector, bytes);
    writer.put(kD, cpu, tick(), sector, bytes);
    inFlight.push_back({sector, bytes, cpu});
  }
  return writer.take();
}

Streams easyTrace(size_t events, size_t cpus) {
  Writer writer(cpus);
  uint64_t time = 1'000'000'000;
  for (uint64_t i = 0; writer.events() < events; ++i) {
    size_t cpu = i / 64 % cpus;
    uint64_t sector = i % (1 << 16) * 256;
    for (uint32_t code : {kQ, kG, kI, kD, kC}) writer.put(code, cpu, time += 300, sector, 128 << 10);
  }
  return writer.take();
}

}  // namespace blkscope::bench

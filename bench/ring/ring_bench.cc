// What the capture costs with each way to read ftrace's ring: ring_bench DEVICE [SECONDS [ROUNDS]], as root.
// Threads read random 4 KiB blocks of DEVICE past the page cache while a session traces it. The ways take turns, round
// by round, and the medians are printed, so that the machine's mood hits them alike.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "session/session.h"
#include "source/ftrace_source.h"

using namespace blkscope;

namespace {

constexpr size_t kBlock = 4096;
constexpr int kReaders = 2;

struct Way {
  const char* name;
  RingAccess access;
  std::vector<double> cpuPerEvent;
  std::vector<double> iops;
  uint64_t events = 0;
  uint64_t dropped = 0;
};

uint64_t readRandomly(const std::string& path, uint64_t blocks, unsigned seed, const std::atomic<bool>& stop) {
  Fd device(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  std::unique_ptr<void, decltype(&std::free)> buffer(std::aligned_alloc(kBlock, kBlock), &std::free);
  std::mt19937_64 random(seed);
  uint64_t done = 0;
  while (!stop && ::pread(device.get(), buffer.get(), kBlock, static_cast<off_t>(random() % blocks * kBlock)) > 0) {
    ++done;
  }
  return done;
}

bool measure(Way& way, const std::string& device, double seconds) {
  std::string path = "/dev/" + device;
  Fd size(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t blocks = static_cast<uint64_t>(::lseek(size.get(), 0, SEEK_END)) / kBlock;
  SessionOptions options;
  options.kind = SourceKind::ftrace;
  options.source.devices = {device};
  options.source.ring = way.access;
  options.deliver = false;
  Session session(options, [] {});
  if (auto started = session.start(); !started) {
    std::fprintf(stderr, "ring_bench: %s: %s\n", way.name, started.error().message.c_str());
    return false;
  }
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> done = 0;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { done += readRandomly(path, blocks, i, stop); });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& reader : readers) reader.join();
  if (auto stopped = session.stop(); !stopped) return false;
  uint64_t events = session.counters().events;
  way.cpuPerEvent.push_back(static_cast<double>(session.cost().captureCpuNs) / static_cast<double>(events));
  way.iops.push_back(static_cast<double>(done) / seconds);
  way.events += events;
  way.dropped += session.integrity().dropped;
  return true;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: ring_bench DEVICE [SECONDS [ROUNDS]]\n");
    return 2;
  }
  double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  Changes mounts("/run/blkscope");
  if (tracefsPath().empty()) {
    if (auto mounted = mounts.mount("tracefs", "/sys/kernel/tracing", ""); !mounted) {
      std::fprintf(stderr, "ring_bench: %s\n", mounted.error().message.c_str());
      return 3;
    }
  }
  std::vector<Way> ways{{"pages", RingAccess::pages, {}, {}, 0, 0}, {"mapped", RingAccess::mapped, {}, {}, 0, 0}};
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) {
      if (!measure(way, argv[1], seconds)) return 3;
    }
  }
  std::printf("%-8s %16s %10s %10s %8s\n", "ring", "capture ns/event", "IOPS", "events", "dropped");
  for (const Way& way : ways) {
    std::printf("%-8s %16.1f %10.0f %10lu %8lu\n", way.name, median(way.cpuPerEvent), median(way.iops), way.events,
                way.dropped);
  }
}

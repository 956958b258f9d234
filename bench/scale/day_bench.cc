// A capture of many hours in minutes: events at a realistic rate, by a clock of their own, through the spool, the merge and the
// analysis, as a session does it.
//
//   day_bench HOURS [EVENTS_A_SECOND [TOKENS_A_SECOND]]     24 hours, 5,000 events, 10 tokens
//
// JSON, a line for each hour that a row of docs/performance.md stands for: what is held then, in memory and in lists.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "analyse/analysis.h"
#include "analyse/region_reads.h"
#include "decode/record.h"
#include "merge/merger.h"
#include "source/loss_log.h"
#include "spool/spool.h"
#include "system/clock.h"

namespace blkscope::bench {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kDevice = 8 << 20;
constexpr std::array<unsigned, 2> kCpus = {0, 1};
constexpr std::array<size_t, 2> kStreams = {0, 1};
// A dense model of 40 GB in one piece, of 80 layers of 9 tensors.
constexpr uint64_t kModelSectors = uint64_t{40} << 21;
constexpr uint64_t kRegions = 720;

std::vector<TracedFile> modelFile() { return {{kModelSectors * 512, {{0, 0, kModelSectors}}}}; }

std::vector<FileRegion> regions() {
  std::vector<FileRegion> all;
  constexpr uint64_t kBytes = kModelSectors * 512 / kRegions;
  for (uint64_t i = 0; i < kRegions; ++i) all.push_back({0, i * kBytes, kBytes});
  return all;
}

/// What the machine does: a model is read from end to end, again and again, 16 reads in flight; now and then a process that
/// lives for a second writes a page anywhere on a disk of 1 TiB. One completion in a hundred thousand is lost.
class Load {
 public:
  explicit Load(uint64_t eventsPerSecond) : third_(std::max<uint64_t>(1, kSecond / eventsPerSecond / 3)) {}

  uint64_t now() const { return now_; }

  /// The next events of both CPUs, up to a time.
  void until(uint64_t end, std::array<std::vector<Event>, 2>& events) {
    while (now_ < end) {
      if (inFlight_.size() < 16 && random_() % 2) submit(events);
      else if (!inFlight_.empty()) complete(events);
    }
  }

 private:
  void put(std::array<std::vector<Event>, 2>& events, Action action, const Event& io) {
    now_ += third_ + random_() % (4 * third_);
    Event event = io;
    event.time = now_;
    event.action = action;
    event.cpu = static_cast<uint16_t>(random_() % 2);
    events[event.cpu].push_back(event);
  }

  void submit(std::array<std::vector<Event>, 2>& events) {
    Event io;
    io.device = kDevice;
    if (random_() % 50 == 0) {
      io.direction = Direction::write;
      io.sector = kModelSectors + random_() % (uint64_t{1} << 28) * 8;
      io.bytes = 4096;
      io.pid = static_cast<uint32_t>(1000 + now_ / kSecond);
    } else {
      io.direction = Direction::read;
      io.sector = next_;
      io.bytes = 256 << 9;
      io.pid = 100;
      next_ = (next_ + 256) % kModelSectors;
    }
    put(events, Action::issue, io);
    inFlight_.push_back(io);
  }

  void complete(std::array<std::vector<Event>, 2>& events) {
    size_t index = random_() % inFlight_.size();
    Event io = inFlight_[index];
    inFlight_[index] = inFlight_.back();
    inFlight_.pop_back();
    if (random_() % 100'000) put(events, Action::complete, io);
  }

  std::mt19937 random_{1};
  uint64_t third_;  // of the mean time between two events
  uint64_t now_ = 1'000 * kSecond;
  uint64_t next_ = 0;
  std::vector<Event> inFlight_;
};

uint64_t residentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  unsigned long long pages = 0;
  int found = std::fscanf(file, "%*u %llu", &pages);
  std::fclose(file);
  return found == 1 ? pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

class Day {
 public:
  Day(uint64_t eventsPerSecond, uint64_t tokensPerSecond, uint64_t seconds)
      : load_(eventsPerSecond), start_(load_.now()), reads_(modelFile(), kDevice, regions(), tokens(start_, tokensPerSecond, seconds), {}, {0, tokensPerSecond * seconds}) {}

  void run(uint64_t hours) {
    for (uint64_t hour : {1, 6, 12, 24, 48, 96, 168}) {
      if (hour > hours) break;
      capture(start_ + hour * 3600 * kSecond);
      tell(hour);
    }
  }

 private:
  static std::vector<uint64_t> tokens(uint64_t start, uint64_t perSecond, uint64_t seconds) {
    std::vector<uint64_t> times;
    for (uint64_t i = 0; i < perSecond * seconds; ++i) times.push_back(start + i * kSecond / perSecond);
    return times;
  }

  void capture(uint64_t end) {
    constexpr uint64_t kPublishNs = 20'000'000;
    constexpr uint64_t kSettleNs = 5'000'000;
    std::array<std::vector<Event>, 2> events;
    while (load_.now() < end) {
      load_.until(load_.now() + kPublishNs, events);
      for (size_t stream : kStreams) {
        lost_ += events[stream].size() - spool_.append(stream, events[stream]);
        events[stream].clear();
      }
      noteMore();
      (void)spool_.publish(kStreams, load_.now() - kSettleNs);
      // As long as there is room the analysis rests.
      if (spool_.bytes() > SpoolLimits{}.memoryBytes / 8) analyse();
    }
    spool_.ask();
    analyse();
  }

  /// Once in so long: a process that nobody has seen, and a loss in the kernel.
  void noteMore() {
    uint64_t second = load_.now() / kSecond;
    if (second == noted_) return;
    noted_ = second;
    notes_.processNames.try_emplace(static_cast<uint32_t>(1000 + second), "logger");
    if (second % 10 == 0) losses_.add({load_.now() - 250'000'000, load_.now(), 5, 0, Loss::By::kernel});
  }

  void analyse() {
    uint64_t began = threadCpuNs();
    uint64_t watermark = spool_.waitForWatermark();
    while (size_t count = merger_.read(events_, watermark)) {
      auto merged = std::span<Event>(events_).first(count);
      analysis_.consume(merged);
      reads_.consume(merged);
    }
    analysisNs_ += threadCpuNs() - began;
  }

  void tell(uint64_t hour) const {
    auto number = [](const char* name, uint64_t value) { std::printf("\"%s\":%llu,", name, static_cast<unsigned long long>(value)); };
    std::printf("{");
    number("events", analysis_.events());
    number("analysisNs", analysisNs_);
    number("residentBytes", residentBytes());
    number("spoolTotalBytes", spool_.totalBytes());
    number("spoolPeakBytes", spool_.peakMemoryBytes());
    number("lost", lost_);
    number("buckets", analysis_.timeline().buckets().size());
    number("bucketNs", analysis_.timeline().bucketNs());
    number("open", analysis_.matcher().open());
    number("givenUp", analysis_.matcher().counts().givenUp);
    number("processes", analysis_.processes().all().size());
    number("names", notes_.processNames.size());
    number("losses", losses_.losses().size());
    number("touches", reads_.touches().size());
    std::printf("\"hours\":%llu}\n", static_cast<unsigned long long>(hour));
    std::fflush(stdout);
  }

  Load load_;
  uint64_t start_;
  Spool spool_{kCpus, SpoolLimits{}};
  Merger<Spool> merger_{spool_, kCpus.size()};
  std::vector<Event> events_ = std::vector<Event>(4096);
  Analysis analysis_{modelFile(), kDevice, start_};
  RegionReads reads_;
  Notes notes_;
  LossLog losses_;
  uint64_t noted_ = 0;
  uint64_t lost_ = 0;
  uint64_t analysisNs_ = 0;
};

}  // namespace
}  // namespace blkscope::bench

int main(int count, char** arguments) {
  auto number = [&](int i, uint64_t fallback) { return count > i ? std::strtoull(arguments[i], nullptr, 10) : fallback; };
  uint64_t hours = number(1, 24);
  blkscope::bench::Day day(number(2, 5000), number(3, 10), hours * 3600);
  day.run(hours);
}

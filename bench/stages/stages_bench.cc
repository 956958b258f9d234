// What each stage of the analysis costs an event, in interleaved rounds over one trace in memory.
//
//   stages_bench [EVENTS]         default 5000000
//
// Each line is the median over rounds of one stage together with all before it, in ns an event, and how many times
// the bare walk over the records it is: that ratio is what a slower or faster machine leaves alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "analyse/analysis.h"
#include "decode/record.h"
#include "merge/merger.h"
#include "traces.h"

namespace blkscope::bench {
namespace {

constexpr int kRounds = 9;
constexpr uint32_t kDevice = 8 << 20;

/// Decodes as it is read.
class MemoryInput {
 public:
  explicit MemoryInput(const Streams& streams) : streams_(streams), at_(streams.size()), decoders_(streams.size()) {}

  size_t read(size_t stream, std::span<Event> out) {
    std::span<const std::byte> rest = std::span(streams_[stream]).subspan(at_[stream]);
    rest = rest.first(std::min(rest.size(), out.size() * kRecord));
    at_[stream] += rest.size();
    decoded_.clear();
    decoders_[stream].decode(rest, decoded_, notes_);
    std::copy(decoded_.begin(), decoded_.end(), out.begin());
    return decoded_.size();
  }

 private:
  static constexpr size_t kRecord = 48;
  const Streams& streams_;
  std::vector<size_t> at_;
  std::vector<RecordDecoder> decoders_;
  std::vector<Event> decoded_;
  Notes notes_;
};

uint64_t walk(const Streams& streams) {
  uint64_t sum = 0;
  for (const auto& stream : streams) {
    for (size_t at = 0; at + 48 <= stream.size(); at += 48) {
      uint64_t word[6];
      std::memcpy(word, stream.data() + at, sizeof word);
      sum += word[1] ^ word[2] ^ word[3];
    }
  }
  return sum;
}

uint64_t decode(const Streams& streams) {
  MemoryInput input(streams);
  std::vector<Event> out(512);
  uint64_t sum = 0;
  for (size_t i = 0; i < streams.size(); ++i) {
    while (size_t n = input.read(i, out)) sum += n + out[n - 1].sector;
  }
  return sum;
}

template <class Sink>
void mergeAll(const Streams& streams, Sink&& sink) {
  MemoryInput input(streams);
  Merger<MemoryInput> merger(input, streams.size());
  merger.mergeUntil(UINT64_MAX, sink);
}

uint64_t merge(const Streams& streams) {
  uint64_t sum = 0;
  mergeAll(streams, [&](std::span<const Event> events) { sum += events.size() + events.back().sector; });
  return sum;
}

uint64_t match(const Streams& streams) {
  Timeline timeline;
  timeline.begin(1'000'000'000);
  auto matcher = std::make_unique<Matcher>(timeline);
  mergeAll(streams, [&](std::span<const Event> events) {
    for (const Event& event : events) {
      if (event.action == Action::complete) matcher->complete(event);
      else if (event.action == Action::issue) matcher->issue(event);
      else matcher->other(event);
    }
  });
  return matcher->counts().requests;
}

uint64_t full(const Streams& streams) {
  auto analysis = std::make_unique<Analysis>(std::vector<TracedFile>{{uint64_t{8} << 30, {{0, 0, 1 << 24}}}}, kDevice,
                                             1'000'000'000);
  mergeAll(streams, [&](std::span<const Event> events) { analysis->consume(events); });
  analysis->finish(analysis->lastNs());
  return analysis->uniqueReadSectors();
}

struct Stage {
  const char* name;
  uint64_t (*run)(const Streams&);
  std::vector<double> ns;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void report(const char* name, const Streams& streams, size_t events) {
  Stage stages[] = {{"walk", walk, {}},   {"decode", decode, {}}, {"+ merge", merge, {}},
                    {"+ match", match, {}}, {"full", full, {}}};
  volatile uint64_t kept = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (Stage& stage : stages) {
      auto begin = std::chrono::steady_clock::now();
      kept = kept + stage.run(streams);
      std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
      stage.ns.push_back(taken.count() / static_cast<double>(events));
    }
  }
  double bare = median(stages[0].ns);
  for (const Stage& stage : stages) {
    double ns = median(stage.ns);
    std::printf("%-18s %-10s %7.2f ns/event %6.1f x walk %7.1f M events/s\n", name, stage.name, ns, ns / bare, 1e3 / ns);
  }
}

}  // namespace
}  // namespace blkscope::bench

int main(int argc, char** argv) {
  using namespace blkscope::bench;
  size_t events = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  for (size_t cpus : {2, 16}) {
    std::string suffix = ", " + std::to_string(cpus) + " CPUs";
    report(("harsh" + suffix).c_str(), harshTrace(events, cpus), events);
    report(("easy" + suffix).c_str(), easyTrace(events, cpus), events);
  }
}

// What each stage of the analysis costs an event, in interleaved rounds over one trace in memory.
//
//   stages_bench BASE [ROUNDS [STAGE]]    BASE as of generate_trace; 9 rounds; one stage alone, for a profiler
//
// JSON: for each stage, it together with all before it, the ns an event of every round. analyse-bench.ts tells how many times
// the bare walk over the records that is, which a slower or faster machine leaves alone. The last stages are merging and
// what was read of each of so many regions of a file, as a model's tensors and experts are. By name alone there are "capture",
// which is from the records into the spool, and "capture, taken", which is out of it again: for callgrind, which counts
// instructions.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyse/analysis.h"
#include "analyse/region_reads.h"
#include "decode/record.h"
#include "merge/merger.h"
#include "record_walk.h"
#include "spool/spool_codec.h"

namespace blkscope::bench {
namespace {

using Streams = std::vector<std::string>;  // the bytes of a CPU's file each

Streams load(const std::string& base) {
  Streams streams;
  for (;;) {
    std::ifstream file(base + ".blktrace." + std::to_string(streams.size()), std::ios::binary | std::ios::ate);
    if (!file) return streams;
    std::string& bytes = streams.emplace_back(static_cast<size_t>(file.tellg()), '\0');
    file.seekg(0).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

std::span<const std::byte> bytesOf(const std::string& stream) { return std::as_bytes(std::span(stream)); }

/// Decodes as it is read.
class MemoryInput {
 public:
  explicit MemoryInput(const Streams& streams) : decoders_(streams.size()) {
    for (const auto& stream : streams) rest_.push_back(bytesOf(stream));
  }

  size_t read(size_t stream, std::span<Event> out) {
    auto done = decoders_[stream].decode(rest_[stream], out, notes_);
    rest_[stream] = rest_[stream].subspan(done.used);
    return done.events;
  }

 private:
  std::vector<std::span<const std::byte>> rest_;
  std::vector<RecordDecoder> decoders_;
  Notes notes_;
};

uint64_t walk(const Streams& streams) {
  uint64_t sum = 0;
  for (const auto& stream : streams) {
    sum += walkRecords(bytesOf(stream)).sum;
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

/// What a capture thread does with what it has read, and the analysis with what is in the spool.
class SpoolRun {
 public:
  explicit SpoolRun(std::vector<std::byte>& spool) : spool_(spool), at_(spool.data()) {}

  void write(std::span<const std::byte> rest) {
    std::byte* end = spool_.data() + spool_.size();
    while (true) {
      auto encoded = encoder_.encodeRecords(rest, decoder_, at_, end);
      decoder_.passed(encoded.count, encoded.bytes);
      rest = rest.subspan(encoded.bytes);
      Event event;
      auto done = decoder_.decode(rest, {&event, 1}, notes_);
      if (done.used == 0) return;
      std::span<const Event> events(&event, done.events);
      at_ = encoder_.encode(events, at_, end);
      if (done.events) encoder_.learn(rest.first(done.used));
      rest = rest.subspan(done.used);
    }
  }
  uint64_t read() {
    uint64_t sum = 0;
    Event event;
    for (const std::byte* at = spool_.data(); at != at_;) {
      at = reader_.decode(at, event);
      sum += event.sector;
    }
    return sum;
  }
  size_t bytes() const { return static_cast<size_t>(at_ - spool_.data()); }

 private:
  std::vector<std::byte>& spool_;
  std::byte* at_;
  RecordDecoder decoder_;
  SpoolEncoder encoder_;
  SpoolDecoder reader_{0};
  Notes notes_;
};

std::vector<std::byte>& spoolFor(const Streams& streams) {
  static std::vector<std::byte> spool;
  for (const auto& stream : streams) spool.resize(std::max(spool.size(), stream.size()));
  return spool;
}

/// Each stream goes into the spool by itself; `ask` of what is then there, added up.
template <class Ask>
uint64_t spoolAll(const Streams& streams, Ask ask) {
  uint64_t sum = 0;
  for (const auto& stream : streams) {
    SpoolRun run(spoolFor(streams));
    run.write(bytesOf(stream));
    sum += ask(run);
  }
  return sum;
}

uint64_t capture(const Streams& streams) {
  return spoolAll(streams, [](SpoolRun& run) { return run.bytes(); });
}

uint64_t captureAndTake(const Streams& streams) {
  return spoolAll(streams, [](SpoolRun& run) { return run.read(); });
}

template <class Sink>
void mergeAll(const Streams& streams, Sink&& sink) {
  MemoryInput input(streams);
  Merger<MemoryInput> merger(input, streams.size());
  std::vector<Event> events(1024);
  while (size_t count = merger.read(events, UINT64_MAX)) sink(std::span<Event>(events).first(count));
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
  auto latency = std::make_unique<DeviceLatency>();
  DeviceTraits disk{.issues = true, .latency = latency.get()};
  mergeAll(streams, [&](std::span<const Event> events) {
    for (const Event& event : events) {
      if (event.action == Action::complete) matcher->complete(event, disk);
      else if (event.action == Action::issue) matcher->issue(event, disk);
      else matcher->other(event, disk);
    }
  });
  return matcher->counts().requests;
}

constexpr uint32_t kDevice = 8 << 20;

uint64_t analyse(const Streams& streams, std::vector<TracedFile> files) {
  auto analysis = std::make_unique<Analysis>(std::move(files), kDevice, 1'000'000'000);
  mergeAll(streams, [&](std::span<Event> events) { analysis->consume(events); });
  analysis->finish(analysis->lastNs());
  return analysis->uniqueReadSectors();
}

uint64_t full(const Streams& streams) { return analyse(streams, {}); }

/// The lower half of the trace's 16 GiB.
TracedFile file() { return {uint64_t{8} << 30, {{0, 0, 1 << 24}}}; }

uint64_t withFile(const Streams& streams) { return analyse(streams, {file()}); }

template <uint64_t kCount>
uint64_t regions(const Streams& streams) {
  std::vector<FileRegion> all;
  uint64_t bytes = file().bytes / kCount;
  for (uint64_t i = 0; i < kCount; ++i) all.push_back({0, i * bytes, bytes});
  RegionReads reads({file()}, kDevice, std::move(all), {}, {});
  mergeAll(streams, [&](std::span<const Event> events) { reads.consume(events); });
  reads.finish();
  return reads.figures()[kCount / 2].readBytes;
}

struct Stage {
  const char* name;
  uint64_t (*run)(const Streams&);
  std::vector<double> ns;
};

void report(const Streams& streams, int rounds, std::string_view only) {
  std::vector<Stage> stages = {{"walk", walk, {}},   {"decode", decode, {}}, {"merge", merge, {}},
                               {"match", match, {}}, {"full", full, {}},     {"with a file", withFile, {}},
                               {"100 regions", regions<100>, {}},     {"1,000 regions", regions<1000>, {}},
                               {"10,000 regions", regions<10'000>, {}}, {"70,000 regions", regions<70'000>, {}}};
  // Not of the analysis: by name alone.
  if (!only.empty()) stages.insert(stages.end(), {{"capture", capture, {}}, {"capture, taken", captureAndTake, {}}});
  if (!only.empty()) std::erase_if(stages, [&](const Stage& stage) { return stage.name != only; });
  size_t events = 0;
  mergeAll(streams, [&](std::span<const Event> run) { events += run.size(); });
  volatile uint64_t kept = 0;
  for (int round = 0; round < rounds; ++round) {
    for (Stage& stage : stages) {
      auto begin = std::chrono::steady_clock::now();
      kept = kept + stage.run(streams);
      std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
      stage.ns.push_back(taken.count() / static_cast<double>(events));
    }
  }
  const char* before = "[";
  for (const Stage& stage : stages) {
    std::printf("%s{\"name\":\"%s\",\"ns\":[", before, stage.name);
    for (size_t i = 0; i < stage.ns.size(); ++i) std::printf("%s%.3f", i ? "," : "", stage.ns[i]);
    std::printf("]}");
    before = ",";
  }
  std::printf("]\n");
}

}  // namespace
}  // namespace blkscope::bench

int main(int count, char** arguments) {
  using namespace blkscope::bench;
  if (count < 2) {
    std::fprintf(stderr, "stages_bench BASE [ROUNDS [STAGE]]\n");
    return 2;
  }
  Streams streams = load(arguments[1]);
  if (streams.empty()) {
    std::fprintf(stderr, "%s.blktrace.0: no such file\n", arguments[1]);
    return 2;
  }
  report(streams, count > 2 ? std::max(1, std::atoi(arguments[2])) : 9, count > 3 ? arguments[3] : "");
}

// Times the union of sector ranges against other structures, in interleaved rounds, and weighs their memory.
//
//   intervals_bench [--scale X] [--rounds N] [--only NAME] [--trace FILE] [--sample N DIR]
//
// Prints JSON. --sample also writes the first N reads of each pattern to DIR/NAME.bin (pairs of 64-bit start
// and count) and their union's size to the output, for comparison with what cannot run in this process.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "patterns.h"
#include "structures.h"
#include "system/fd.h"

namespace blkscope::bench {
namespace {

struct Options {
  double scale = 1;
  int rounds = 5;
  std::string only;
  std::string trace;
  size_t sample = 0;
  std::string sampleDir;
};

struct Weight {
  uint64_t bytes = 0;
  uint64_t residentBytes = 0;
};

/// One structure's part in one pattern.
struct Entry {
  std::string name;
  std::function<uint64_t()> fill;  // gives the size
  std::function<Weight()> weigh;
  Weight weight;
  std::vector<double> ns;
  uint64_t size = 0;
};

uint64_t residentBytes() {
  auto text = readText("/proc/self/smaps_rollup");
  size_t at = text ? text->find("Rss:") : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + 4, nullptr, 10) << 10;
}

/// Fills a structure in a process of its own, whose memory nothing else has used before.
template <class Structure>
Weight weigh(std::span<const SectorRange> reads) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  malloc_trim(0);
  pid_t child = ::fork();
  if (child == 0) {
    uint64_t before = residentBytes();
    Structure structure;
    structure.insert(reads);
    structure.size();
    Weight weight{structure.bytes(), residentBytes() - before};
    _exit(::write(ends[1], &weight, sizeof weight) == sizeof weight ? 0 : 1);
  }
  Weight weight;
  int status = 1;
  bool got = ::read(ends[0], &weight, sizeof weight) == sizeof weight;
  ::waitpid(child, &status, 0);
  if (!got || status != 0) std::abort();
  ::close(ends[0]);
  ::close(ends[1]);
  return weight;
}

template <class Structure>
void addTo(std::vector<Entry>& entries, std::span<const SectorRange> reads) {
  if (!Structure::takes(reads)) return;
  Entry entry;
  entry.name = Structure::kName;
  entry.fill = [reads] {
    Structure structure;
    structure.insert(reads);
    return structure.size();
  };
  entry.weigh = [reads] { return weigh<Structure>(reads); };
  entries.push_back(std::move(entry));
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// False if the structures do not agree.
bool run(const Pattern& pattern, const Options& options, bool first) {
  std::vector<Entry> entries;
  addTo<Own>(entries, pattern.reads);
  addTo<Map>(entries, pattern.reads);
#ifdef BLKSCOPE_BENCH_ROARING
  addTo<Roaring>(entries, pattern.reads);
#endif
  for (Entry& entry : entries) entry.weight = entry.weigh();
  for (int round = 0; round < options.rounds; ++round) {
    for (Entry& entry : entries) {
      auto start = std::chrono::steady_clock::now();
      entry.size = entry.fill();
      std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
      entry.ns.push_back(took.count() / static_cast<double>(pattern.reads.size()));
    }
  }
  std::printf("%s{\"name\":\"%s\",\"title\":\"%s\",\"barNs\":%g,\"reads\":%zu,\"sectors\":%" PRIu64,
              first ? "" : ",\n", pattern.name.c_str(), pattern.title.c_str(), pattern.barNs,
              pattern.reads.size(), entries[0].size);
  if (options.sample > 0) {
    auto sample = std::span(pattern.reads).first(std::min(options.sample, pattern.reads.size()));
    std::ofstream file(options.sampleDir + "/" + pattern.name + ".bin", std::ios::binary);
    file.write(reinterpret_cast<const char*>(sample.data()),
               static_cast<std::streamsize>(sample.size_bytes()));
    SectorSet set;
    set.insert(sample);
    std::printf(",\"sample\":{\"reads\":%zu,\"sectors\":%" PRIu64 "}", sample.size(), set.size());
  }
  std::printf(",\"structures\":{");
  bool agree = true;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    std::printf("%s\"%s\":{\"ns\":%.2f,\"leastNs\":%.2f,\"bytes\":%" PRIu64 ",\"residentBytes\":%" PRIu64 "}",
                i ? "," : "", entry.name.c_str(), median(entry.ns),
                *std::min_element(entry.ns.begin(), entry.ns.end()), entry.weight.bytes,
                entry.weight.residentBytes);
    if (entry.size == entries[0].size) continue;
    std::fprintf(stderr, "%s: %s has %" PRIu64 " sectors, %s %" PRIu64 "\n", pattern.name.c_str(),
                 entries[0].name.c_str(), entries[0].size, entry.name.c_str(), entry.size);
    agree = false;
  }
  std::printf("}}");
  std::fflush(stdout);
  return agree;
}

bool parse(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    std::string_view name = arguments[i];
    auto next = [&] { return i + 1 < count ? arguments[++i] : const_cast<char*>(""); };
    if (name == "--scale") {
      options.scale = std::atof(next());
    } else if (name == "--rounds") {
      options.rounds = std::atoi(next());
    } else if (name == "--only") {
      options.only = next();
    } else if (name == "--trace") {
      options.trace = next();
    } else if (name == "--sample") {
      options.sample = std::strtoull(next(), nullptr, 10);
      options.sampleDir = next();
    } else {
      return false;
    }
  }
  return options.scale > 0 && options.rounds > 0;
}

int main(int count, char** arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    std::fprintf(
        stderr,
        "usage: intervals_bench [--scale X] [--rounds N] [--only NAME] [--trace FILE] [--sample N DIR]\n");
    return 2;
  }
  auto patterns = madePatterns(options.scale);
  if (!options.trace.empty()) {
    auto trace = tracePattern(options.trace);
    if (!trace) {
      std::fprintf(stderr, "%s\n", trace.error().message.c_str());
      return 2;
    }
    patterns.push_back(std::move(*trace));
  }
  bool agree = true;
  bool first = true;
  std::printf("[");
  for (const Pattern& pattern : patterns) {
    if (!options.only.empty() && pattern.name.find(options.only) == std::string::npos) continue;
    agree &= run(pattern, options, first);
    first = false;
  }
  std::printf("]\n");
  return agree ? 0 : 1;
}

}  // namespace
}  // namespace blkscope::bench

int main(int count, char** arguments) { return blkscope::bench::main(count, arguments); }

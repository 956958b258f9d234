#include "patterns.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <random>

namespace blkscope::bench {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 21;  // in sectors

std::vector<SectorRange> randomReads(uint64_t span, uint64_t unit, uint64_t count) {
  std::mt19937_64 random(span + unit);
  std::uniform_int_distribution<uint64_t> start(0, span / unit - 8 / unit - 1);
  std::vector<SectorRange> reads(count);
  for (SectorRange& read : reads) read = {start(random) * unit, 8};
  return reads;
}

/// A file of `sectors` in 26 extents that lie apart, read from end to end again and again as a model is, in
/// reads of 128 KiB.
std::vector<SectorRange> scans(uint64_t sectors, uint64_t count) {
  constexpr uint64_t kExtents = 26;
  constexpr uint64_t kRead = 256;
  uint64_t extentReads = sectors / kRead / kExtents;
  std::vector<SectorRange> reads(count);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t at = i % (extentReads * kExtents);
    reads[i] = {2048 + at * kRead + at / extentReads * (kGiB / 4), kRead};
  }
  return reads;
}

std::vector<SectorRange> sequential(uint64_t length, uint64_t count) {
  std::vector<SectorRange> reads(count);
  for (uint64_t i = 0; i < count; ++i) reads[i] = {2048 + i * length, length};
  return reads;
}

/// Sequential reads, each up to `window` places from its own.
std::vector<SectorRange> outOfOrder(uint64_t length, uint64_t window, uint64_t count) {
  std::mt19937_64 random(window);
  std::vector<std::pair<uint64_t, SectorRange>> order;
  auto reads = sequential(length, count);
  for (uint64_t i = 0; i < count; ++i) order.push_back({i + random() % window, reads[i]});
  std::stable_sort(order.begin(), order.end(), [](auto& a, auto& b) { return a.first < b.first; });
  for (uint64_t i = 0; i < count; ++i) reads[i] = order[i].second;
  return reads;
}

/// Four processes, each reading a file of its own from end to end, their reads by turns.
std::vector<SectorRange> streams(uint64_t count) {
  std::vector<SectorRange> reads(count);
  for (uint64_t i = 0; i < count; ++i) reads[i] = {i % 4 * 64 * kGiB + i / 4 * 256, 256};
  return reads;
}

std::vector<std::string> columnsOf(const std::string& line) {
  std::vector<std::string> columns;
  size_t at = 0;
  while ((at = line.find_first_not_of(", \t\r\"", at)) != std::string::npos) {
    size_t end = line.find_first_of(", \t\r\"", at);
    columns.push_back(line.substr(at, end - at));
    at = end == std::string::npos ? line.size() : end;
  }
  return columns;
}

bool parse(const std::string& text, uint64_t& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::vector<Pattern> madePatterns(double scale) {
  auto times = [&](uint64_t mebi) {
    return std::max<uint64_t>(static_cast<uint64_t>(static_cast<double>(mebi << 20) * scale), 1000);
  };
  return {
      {"random16-aligned-1M", "random 4 KiB, 16 GiB, 1 Mi reads", 20, randomReads(16 * kGiB, 8, times(1))},
      {"random16-aligned", "random 4 KiB, 16 GiB, 4 Mi reads", 20, randomReads(16 * kGiB, 8, times(4))},
      {"random16-any-1M", "random, any sector, 16 GiB, 1 Mi reads", 30, randomReads(16 * kGiB, 1, times(1))},
      {"random16-any", "random, any sector, 16 GiB, 4 Mi reads", 30, randomReads(16 * kGiB, 1, times(4))},
      {"random2T-aligned", "random 4 KiB, 2 TiB, 1 Mi reads", 100, randomReads(2048 * kGiB, 8, times(1))},
      {"random2T-any", "random, any sector, 2 TiB, 1 Mi reads", 100, randomReads(2048 * kGiB, 1, times(1))},
      {"sequential", "sequential 4 KiB", 2, sequential(8, times(1))},
      {"scan", "4 GiB file in 26 extents, again and again", 2, scans(4 * kGiB, times(1))},
      {"out-of-order", "sequential 4 KiB, out of order within 32", 20, outOfOrder(8, 32, times(1))},
      {"out-of-order-128K", "sequential 128 KiB, out of order within 32", 20, outOfOrder(256, 32, times(1))},
      {"streams", "four sequential streams by turns", 0, streams(times(1))},
  };
}

Result<Pattern> tracePattern(const std::string& path) {
  std::ifstream file(path);
  if (!file) return systemError("open " + path);
  Pattern pattern{"trace", "trace " + path.substr(path.find_last_of('/') + 1), 0, {}};
  size_t sector = 0;
  size_t sectors = 1;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    auto columns = columnsOf(line);
    if (columns.empty()) continue;
    auto named = [&](const char* name) {
      return static_cast<size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
    };
    if (number == 1 && named("sector") < columns.size() && named("sectors") < columns.size()) {
      sector = named("sector");
      sectors = named("sectors");
      continue;
    }
    SectorRange read;
    if (columns.size() <= std::max(sector, sectors) || !parse(columns[sector], read.start) ||
        !parse(columns[sectors], read.count)) {
      return Error{"BAD_TRACE",
                   path + ":" + std::to_string(number) + ": expected two columns, sector and sectors"};
    }
    pattern.reads.push_back(read);
  }
  if (pattern.reads.empty()) return Error{"BAD_TRACE", path + " has no reads"};
  return pattern;
}

}  // namespace blkscope::bench

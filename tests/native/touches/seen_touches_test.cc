#include "touches/seen_touches.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace blkscope;

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kBase = 0x7f0000003000;  // no window begins here

blkscope_record mapping(uint64_t bytes) { return {BLKSCOPE_MAPPING, 0, 7, kBase, kBase + bytes, 0}; }

/// The kernel, as it maps pages around a fault: up to the cuts, and to the ends of a window or of a folio.
class Process {
 public:
  Process(std::vector<uint64_t> cuts, uint64_t bytes, uint64_t around)
      : cuts_(std::move(cuts)), pages_(bytes / kPage), around_(around) {}

  void touch(uint64_t offset) {
    uint64_t page = offset / kPage;
    if (mapped_.contains(page)) return;
    faults.all.push_back({++time, kBase + offset, 7});
    uint64_t address = kBase / kPage + page;
    uint64_t from = address / around_ * around_, to = from + around_;
    for (uint64_t each = from; each < to; ++each) {
      if (each < kBase / kPage) continue;
      uint64_t there = each - kBase / kPage;
      if (there < pages_ && sideOf(there) == sideOf(page)) mapped_.insert(there);
    }
  }
  void touchAll(const ModelRegion& region) {
    for (uint64_t at = region.offset; at < region.offset + region.bytes; at += 32) touch(at);
  }
  void forget() { mapped_.clear(); }

  Faults faults;
  uint64_t time = 0;

 private:
  size_t sideOf(uint64_t page) const {
    return static_cast<size_t>(std::ranges::upper_bound(cuts_, page * kPage) - cuts_.begin());
  }
  std::vector<uint64_t> cuts_;
  uint64_t pages_;
  uint64_t around_;
  std::set<uint64_t> mapped_;
};

}  // namespace

TEST_CASE("which regions a pass uses is told exactly, however they lie to one another") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 rng(seed);
    std::vector<ModelRegion> regions;
    uint64_t at = 1000 * 32;
    for (int i = 0; i < 60; ++i) {
      uint64_t bytes = rng() % 3 == 0 ? 2 * kPage + rng() % 100 * 32 : 32 * (1 + rng() % 20'000) + 2 * kPage;
      if (seed % 3 == 0) bytes = bytes / kPage * kPage;  // as large as the pages
      regions.push_back({0, at, bytes});
      at += bytes;
    }
    uint64_t whole = (at / kPage + 1) * kPage;
    std::vector<Cuts> cuts = cutsFor(regions, 1, kPage, 2000);
    Process process(cuts[0], whole, seed % 2 == 0 ? 16 : 512);
    std::vector<blkscope_record> records = {mapping(whole)};
    std::vector<std::set<uint32_t>> used;
    for (uint64_t pass = 0; pass < 10; ++pass) {
      process.forget();
      records.push_back({BLKSCOPE_BEGIN, 1, 7, pass, ++process.time, 0});
      used.emplace_back();
      // In any order, as threads do.
      std::vector<uint32_t> order;
      for (uint32_t i = 0; i < regions.size(); ++i) {
        if (rng() % 3 == 0) order.push_back(i);
      }
      std::shuffle(order.begin(), order.end(), rng);
      for (uint32_t i : order) process.touchAll(regions[i]);
      used.back().insert(order.begin(), order.end());
      records.push_back({BLKSCOPE_END, 1, 7, pass, ++process.time, 5});
    }
    SeenTouches seen = seenTouches(records, process.faults, regions, cuts, kPage);
    REQUIRE(seen.passes.size() == 10);
    std::vector<std::set<uint32_t>> found(10);
    for (const SeenTouch& touch : seen.touches) {
      found[touch.pass].insert(touch.region);
      CHECK(touch.bytes == regions[touch.region].bytes);
    }
    CHECK(found == used);
  }
}

TEST_CASE("a pass that uses everything is seen to use everything, regions below a page included") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 rng(seed);
    std::vector<ModelRegion> regions;
    uint64_t at = 0;
    for (int i = 0; i < 80; ++i) {
      uint64_t bytes = 32 * (1 + (rng() % 2 == 0 ? rng() % 100 : rng() % 20'000));
      regions.push_back({0, at, bytes});
      at += bytes;
    }
    uint64_t whole = (at / kPage + 1) * kPage;
    std::vector<Cuts> cuts = cutsFor(regions, 1, kPage, 2000);
    Process process(cuts[0], whole, seed % 2 == 0 ? 16 : 512);
    std::vector<blkscope_record> records = {mapping(whole), {BLKSCOPE_BEGIN, 1, 7, 0, 0, 0}};
    std::vector<ModelRegion> order = regions;
    std::shuffle(order.begin(), order.end(), rng);
    for (const ModelRegion& region : order) process.touchAll(region);
    records.push_back({BLKSCOPE_END, 1, 7, 0, ++process.time, 5});
    SeenTouches seen = seenTouches(records, process.faults, regions, cuts, kPage);
    CHECK(seen.touches.size() == regions.size());
    for (const SeenTouch& touch : seen.touches) CHECK(touch.bytes == regions[touch.region].bytes);
  }
}

TEST_CASE("of a table a row is seen, and not what a fault maps around it") {
  std::vector<ModelRegion> regions = {{0, 0, 100 * kPage}, {0, 100 * kPage, 64}, {0, 100 * kPage + 64, 50 * kPage}};
  uint64_t whole = 151 * kPage;
  std::vector<Cuts> cuts = cutsFor(regions, 1, kPage, 1000);
  Process process(cuts[0], whole, 512);
  std::vector<blkscope_record> records = {mapping(whole), {BLKSCOPE_BEGIN, 1, 7, 0, 1, 0}};
  process.time = 1;
  process.touch(37 * kPage + 5);
  process.touchAll(regions[1]);
  records.push_back({BLKSCOPE_END, 1, 7, 0, process.time, 5});
  // Not profiled: its faults are none of a pass's.
  records.push_back({BLKSCOPE_BEGIN, 0, 7, 1, process.time + 1, 0});
  process.time += 2;
  process.touchAll(regions[2]);
  SeenTouches seen = seenTouches(records, process.faults, regions, cuts, kPage);
  REQUIRE(seen.touches.size() == 2);
  CHECK(seen.touches[0].region == 0);
  CHECK(seen.touches[0].bytes == kPage);
  CHECK(seen.touches[1].region == 1);
  CHECK(seen.touches[1].bytes == 64);
  CHECK(seen.passes[0].faults == 2);
  CHECK(seen.passes[0].readyNs == 5);
  CHECK(!seen.passes[1].profiled);
  CHECK(seen.passes[1].end == 0);
  CHECK(seen.passes[1].faults == 0);
}

TEST_CASE("no library, no model, another process: nothing is seen, and it is told why") {
  std::vector<ModelRegion> regions = {{0, 0, 100 * kPage}};
  std::vector<Cuts> cuts = cutsFor(regions, 1, kPage, 1000);
  Faults faults;
  faults.all.push_back({5, kBase, 8});
  CHECK(!seenTouches({}, faults, regions, cuts, kPage).called);
  std::vector<blkscope_record> records = {{BLKSCOPE_BEGIN, 1, 7, 0, 1, 0}, {BLKSCOPE_REFUSED, 22, 7, 0, 0, 0}};
  SeenTouches seen = seenTouches(records, faults, regions, cuts, kPage);
  CHECK(seen.called);
  CHECK(!seen.mapped);
  CHECK(seen.refused == 22);
  records.insert(records.begin(), mapping(100 * kPage));
  CHECK(seenTouches(records, faults, regions, cuts, kPage).touches.empty());
}

TEST_CASE("however large the model, a process has room for the cuts") {
  std::vector<ModelRegion> regions;
  uint64_t at = 0;
  for (uint32_t i = 0; i < 4000; ++i, at += regions.back().bytes) regions.push_back({i / 2000, i == 2000 ? at = 0 : at, 5'000'032});
  for (size_t most : {20'000, 9000, 5000}) {
    std::vector<Cuts> all = cutsFor(regions, 2, kPage, most);
    REQUIRE(all.size() == 2);
    CHECK(all[0].size() + all[1].size() <= most);
    for (const Cuts& cuts : all) {
      CHECK(std::ranges::is_sorted(cuts));
      CHECK(std::ranges::all_of(cuts, [](uint64_t cut) { return cut % kPage == 0; }));
      CHECK(!cuts.empty());
    }
  }
}

TEST_CASE("records that the workload made up cost neither a crash nor much time") {
  std::vector<ModelRegion> regions = {{0, 0, 100 * kPage}, {1, 0, 50 * kPage}};
  std::vector<Cuts> cuts = cutsFor(regions, 2, kPage, 1000);
  constexpr uint64_t kEdges[] = {0, 1, 7, kPage, 1ull << 32, 1ull << 62, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};
  std::mt19937_64 rng(1);
  auto edge = [&] { return rng() % 2 ? kEdges[rng() % std::size(kEdges)] : rng() % 1000; };
  std::vector<blkscope_record> records;
  for (int i = 0; i < 300'000; ++i) {
    auto kind = static_cast<uint32_t>(rng() % 6);
    records.push_back({kind, static_cast<uint32_t>(edge()), rng() % 3 ? 7 : edge(), edge(), edge(), edge()});
  }
  Faults faults;
  for (int i = 0; i < 20'000; ++i) faults.all.push_back({edge(), edge(), rng() % 3 ? 7u : static_cast<uint32_t>(edge())});
  SeenTouches seen = seenTouches(records, faults, regions, cuts, kPage);
  for (const SeenTouch& touch : seen.touches) CHECK(touch.region < regions.size());

  // One pass after another in a process: passes that lie over one another would each look at all faults.
  std::vector<blkscope_record> passes(100'000, {BLKSCOPE_BEGIN, 1, 7, 0, 1, 0});
  CHECK(seenTouches(passes, faults, regions, cuts, kPage).passes.size() == 1);
}

TEST_CASE("a piece holds what each pass uses all of where nothing else has a byte in it") {
  // A table, a matrix, padding, a matrix that shares a page with an expert.
  std::vector<ModelRegion> regions = {
      {0, 0, 8192, false, false},      {0, 8192, 16000, true, true}, {0, 24192, 384, false, true},
      {0, 24576, 10000, true, true},   {0, 34576, 8192, true, false},
  };
  Cuts cuts = {8192, 24576, 32768, 36864};
  CHECK(alwaysUsedPieces(regions, 0, cuts) == std::vector<bool>{false, true, true, false, false});
  CHECK(alwaysUsedPieces(regions, 1, {}) == std::vector<bool>{true});
}

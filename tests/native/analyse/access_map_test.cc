#include "analyse/access_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

using namespace blkscope;

namespace {

constexpr uint64_t kStart = 1000;
constexpr uint64_t kEnd = 9000;

// Two files in three and two extents, whose order on the disk is another.
std::vector<TracedFile> files() {
  return {{48 * 512 - 100, {{0, 5000, 16}, {16 * 512, 1000, 24}, {40 * 512, 3000, 8}}},
          {32 * 512, {{0, 1024, 16}, {16 * 512, 7000, 16}}}};
}

struct Read {
  uint64_t time;
  uint64_t sector;
  uint32_t sectors;
};

std::vector<Read> randomReads(std::mt19937& random) {
  std::vector<Read> reads;
  const uint64_t starts[] = {4990, 5000, 996, 1000, 1016, 1024, 1036, 2990, 3000, 7000, 7010};
  for (int i = 0; i < 400; ++i) {
    reads.push_back({kStart + random() % (kEnd - kStart + 1), starts[random() % 11] + random() % 8,
                     static_cast<uint32_t>(8 * (1 + random() % 5))});
  }
  std::stable_sort(reads.begin(), reads.end(), [](const Read& a, const Read& b) { return a.time < b.time; });
  return reads;
}

using Cells = std::map<std::pair<uint32_t, uint32_t>, AccessCell>;

/// Sector by sector. `order`: the extents as they follow one another.
Cells bruteForce(const std::vector<Read>& reads, bool byDisk, uint32_t times, uint32_t places) {
  auto all = files();
  struct Piece {
    uint64_t sector, sectors, inFiles;
  };
  std::vector<Piece> pieces;
  uint64_t base = 0;
  for (auto& file : all) {
    for (auto& extent : file.extents) pieces.push_back({extent.sector, extent.sectors, base + extent.fileOffset / 512});
    base += (file.bytes + 511) / 512;
  }
  std::sort(pieces.begin(), pieces.end(), [](auto& a, auto& b) { return a.sector < b.sector; });
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> placeOf;  // by sector of the disk: in the files, on the disk
  uint64_t onDisk = 0;
  for (auto& piece : pieces) {
    for (uint64_t i = 0; i < piece.sectors; ++i) placeOf[piece.sector + i] = {piece.inFiles + i, onDisk++};
  }
  std::map<uint64_t, uint32_t> unitReads;
  Cells cells;
  for (auto& read : reads) {
    auto time = static_cast<uint32_t>(
        std::min<uint64_t>(times - 1, (read.time - kStart) * times / (kEnd - kStart)));
    std::map<uint64_t, uint32_t> before;
    bool begins = true;
    for (uint64_t sector = read.sector; sector < read.sector + read.sectors; ++sector) {
      auto found = placeOf.find(sector);
      if (found == placeOf.end()) continue;
      auto [inFiles, disk] = found->second;
      uint64_t at = byDisk ? disk : inFiles;
      AccessCell& cell = cells[{time, static_cast<uint32_t>(at * places / 80)}];
      auto unit = before.try_emplace(inFiles / 8, unitReads[inFiles / 8]).first;
      ++(unit->second == 0 ? cell.first : unit->second == 1 ? cell.second : cell.later);
      if (begins) ++cell.reads;
      begins = false;
    }
    for (auto& [unit, n] : before) unitReads[unit] = n + 1;
  }
  return cells;
}

void requireSame(const AccessGrid& grid, const Cells& expected) {
  REQUIRE(grid.cells().size() == expected.size());
  auto found = expected.begin();
  for (const AccessCell& cell : grid.cells()) {
    REQUIRE(found->first == std::pair{cell.time, cell.place});
    const AccessCell& right = found++->second;
    CHECK(std::tuple(cell.first, cell.second, cell.later, cell.reads) ==
          std::tuple(right.first, right.second, right.later, right.reads));
  }
}

AccessMap mapOf(const std::vector<Read>& reads, uint32_t times, uint32_t places, size_t most) {
  AccessMap map(files(), kStart, kEnd, times, places, most);
  for (auto& read : reads) map.add(read.time, read.sector, read.sectors);
  map.finish();
  return map;
}

}  // namespace

TEST_CASE("an access map equals a count sector by sector, by file and by disk, at any width") {
  std::mt19937 random(7);
  for (auto [times, places] : {std::pair{1u, 1u}, {64u, 80u}, {50u, 7u}, {16u, 160u}, {4096u, 16u}}) {
    auto reads = randomReads(random);
    auto map = mapOf(reads, times, places, 1 << 20);
    CHECK(map.fileSectors() == 80);
    CHECK(map.diskSectors() == 80);
    requireSame(map.byFile(), bruteForce(reads, false, times, places));
    requireSame(map.byDisk(), bruteForce(reads, true, times, places));
  }
}

TEST_CASE("a map with too many cells is folded to a coarser one that says the same") {
  std::mt19937 random(8);
  auto reads = randomReads(random);
  for (size_t most : {1, 7, 100, 300, 900}) {
    auto map = mapOf(reads, 1024, 64, most);
    for (bool byDisk : {false, true}) {
      const AccessGrid& grid = byDisk ? map.byDisk() : map.byFile();
      CHECK(grid.cells().size() <= most);
      CHECK(1024 % grid.times() == 0);
      requireSame(grid, bruteForce(reads, byDisk, grid.times(), grid.places()));
      // Not coarser than it must be: twice as fine there are too many.
      bool bothHalved = grid.places() < 64 && 2 * grid.times() <= 4 * 2 * grid.places();
      auto finer = bruteForce(reads, byDisk, 2 * grid.times(), bothHalved ? 2 * grid.places() : grid.places());
      CHECK((grid.times() == 1024 || finer.size() > most));
    }
  }
}

TEST_CASE("late reads of a map that is folded meanwhile are put in their place, too") {
  std::mt19937 random(10);
  auto reads = randomReads(random);
  auto order = reads;
  for (size_t i = 0; i + 7 < order.size(); i += 8) std::swap(order[i], order[i + 7]);
  auto map = mapOf(order, 1024, 64, 120);
  const AccessGrid& grid = map.byFile();
  CHECK(grid.cells().size() <= 120);
  auto expected = bruteForce(reads, false, grid.times(), grid.places());
  REQUIRE(grid.cells().size() == expected.size());
  auto found = expected.begin();
  for (const AccessCell& cell : grid.cells()) {
    REQUIRE(found->first == std::pair{cell.time, cell.place});
    const AccessCell& right = found++->second;
    CHECK(cell.first + cell.second + cell.later == right.first + right.second + right.later);
    CHECK(cell.reads == right.reads);
  }
}

TEST_CASE("reads that come late are put in their place") {
  std::mt19937 random(9);
  auto reads = randomReads(random);
  auto order = reads;
  // Each may come up to some hundred reads too late; whether it was the first is told in the order of coming.
  std::stable_sort(order.begin(), order.end(), [](const Read& a, const Read& b) { return a.time / 2000 < b.time / 2000; });
  for (size_t i = 0; i + 7 < order.size(); i += 8) std::swap(order[i], order[i + 7]);
  auto map = mapOf(order, 256, 16, 1 << 20);
  auto expected = bruteForce(reads, false, 256, 16);
  REQUIRE(map.byFile().cells().size() == expected.size());
  auto found = expected.begin();
  for (const AccessCell& cell : map.byFile().cells()) {
    REQUIRE(found->first == std::pair{cell.time, cell.place});
    const AccessCell& right = found++->second;
    CHECK(cell.first + cell.second + cell.later == right.first + right.second + right.later);
    CHECK(cell.reads == right.reads);
  }
}

TEST_CASE("how often each byte was read") {
  auto map = mapOf({{1000, 5000, 16}, {2000, 5000, 8}, {3000, 5000, 8}}, 8, 8, 100);
  auto times = map.timesRead();
  CHECK(times[3] == 8);
  CHECK(times[1] == 8);
  CHECK(times[0] == 80 - 16);
}

#include "analyse/region_reads.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

#include "analyse/analysis.h"

using namespace blkscope;

namespace {

constexpr uint32_t kDevice = 7;

Event completedRead(uint64_t sector, uint32_t sectors, uint64_t time) {
  Event e;
  e.action = Action::complete;
  e.direction = Direction::read;
  e.device = kDevice;
  e.sector = sector;
  e.bytes = sectors << 9;
  e.time = time;
  return e;
}

// Two fragmented files, interleaved on the disk, the ends of both within a sector.
std::vector<TracedFile> twoFiles() {
  return {{40 * 512 - 100, {{0, 1000, 16}, {16 * 512, 1100, 24}}},
          {30 * 512 - 7, {{0, 1016, 8}, {8 * 512, 1060, 16}, {24 * 512, 1040, 8}}}};
}

std::vector<FileRegion> randomRegions(const std::vector<TracedFile>& files, std::mt19937& random) {
  std::vector<FileRegion> regions;
  for (uint32_t file = 0; file < files.size(); ++file) {
    for (uint64_t offset = 0; offset < files[file].bytes;) {
      uint64_t bytes = std::min<uint64_t>(1 + random() % 3000, files[file].bytes - offset);
      regions.push_back({file, offset, bytes});
      offset += bytes;
    }
  }
  return regions;
}

/// The same figures, byte by byte.
struct BruteForce {
  const std::vector<TracedFile>& files;
  const std::vector<FileRegion>& regions;
  const std::vector<uint64_t>& boundaries;
  std::vector<RegionFigures> figures = std::vector<RegionFigures>(regions.size());
  std::vector<std::set<uint64_t>> seen = std::vector<std::set<uint64_t>>(regions.size());
  std::map<std::pair<int, uint32_t>, uint64_t> touches = {};
  std::map<uint32_t, uint64_t> groupReads = {};

  void add(const Event& read) {
    std::set<uint32_t> touched;
    for (uint64_t byte = read.sector << 9; byte < read.endSector() << 9; ++byte) addByte(byte, read, touched);
    for (uint32_t region : touched) {
      ++figures[region].reads;
      if (figures[region].firstNs == 0) figures[region].firstNs = read.time;
      figures[region].lastNs = read.time;
    }
    std::set<uint32_t> groups;
    for (uint32_t region : touched) groups.insert(region % 3);
    for (uint32_t group : groups) ++groupReads[group];
  }

  void addByte(uint64_t diskByte, const Event& read, std::set<uint32_t>& touched) {
    for (uint32_t file = 0; file < files.size(); ++file) {
      for (const FileExtent& extent : files[file].extents) {
        uint64_t start = extent.sector << 9;
        if (diskByte < start || diskByte >= start + (extent.sectors << 9)) continue;
        uint64_t offset = extent.fileOffset + diskByte - start;
        for (uint32_t i = 0; i < regions.size(); ++i) {
          const FileRegion& region = regions[i];
          if (region.file != file || offset < region.offset || offset >= region.offset + region.bytes) continue;
          touched.insert(i);
          ++figures[i].readBytes;
          if (seen[i].insert(offset).second) ++figures[i].uniqueBytes;
          int slot = -1;
          for (uint64_t boundary : boundaries) slot += boundary <= read.time;
          if (slot >= 0) ++touches[{slot, i}];
        }
      }
    }
  }
};

}  // namespace

TEST_CASE("regions get exactly what a count byte by byte gives them") {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    auto files = twoFiles();
    auto regions = randomRegions(files, random);
    std::vector<uint64_t> boundaries = {50, 120, 121, 300};
    std::vector<uint32_t> groups;
    for (uint32_t i = 0; i < regions.size(); ++i) groups.push_back(i % 3);
    RegionReads reads(files, kDevice, regions, boundaries, {groups});
    BruteForce brute{files, regions, boundaries};
    uint64_t time = 1;
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<Event> events;
      for (int i = 0; i < 12; ++i) {
        time += random() % 15;
        events.push_back(completedRead(990 + random() % 140, 1 + random() % 40, time));
        brute.add(events.back());
        // none of these is a read that was transferred
        events.push_back(events.back());
        if (i % 3 == 0) events.back().action = Action::issue;
        if (i % 3 == 1) events.back().error = 5;
        if (i % 3 == 2) events.back().device = 8;
      }
      reads.consume(events);
    }
    reads.finish();
    for (size_t i = 0; i < regions.size(); ++i) {
      CHECK(reads.figures()[i].reads == brute.figures[i].reads);
      CHECK(reads.figures()[i].readBytes == brute.figures[i].readBytes);
      CHECK(reads.figures()[i].uniqueBytes == brute.figures[i].uniqueBytes);
      CHECK(reads.figures()[i].firstNs == brute.figures[i].firstNs);
      CHECK(reads.figures()[i].lastNs == brute.figures[i].lastNs);
    }
    for (uint32_t group = 0; group < 3; ++group) CHECK(reads.groupReads()[group] == brute.groupReads[group]);
    REQUIRE(reads.touches().size() == brute.touches.size());
    auto touch = reads.touches().begin();
    for (const auto& [cell, bytes] : brute.touches) {
      CHECK(static_cast<int>(touch->slot) == cell.first);
      CHECK(touch->region == cell.second);
      CHECK(touch->bytes == bytes);
      ++touch;
    }
  }
}

TEST_CASE("the regions of whole files add up to what the analysis counts for the files") {
  std::mt19937 random(5);
  auto files = twoFiles();
  RegionReads reads(files, kDevice, randomRegions(files, random), {}, {});
  Analysis analysis(files, kDevice, 0);
  std::vector<Event> events;
  for (uint64_t time = 1; time < 30; ++time) {
    events.push_back(completedRead(990 + random() % 140, 1 + random() % 40, time));
  }
  reads.consume(events);
  analysis.consume(events);
  reads.finish();
  analysis.finish(100);
  uint64_t readBytes = 0, uniqueBytes = 0;
  for (const RegionFigures& region : reads.figures()) {
    readBytes += region.readBytes;
    uniqueBytes += region.uniqueBytes;
  }
  CHECK(readBytes == analysis.files()[0].readBytes + analysis.files()[1].readBytes);
  CHECK(uniqueBytes == analysis.files()[0].uniqueBytes + analysis.files()[1].uniqueBytes);
}

TEST_CASE("when there are too many touches, slots that may be are told as one, and no byte is lost") {
  std::vector<TracedFile> files = {{100 * 512, {{0, 1000, 100}}}};
  std::vector<FileRegion> regions = {{0, 0, 50 * 512}, {0, 50 * 512, 50 * 512}};
  std::vector<uint64_t> boundaries = {100, 200, 300, 400, 500, 600};
  // Slots 1 to 4 may be joined; each reads both regions, so that from slot 2 on there are too many touches.
  RegionReads reads(files, kDevice, regions, boundaries, {}, {1, 5}, 4);
  for (uint64_t slot = 0; slot < 6; ++slot) {
    Event both[] = {completedRead(1000, 2, 110 + 100 * slot), completedRead(1090, 3, 120 + 100 * slot)};
    reads.consume(both);
  }
  reads.finish();
  CHECK(reads.joinedFrom() == 2);
  std::map<uint32_t, std::vector<uint64_t>> bytes;
  for (const RegionTouch& touch : reads.touches()) bytes[touch.slot].push_back(touch.bytes);
  for (uint32_t slot : {0u, 1u, 5u}) CHECK(bytes[slot] == std::vector<uint64_t>{2 * 512, 3 * 512});
  CHECK(bytes[2] == std::vector<uint64_t>{3 * 2 * 512, 3 * 3 * 512});
  CHECK(bytes.size() == 4);
}

// When which part of the traced files was read, as a grid of time and place, for pictures.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "analyse/file_map.h"

namespace blkscope {

/// What was read of one place during one span of time. Sectors of 512 bytes, by whether they were read for the first time, the
/// second, or again; a read counts where it begins.
struct AccessCell {
  uint32_t time;
  uint32_t place;
  uint32_t first = 0;
  uint32_t second = 0;
  uint32_t later = 0;
  uint32_t reads = 0;
};

/// Cells in order of time, then place. Reads come about in order of time: one column is open, all before it are packed, and what
/// comes late for those is put in its place at the end.
class AccessGrid {
 public:
  AccessGrid(uint32_t times, uint32_t places);

  /// Both in range.
  void add(uint32_t time, uint32_t place, const AccessCell& what);
  /// Halves the number of times, and that of places where there are not more times than `timesPerPlace` of them, until
  /// there are at most `most` cells.
  void shrinkTo(size_t most);

  uint32_t times() const { return times_; }
  uint32_t places() const { return places_; }
  /// After close().
  std::span<const AccessCell> cells() const { return cells_; }
  /// When all was added.
  void close();

 private:
  void closeColumn();
  AccessGrid folded(uint32_t timesBy, uint32_t placesBy) const;

  uint32_t times_;
  uint32_t places_;
  uint32_t column_ = 0;
  std::vector<AccessCell> open_;
  std::vector<AccessCell> late_;
  std::vector<AccessCell> cells_;
};

/// The same reads by place in the files, in their order, and by place on the disk: there the extents stand in order of their
/// sectors, with nothing between them.
class AccessMap {
 public:
  /// Times in ns; `endNs` above `startNs`. Times and places at least 1.
  AccessMap(std::vector<TracedFile> files, uint64_t startNs, uint64_t endNs, uint32_t times, uint32_t places);

  /// A completed read. A time out of the span goes to its end.
  void add(uint64_t time, uint64_t sector, uint32_t sectors);
  /// Call once, after the last read.
  void finish(size_t mostCells);

  const AccessGrid& byFile() const { return byFile_; }
  const AccessGrid& byDisk() const { return byDisk_; }
  /// Sectors that the places of each grid stand for together.
  uint64_t fileSectors() const { return fileSectors_; }
  uint64_t diskSectors() const { return diskSectors_; }
  /// By how often: the sectors that were read so many times, exact to unitSectors().
  std::map<uint32_t, uint64_t> timesRead() const;
  uint32_t unitSectors() const { return unitSectors_; }

 private:
  enum class Kind { first, second, later };

  uint32_t timeOf(uint64_t time) const;
  void addSectors(uint32_t time, uint64_t inFiles, uint64_t onDisk, uint64_t count);
  Kind countRead(size_t unit);
  static void spread(AccessGrid& grid, uint32_t time, uint64_t at, uint64_t count, uint64_t total, Kind kind);

  FileMap map_;
  std::vector<uint64_t> fileBase_;   // sectors of the files before
  std::vector<uint64_t> pieceBase_;  // sectors of the extents before, in order of the disk
  uint64_t fileSectors_ = 0;
  uint64_t diskSectors_ = 0;
  uint64_t startNs_;
  uint64_t endNs_;
  AccessGrid byFile_;
  AccessGrid byDisk_;
  uint32_t unitSectors_ = 8;  // a page
  std::vector<uint16_t> timesRead_;  // by unit of the files
};

}  // namespace blkscope

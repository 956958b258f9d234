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

/// Cells in order of time, then place, never more than so many: a grid that gets more is halved in its times, and in its places
/// where it has not many more times than these, as it grows. Reads come about in order of time: one column is open, all before it
/// are packed, and what comes late for those is put in its place at the end.
class AccessGrid {
 public:
  /// As finely as it divides before it is halved; `most` at least 1.
  AccessGrid(uint32_t times, uint32_t places, size_t most);

  /// Both as finely as the grid divided at first, and in range.
  void add(uint32_t time, uint32_t place, const AccessCell& what);
  /// When all was added.
  void close();

  uint32_t times() const { return times_; }
  uint32_t places() const { return places_; }
  /// After close().
  std::span<const AccessCell> cells() const { return cells_; }

 private:
  void addHere(uint32_t time, uint32_t place, const AccessCell& what);
  void openColumn(uint32_t time);
  void packColumn();
  /// Packs the open column, and halves the grid until there are few enough cells.
  void shrink();
  void halve(bool placesToo);

  uint32_t times_;
  uint32_t places_;
  size_t most_;
  uint32_t timeHalved_ = 0;
  uint32_t placeHalved_ = 0;
  uint32_t column_ = 0;
  std::vector<AccessCell> open_;
  uint32_t openFrom_;  // places of the open column that have something lie from here ...
  uint32_t openTo_ = 0;  // ... to before here
  std::vector<AccessCell> late_;  // as finely as they were added
  std::vector<AccessCell> cells_;
};

/// Sectors divided into places of one size.
class Places {
 public:
  Places(uint64_t sectors, uint32_t count);

  uint32_t of(uint64_t sector) const;
  /// The first sector after a place; of the last one there is none.
  uint64_t end(uint32_t place) const { return starts_[place + 1]; }
  uint64_t sectors() const { return sectors_; }

 private:
  uint64_t sectors_;
  double perSector_;
  std::vector<uint64_t> starts_;
};

/// The same reads by place in the files, in their order, and by place on the disk: there the extents stand in order of their
/// sectors, with nothing between them.
class AccessMap {
 public:
  /// Times in ns; `endNs` above `startNs`. Times, places and `mostCells`, which each order may have, at least 1.
  AccessMap(std::vector<TracedFile> files, uint64_t startNs, uint64_t endNs, uint32_t times, uint32_t places,
            size_t mostCells);

  /// A completed read. A time out of the span goes to its end.
  void add(uint64_t time, uint64_t sector, uint32_t sectors);
  /// Call once, after the last read.
  void finish();

  const AccessGrid& byFile() const { return fileOrder_.grid; }
  const AccessGrid& byDisk() const { return diskOrder_.grid; }
  /// Sectors that the places of each grid stand for together.
  uint64_t fileSectors() const { return fileOrder_.places.sectors(); }
  uint64_t diskSectors() const { return diskOrder_.places.sectors(); }
  /// By how often: the sectors that were read so many times, exact to unitSectors().
  std::map<uint32_t, uint64_t> timesRead() const;
  uint32_t unitSectors() const { return 1u << unitShift_; }

 private:
  enum class Kind { first, second, later };

  struct Order {
    Places places;
    AccessGrid grid;

    void addRead(uint32_t time, uint64_t at);
    void addSectors(uint32_t time, uint64_t at, uint64_t count, Kind kind);
  };

  uint32_t timeOf(uint64_t time) const;
  void addSectors(uint32_t time, uint64_t inFiles, uint64_t onDisk, uint64_t count);
  Kind countRead(size_t unit);

  FileMap map_;
  std::vector<uint64_t> fileBase_;   // sectors of the files before
  std::vector<uint64_t> pieceBase_;  // sectors of the extents before, in order of the disk
  uint64_t startNs_;
  uint64_t endNs_;
  uint32_t times_;
  Order fileOrder_;
  Order diskOrder_;
  uint32_t unitShift_ = 3;  // of sectors: a page
  std::vector<uint16_t> timesRead_;  // by unit of the files
};

}  // namespace blkscope

// What was read of each region of the traced files: a tensor, an expert's slice, metadata, padding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyse/file_map.h"
#include "decode/event.h"
#include "sectors/sector_set.h"

namespace blkscope {

/// A run of bytes of a traced file. Regions may begin and end within a sector.
struct FileRegion {
  uint32_t file;  // index into the files given
  uint64_t offset;
  uint64_t bytes;
};

/// What completed reads brought in of one region, exact to the byte. Times in ns; of no meaning while nothing was read.
struct RegionFigures {
  uint64_t reads = 0;  // I/Os that touch it
  uint64_t readBytes = 0;
  uint64_t uniqueBytes = 0;
  uint64_t firstNs = 0;
  uint64_t lastNs = 0;
};

/// Slots [from, to) of time that may be told together.
struct JoinableSlots {
  size_t from = 0;
  size_t to = 0;
};

/// Bytes read of a region during a slot of time.
struct RegionTouch {
  uint32_t slot;
  uint32_t region;
  uint64_t bytes;
};

/// Joins completed reads with regions, and, for heat, with slots of time: slot i lasts from boundary i to the next.
///
/// Regions of one file must not overlap and come sorted by file and offset. A read costs a binary search over the
/// regions, none where it goes on in the region of the one before, and a step a region it overlaps.
class RegionReads {
 public:
  static constexpr uint32_t kNoGroup = UINT32_MAX;
  static constexpr size_t kMostTouches = 1 << 24;

  /// Files are looked up on `device`; boundaries in ns, ascending. Each of `groupings` gives every region a group's
  /// number, or kNoGroup: an I/O that touches several regions of a group is one read of the group. When there are
  /// `mostTouches`, those of the joinable slots that follow are told as one.
  RegionReads(std::vector<TracedFile> files, uint32_t device, std::vector<FileRegion> regions,
              std::vector<uint64_t> boundaries, std::vector<std::vector<uint32_t>> groupings, JoinableSlots joinable = {},
              size_t mostTouches = kMostTouches);

  void consume(std::span<const Event> events);
  /// Call once, when all events were consumed.
  void finish();

  std::span<const RegionFigures> figures() const { return figures_; }
  /// I/Os that touch each group, by its number.
  std::span<const uint64_t> groupReads() const { return groupReads_; }
  /// One a slot and region that has bytes, sorted by both.
  std::span<const RegionTouch> touches() const { return touches_; }
  /// The first slot that stands for all joinable ones from it on; SIZE_MAX: each stands for itself.
  size_t joinedFrom() const { return joinedFrom_; }
  /// False: unique bytes are too low, because there was no memory for the set of sectors.
  bool complete() const { return read_.complete(); }

 private:
  void addPiece(const FileMap::Piece& piece, uint64_t from, uint64_t to, uint64_t time);
  void addBytes(uint32_t region, uint64_t bytes, uint64_t time);
  void countInGroups(uint32_t region);
  void enterSlot(uint64_t time);
  void closeSlot();
  size_t firstRegion(uint32_t file, uint64_t offset);

  std::vector<TracedFile> files_;
  FileMap map_;
  uint32_t device_;
  std::vector<FileRegion> regions_;
  std::vector<uint64_t> boundaries_;
  std::vector<RegionFigures> figures_;
  std::vector<uint64_t> fileBase_;  // sectors of the files before: one set holds all files
  SectorSet read_;                  // in sectors of the files, not of the disk
  size_t lastRegion_ = 0;
  uint64_t serial_ = 0;                // of the read at hand
  std::vector<uint64_t> countedRead_;  // by region: the last read that was counted for it
  std::vector<std::vector<uint32_t>> groupings_;
  std::vector<uint64_t> groupReads_;
  std::vector<uint64_t> countedGroupRead_;

  JoinableSlots joinable_;
  size_t mostTouches_;
  size_t joinedFrom_ = SIZE_MAX;
  size_t passed_ = 0;  // boundaries, before the first of which no slot is open
  size_t slot_ = 0;    // the open one
  std::vector<uint64_t> slotBytes_;
  std::vector<uint32_t> slotRegions_;
  std::vector<RegionTouch> touches_;
};

}  // namespace blkscope

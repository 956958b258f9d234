#include "analyse/region_reads.h"

#include <algorithm>
#include <tuple>

namespace blkscope {
namespace {

constexpr uint64_t sectorsOf(uint64_t bytes) { return (bytes + 511) >> 9; }

bool endsBefore(const FileRegion& region, uint32_t file, uint64_t offset) {
  return std::tuple(region.file, region.offset + region.bytes) <= std::tuple(file, offset);
}

uint64_t overlap(const FileRegion& region, uint64_t from, uint64_t to) {
  from = std::max(from, region.offset);
  to = std::min(to, region.offset + region.bytes);
  return from < to ? to - from : 0;
}

}  // namespace

RegionReads::RegionReads(std::vector<TracedFile> files, uint32_t device, std::vector<FileRegion> regions,
                         std::vector<uint64_t> boundaries, std::vector<std::vector<uint32_t>> groupings,
                         JoinableSlots joinable, size_t mostTouches)
    : files_(std::move(files)),
      map_(files_),
      device_(device),
      regions_(std::move(regions)),
      boundaries_(std::move(boundaries)),
      figures_(regions_.size()),
      countedRead_(regions_.size()),
      groupings_(std::move(groupings)),
      joinable_(joinable),
      mostTouches_(mostTouches),
      slotBytes_(regions_.size()) {
  uint64_t base = 0;
  for (const TracedFile& file : files_) {
    fileBase_.push_back(base);
    base += sectorsOf(file.bytes);
  }
  size_t groups = 0;
  for (const auto& grouping : groupings_) {
    for (uint32_t group : grouping) {
      if (group != kNoGroup) groups = std::max<size_t>(groups, group + 1);
    }
  }
  groupReads_.resize(groups);
  countedGroupRead_.resize(groups);
}

void RegionReads::consume(std::span<const Event> events) {
  for (const Event& event : events) {
    if (!event.ends() || event.direction != Direction::read || event.error || event.device != device_) continue;
    enterSlot(event.time);
    ++serial_;
    map_.forEachOverlap(event.sector, event.endSector(), [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
      addPiece(piece, from, to, event.time);
    });
  }
}

// Sectors [from, to) of the disk lie in `piece`; its last block may reach beyond the file's end.
void RegionReads::addPiece(const FileMap::Piece& piece, uint64_t from, uint64_t to, uint64_t time) {
  uint64_t offset = piece.fileOffset + ((from - piece.sector) << 9);
  uint64_t end = std::min(offset + ((to - from) << 9), files_[piece.file].bytes);
  if (offset >= end) return;
  read_.insert(fileBase_[piece.file] + (offset >> 9), sectorsOf(end - offset));
  for (size_t i = firstRegion(piece.file, offset); i < regions_.size(); ++i) {
    const FileRegion& region = regions_[i];
    if (region.file != piece.file || region.offset >= end) break;
    lastRegion_ = i;
    if (uint64_t bytes = overlap(region, offset, end)) addBytes(static_cast<uint32_t>(i), bytes, time);
  }
}

void RegionReads::addBytes(uint32_t region, uint64_t bytes, uint64_t time) {
  RegionFigures& figures = figures_[region];
  if (countedRead_[region] != serial_) {  // a read over two extents of a region is one
    countedRead_[region] = serial_;
    ++figures.reads;
    countInGroups(region);
  }
  if (figures.readBytes == 0) figures.firstNs = time;
  figures.readBytes += bytes;
  figures.lastNs = time;
  if (passed_ == 0) return;
  if (slotBytes_[region] == 0) slotRegions_.push_back(region);
  slotBytes_[region] += bytes;
}

void RegionReads::countInGroups(uint32_t region) {
  for (const auto& grouping : groupings_) {
    uint32_t group = grouping[region];
    if (group == kNoGroup || countedGroupRead_[group] == serial_) continue;
    countedGroupRead_[group] = serial_;
    ++groupReads_[group];
  }
}

// Events come in time order, so slots are entered one after the other.
void RegionReads::enterSlot(uint64_t time) {
  if (passed_ == boundaries_.size() || time < boundaries_[passed_]) return;
  closeSlot();
  auto passed = std::upper_bound(boundaries_.begin(), boundaries_.end(), time);
  passed_ = static_cast<size_t>(passed - boundaries_.begin());
  slot_ = passed_ - 1;
  if (touches_.size() < mostTouches_ || slot_ < joinable_.from || slot_ >= joinable_.to) return;
  joinedFrom_ = slot_;
  passed_ = joinable_.to;
}

void RegionReads::closeSlot() {
  std::sort(slotRegions_.begin(), slotRegions_.end());
  for (uint32_t region : slotRegions_) {
    touches_.push_back({static_cast<uint32_t>(slot_), region, slotBytes_[region]});
    slotBytes_[region] = 0;
  }
  slotRegions_.clear();
}

// The first region that ends after `offset`.
size_t RegionReads::firstRegion(uint32_t file, uint64_t offset) {
  if (lastRegion_ < regions_.size()) {
    const FileRegion& last = regions_[lastRegion_];
    if (last.file == file && last.offset <= offset && offset < last.offset + last.bytes) return lastRegion_;
  }
  auto found = std::partition_point(regions_.begin(), regions_.end(),
                                    [&](const FileRegion& region) { return endsBefore(region, file, offset); });
  return static_cast<size_t>(found - regions_.begin());
}

void RegionReads::finish() {
  closeSlot();
  for (size_t i = 0; i < regions_.size(); ++i) {
    const FileRegion& region = regions_[i];
    uint64_t base = fileBase_[region.file];
    uint64_t first = region.offset >> 9;
    uint64_t count = sectorsOf(region.offset + region.bytes) - first;
    read_.forEach({base + first, count}, [&](SectorRange range) {
      uint64_t from = (range.start - base) << 9;
      figures_[i].uniqueBytes += overlap(region, from, from + (range.count << 9));
    });
  }
}

}  // namespace blkscope

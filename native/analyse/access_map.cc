#include "analyse/access_map.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace blkscope {
namespace {

// A counter of two bytes a unit: of larger files a unit is larger than a page.
constexpr size_t kMostUnits = size_t{1} << 26;
constexpr uint32_t kTimesPerPlace = 4;

uint32_t placeOf(uint64_t at, uint64_t total, uint32_t places) {
  return static_cast<uint32_t>(std::min<uint64_t>(at * places / total, places - 1));
}

bool isEmpty(const AccessCell& cell) { return (cell.first | cell.second | cell.later | cell.reads) == 0; }

void addTo(AccessCell& cell, const AccessCell& more) {
  cell.first += more.first;
  cell.second += more.second;
  cell.later += more.later;
  cell.reads += more.reads;
}

}  // namespace

AccessGrid::AccessGrid(uint32_t times, uint32_t places) : times_(times), places_(places), open_(places) {}

void AccessGrid::add(uint32_t time, uint32_t place, const AccessCell& what) {
  if (time < column_) {
    late_.push_back({time, place, what.first, what.second, what.later, what.reads});
    return;
  }
  if (time > column_) closeColumn();
  column_ = time;
  addTo(open_[place], what);
}

void AccessGrid::closeColumn() {
  for (uint32_t place = 0; place < places_; ++place) {
    AccessCell& cell = open_[place];
    if (isEmpty(cell)) continue;
    cell.time = column_;
    cell.place = place;
    cells_.push_back(cell);
    cell = {};
  }
}

void AccessGrid::close() {
  closeColumn();
  if (late_.empty()) return;
  cells_.insert(cells_.end(), late_.begin(), late_.end());
  late_.clear();
  auto place = [](const AccessCell& cell) { return std::pair{cell.time, cell.place}; };
  std::sort(cells_.begin(), cells_.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  size_t kept = 0;
  for (size_t i = 1; i < cells_.size(); ++i) {
    if (place(cells_[i]) == place(cells_[kept])) {
      addTo(cells_[kept], cells_[i]);
    } else {
      cells_[++kept] = cells_[i];
    }
  }
  cells_.resize(kept + 1);
}

void AccessGrid::shrinkTo(size_t most) {
  while (cells_.size() > most && (times_ > 1 || places_ > 1)) {
    bool both = times_ <= kTimesPerPlace * places_;
    *this = folded(times_ > 1 ? 2 : 1, both && places_ > 1 ? 2 : 1);
  }
}

AccessGrid AccessGrid::folded(uint32_t timesBy, uint32_t placesBy) const {
  AccessGrid coarse((times_ + timesBy - 1) / timesBy, (places_ + placesBy - 1) / placesBy);
  for (const AccessCell& cell : cells_) coarse.add(cell.time / timesBy, cell.place / placesBy, cell);
  coarse.close();
  return coarse;
}

AccessMap::AccessMap(std::vector<TracedFile> files, uint64_t startNs, uint64_t endNs, uint32_t times, uint32_t places)
    : map_(files), startNs_(startNs), endNs_(endNs), byFile_(times, places), byDisk_(times, places) {
  for (const TracedFile& file : files) {
    fileBase_.push_back(fileSectors_);
    uint64_t sectors = (file.bytes + 511) / 512;
    for (const FileExtent& extent : file.extents) {
      sectors = std::max(sectors, extent.fileOffset / 512 + extent.sectors);
    }
    fileSectors_ += sectors;
  }
  for (const FileMap::Piece& piece : map_.pieces()) {
    pieceBase_.push_back(diskSectors_);
    diskSectors_ += piece.endSector - piece.sector;
  }
  while (fileSectors_ / unitSectors_ >= kMostUnits) unitSectors_ *= 2;
  timesRead_.resize(fileSectors_ / unitSectors_ + 1);
}

uint32_t AccessMap::timeOf(uint64_t time) const {
  uint64_t since = std::clamp(time, startNs_, endNs_) - startNs_;
  // As a double: a span of hours times thousands of columns has more than 64 bits; and a bin is far wider than what it rounds.
  auto column = static_cast<uint64_t>(static_cast<double>(since) / static_cast<double>(endNs_ - startNs_) *
                                      static_cast<double>(byFile_.times()));
  return static_cast<uint32_t>(std::min<uint64_t>(column, byFile_.times() - 1));
}

void AccessMap::add(uint64_t time, uint64_t sector, uint32_t sectors) {
  uint32_t column = timeOf(time);
  bool begins = true;
  map_.forEachOverlap(sector, sector + sectors, [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
    uint64_t within = from - piece.sector;
    uint64_t inFiles = fileBase_[piece.file] + piece.fileOffset / 512 + within;
    uint64_t onDisk = pieceBase_[static_cast<size_t>(&piece - map_.pieces().data())] + within;
    if (begins) {
      AccessCell read{0, 0, 0, 0, 0, 1};
      byFile_.add(column, placeOf(inFiles, fileSectors_, byFile_.places()), read);
      byDisk_.add(column, placeOf(onDisk, diskSectors_, byDisk_.places()), read);
      begins = false;
    }
    addSectors(column, inFiles, onDisk, to - from);
  });
}

AccessMap::Kind AccessMap::countRead(size_t unit) {
  uint16_t& times = timesRead_[unit];
  Kind kind = times == 0 ? Kind::first : times == 1 ? Kind::second : Kind::later;
  if (times < std::numeric_limits<uint16_t>::max()) ++times;
  return kind;
}

void AccessMap::addSectors(uint32_t time, uint64_t inFiles, uint64_t onDisk, uint64_t count) {
  // Runs of one kind are added at once: a first reading of a whole file has one.
  uint64_t runFrom = 0;
  Kind runKind = countRead(inFiles / unitSectors_);
  auto closeRun = [&](uint64_t to) {
    spread(byFile_, time, inFiles + runFrom, to - runFrom, fileSectors_, runKind);
    spread(byDisk_, time, onDisk + runFrom, to - runFrom, diskSectors_, runKind);
    runFrom = to;
  };
  uint64_t nextUnit = (inFiles / unitSectors_ + 1) * unitSectors_ - inFiles;
  for (; nextUnit < count; nextUnit += unitSectors_) {
    Kind kind = countRead((inFiles + nextUnit) / unitSectors_);
    if (kind == runKind) continue;
    closeRun(nextUnit);
    runKind = kind;
  }
  closeRun(count);
}

void AccessMap::spread(AccessGrid& grid, uint32_t time, uint64_t at, uint64_t count, uint64_t total, Kind kind) {
  uint32_t places = grid.places();
  for (uint64_t end = at + count; at < end;) {
    uint32_t place = placeOf(at, total, places);
    uint64_t placeEnd = ((place + uint64_t{1}) * total + places - 1) / places;
    uint64_t to = place + 1 == places ? end : std::min(end, placeEnd);
    auto sectors = static_cast<uint32_t>(to - at);
    AccessCell what{};
    (kind == Kind::first ? what.first : kind == Kind::second ? what.second : what.later) = sectors;
    grid.add(time, place, what);
    at = to;
  }
}

void AccessMap::finish(size_t mostCells) {
  for (AccessGrid* grid : {&byFile_, &byDisk_}) {
    grid->close();
    grid->shrinkTo(mostCells);
  }
}

std::map<uint32_t, uint64_t> AccessMap::timesRead() const {
  std::map<uint32_t, uint64_t> sectors;
  for (uint64_t unit = 0; unit * unitSectors_ < fileSectors_; ++unit) {
    uint64_t size = std::min<uint64_t>(unitSectors_, fileSectors_ - unit * unitSectors_);
    sectors[timesRead_[unit]] += size;
  }
  return sectors;
}

}  // namespace blkscope

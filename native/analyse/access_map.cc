#include "analyse/access_map.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace blkscope {
namespace {

// A counter of two bytes a unit: of larger files a unit is larger than a page.
constexpr size_t kMostUnits = size_t{1} << 26;
constexpr uint32_t kTimesPerPlace = 4;

bool isEmpty(const AccessCell& cell) { return (cell.first | cell.second | cell.later | cell.reads) == 0; }

void addTo(AccessCell& cell, const AccessCell& more) {
  cell.first += more.first;
  cell.second += more.second;
  cell.later += more.later;
  cell.reads += more.reads;
}

uint32_t halved(uint32_t count) { return (count + 1) / 2; }

/// By file: the sectors of all before it, and at the end those of all.
std::vector<uint64_t> basesOf(std::span<const TracedFile> files) {
  std::vector<uint64_t> bases{0};
  for (const TracedFile& file : files) {
    uint64_t sectors = (file.bytes + 511) / 512;
    for (const FileExtent& extent : file.extents) {
      sectors = std::max(sectors, extent.fileOffset / 512 + extent.sectors);
    }
    bases.push_back(bases.back() + sectors);
  }
  return bases;
}

std::vector<uint64_t> basesOf(std::span<const FileMap::Piece> pieces) {
  std::vector<uint64_t> bases{0};
  for (const FileMap::Piece& piece : pieces) bases.push_back(bases.back() + piece.endSector - piece.sector);
  return bases;
}

}  // namespace

AccessGrid::AccessGrid(uint32_t times, uint32_t places, size_t most)
    : times_(times), places_(places), most_(most), open_(places), openFrom_(places) {}

void AccessGrid::add(uint32_t time, uint32_t place, const AccessCell& what) {
  uint32_t column = time >> timeHalved_;
  if (column < column_) {
    late_.push_back({time, place, what.first, what.second, what.later, what.reads});
    return;
  }
  if (column > column_) {
    shrink();
    openColumn(time >> timeHalved_);
  }
  addHere(column_, place >> placeHalved_, what);
}

void AccessGrid::addHere(uint32_t time, uint32_t place, const AccessCell& what) {
  AccessCell& cell = open_[place];
  cell.time = time;
  cell.place = place;
  addTo(cell, what);
  openFrom_ = std::min(openFrom_, place);
  openTo_ = std::max(openTo_, place + 1);
}

/// Of a grid that was just halved, the last packed column may go on: it is opened again.
void AccessGrid::openColumn(uint32_t time) {
  column_ = time;
  while (!cells_.empty() && cells_.back().time == column_) {
    addHere(column_, cells_.back().place, cells_.back());
    cells_.pop_back();
  }
}

void AccessGrid::packColumn() {
  for (uint32_t place = openFrom_; place < openTo_; ++place) {
    if (isEmpty(open_[place])) continue;
    cells_.push_back(open_[place]);
    open_[place] = {};
  }
  openFrom_ = places_;
  openTo_ = 0;
}

void AccessGrid::shrink() {
  packColumn();
  while (cells_.size() > most_ && (times_ > 1 || places_ > 1)) {
    halve(places_ > 1 && times_ <= kTimesPerPlace * places_);
  }
}

void AccessGrid::halve(bool placesToo) {
  if (times_ > 1) ++timeHalved_;
  if (placesToo) ++placeHalved_;
  std::vector<AccessCell> fine = std::exchange(cells_, {});
  uint32_t timeShift = times_ > 1 ? 1 : 0;
  uint32_t placeShift = placesToo ? 1 : 0;
  times_ = times_ > 1 ? halved(times_) : 1;
  places_ = placesToo ? halved(places_) : places_;
  openFrom_ = places_;
  for (const AccessCell& cell : fine) {
    uint32_t time = cell.time >> timeShift;
    if (time != column_) packColumn();
    column_ = time;
    addHere(time, cell.place >> placeShift, cell);
  }
  packColumn();
}

void AccessGrid::close() {
  packColumn();
  if (!late_.empty()) {
    for (AccessCell cell : std::exchange(late_, {})) {
      cell.time >>= timeHalved_;
      cell.place >>= placeHalved_;
      cells_.push_back(cell);
    }
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
  shrink();
}

Places::Places(uint64_t sectors, uint32_t count)
    : sectors_(sectors), perSector_(sectors == 0 ? 0 : static_cast<double>(count) / static_cast<double>(sectors)) {
  for (uint64_t place = 0; place < count; ++place) starts_.push_back((place * sectors + count - 1) / count);
  starts_.push_back(std::numeric_limits<uint64_t>::max());
}

uint32_t Places::of(uint64_t sector) const {
  auto last = static_cast<uint32_t>(starts_.size() - 2);
  auto place = static_cast<uint32_t>(std::min(static_cast<double>(sector) * perSector_, static_cast<double>(last)));
  while (starts_[place] > sector) --place;
  while (starts_[place + 1] <= sector) ++place;
  return place;
}

AccessMap::AccessMap(std::vector<TracedFile> files, uint64_t startNs, uint64_t endNs, uint32_t times, uint32_t places,
                     size_t mostCells)
    : map_(files),
      fileBase_(basesOf(files)),
      pieceBase_(basesOf(map_.pieces())),
      startNs_(startNs),
      endNs_(endNs),
      times_(times),
      fileOrder_{{fileBase_.back(), places}, {times, places, mostCells}},
      diskOrder_{{pieceBase_.back(), places}, {times, places, mostCells}} {
  while ((fileBase_.back() >> unitShift_) >= kMostUnits) ++unitShift_;
  timesRead_.resize((fileBase_.back() >> unitShift_) + 1);
}

uint32_t AccessMap::timeOf(uint64_t time) const {
  uint64_t since = std::clamp(time, startNs_, endNs_) - startNs_;
  // As a double: a span of hours times thousands of columns has more than 64 bits; and a bin is far wider than what it rounds.
  auto column = static_cast<uint64_t>(static_cast<double>(since) / static_cast<double>(endNs_ - startNs_) * times_);
  return static_cast<uint32_t>(std::min<uint64_t>(column, times_ - 1));
}

void AccessMap::add(uint64_t time, uint64_t sector, uint32_t sectors) {
  uint32_t column = timeOf(time);
  bool begins = true;
  map_.forEachOverlap(sector, sector + sectors, [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
    uint64_t within = from - piece.sector;
    uint64_t inFiles = fileBase_[piece.file] + piece.fileOffset / 512 + within;
    uint64_t onDisk = pieceBase_[static_cast<size_t>(&piece - map_.pieces().data())] + within;
    if (begins) {
      fileOrder_.addRead(column, inFiles);
      diskOrder_.addRead(column, onDisk);
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
  size_t unit = inFiles >> unitShift_;
  Kind runKind = countRead(unit);
  auto closeRun = [&](uint64_t to) {
    fileOrder_.addSectors(time, inFiles + runFrom, to - runFrom, runKind);
    diskOrder_.addSectors(time, onDisk + runFrom, to - runFrom, runKind);
    runFrom = to;
  };
  for (uint64_t next = ((unit + 1) << unitShift_) - inFiles; next < count; next += unitSectors()) {
    Kind kind = countRead(++unit);
    if (kind == runKind) continue;
    closeRun(next);
    runKind = kind;
  }
  closeRun(count);
}

void AccessMap::Order::addRead(uint32_t time, uint64_t at) { grid.add(time, places.of(at), {0, 0, 0, 0, 0, 1}); }

void AccessMap::Order::addSectors(uint32_t time, uint64_t at, uint64_t count, Kind kind) {
  uint32_t place = places.of(at);
  for (uint64_t end = at + count; at < end; ++place) {
    uint64_t to = std::min(end, places.end(place));
    AccessCell what{};
    (kind == Kind::first ? what.first : kind == Kind::second ? what.second : what.later) =
        static_cast<uint32_t>(to - at);
    grid.add(time, place, what);
    at = to;
  }
}

void AccessMap::finish() {
  fileOrder_.grid.close();
  diskOrder_.grid.close();
}

std::map<uint32_t, uint64_t> AccessMap::timesRead() const {
  std::map<uint32_t, uint64_t> sectors;
  for (uint64_t unit = 0; (unit << unitShift_) < fileSectors(); ++unit) {
    uint64_t size = std::min<uint64_t>(unitSectors(), fileSectors() - (unit << unitShift_));
    sectors[timesRead_[unit]] += size;
  }
  return sectors;
}

}  // namespace blkscope

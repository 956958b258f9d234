#include "analyse/analysis.h"

#include <algorithm>
#include <numeric>

namespace blkscope {
namespace {

bool isTransfer(const Event& event) { return event.direction == Direction::read || event.direction == Direction::write; }

/// Reads or writes sectors.
bool moves(const Event& event) { return event.bytes != 0 && isTransfer(event); }

}  // namespace

Analysis::Analysis(std::vector<TracedFile> files, uint32_t fileDevice, uint64_t startNs, Marks marks)
    : marks_(marks),
      traced_(std::move(files)),
      map_(traced_),
      fileDevice_(fileDevice),
      fileAtIssue_(traced_),
      fileAtQueue_(traced_),
      fileAtComplete_(traced_) {
  for (const TracedFile& file : traced_) files_.push_back({file.bytes, 0, 0, 0});
  countedRead_.resize(files_.size());
  for (const FileReads& file : files_) allFiles_.bytes += file.bytes;
  uint64_t done = 0;
  for (const FileMap::Piece& piece : map_.pieces()) {
    allFiles_.bytes -= clippedBytes(piece, piece.sector, piece.endSector);
    allFiles_.bytes += bytesPast(done, piece, piece.sector, piece.endSector);
  }
  timeline_.begin(startNs);
  naive_.begin(startNs);
}

uint64_t Analysis::zoneSectorsOf(uint32_t device) const {
  auto found = std::find_if(zones_.begin(), zones_.end(), [&](const auto& zones) { return zones.first == device; });
  return found == zones_.end() ? 0 : found->second;
}

Analysis::Device& Analysis::findDevice(uint32_t number) {
  auto found = std::find_if(devices_.begin(), devices_.end(), [&](auto& d) { return d->number == number; });
  if (found == devices_.end()) {
    devices_.push_back(std::make_unique<Device>(number));
    devices_.back()->holdsFiles = number == fileDevice_ && !map_.empty();
    devices_.back()->traits.zoneSectors = zoneSectorsOf(number);
    devices_.back()->traits.layered = std::find(layered_.begin(), layered_.end(), number) != layered_.end();
    found = devices_.end() - 1;
  }
  return **found;
}

[[gnu::always_inline]] inline void Analysis::issue(Event& event, Device& d) {
  d.traits.issues |= moves(event);
  if (d.begun++ == 0) d.firstBegunNs = event.time;
  Matcher::Issued issued = matcher_.issue(event, d.traits);
  if (issued.again && marks_ == Marks::made) event.flags |= kRepeated;
  if (event.direction == Direction::read && event.bytes != 0 && !(event.flags & kRepeated)) {
    d.atIssue.add(event.sector, event.endSector());
    if (!d.traits.layered) processes_[issued.pid].atIssue.add(event.sector, event.endSector());
    if (d.holdsFiles) fileAtIssue_.add(map_, event.sector, event.endSector());
  }
  if (issued.done && marks_ == Marks::made) event.flags |= kCompleted;
  if (event.flags & kCompleted) [[unlikely]] endedBefore(event, d, issued.pid);
}

[[gnu::always_inline]] inline void Analysis::complete(Event& event, Device& d) {
  if ((d.traits.trims || event.bytes == 0) && !d.traits.issues) [[unlikely]] matcher_.widen(event);
  if (d.traits.fresh && (event.bytes != 0 || !isTransfer(event))) {
    d.firstEndNs = std::min(d.firstEndNs, event.time);
    d.traits.fresh = event.time < d.firstEndNs + Matcher::kSkewNs;
  }
  Matcher::Completed completed = matcher_.complete(event, d.traits);
  if (!completed.ends && marks_ == Marks::made) event.flags |= kSurplus;
  if (event.ends()) ended(event, d, completed.pid);
}

[[gnu::always_inline]] inline void Analysis::ended(const Event& event, Device& d, uint32_t pid) {
  bool read = event.direction == Direction::read;
  if (!read && event.direction != Direction::write) return;
  Transfer& transfer = read ? d.reads : d.writes;
  if (event.error) {
    ++transfer.errors;
    return;
  }
  if (event.bytes == 0) return;  // the tail of a partial completion
  ++transfer.count;
  transfer.bytes += event.bytes;
  if (!d.traits.layered) timeline_.add(event);
  if (!read) {
    d.writeSizes.add(event.bytes);
    d.written.insert(event.sector, event.sectors());
    return;
  }
  d.readSizes.add(event.bytes);
  d.read.insert(event.sector, event.sectors());
  if (!d.traits.issues) d.atComplete.add(event.sector, event.endSector());
  if (!d.traits.layered) {
    ProcessReads& process = processes_[pid];
    ++process.reads;
    process.bytes += event.bytes;
    if (!d.traits.issues) process.atComplete.add(event.sector, event.endSector());
  }
  if (d.holdsFiles) countFiles(event);
}

/// A device whose I/Os go on to another traced device lies on it.
void Analysis::remapped(const Event& event) {
  uint32_t upper = event.fromDevice;
  if (upper == event.device || std::find(layered_.begin(), layered_.end(), upper) != layered_.end()) return;
  layered_.push_back(upper);
  for (auto& d : devices_) d->traits.layered |= d->number == upper;
}

/// The end of what completed before its issue or Q, by another processor's clock: apart, since it is rare.
[[gnu::noinline]] void Analysis::endedBefore(const Event& event, Device& device, uint32_t pid) { ended(event, device, pid); }

/// Every action but issue and completion.
[[gnu::always_inline]] inline void Analysis::other(Event& event, Device& d) {
  if (event.action == Action::queue) {
    queued(event, d);
  } else if (event.action == Action::remap) {
    remapped(event);
  } else if (Matcher::trims(event)) {
    d.traits.trims = true;
  }
  if (matcher_.other(event, d.traits) && marks_ == Marks::made) [[unlikely]] event.flags |= kCompleted;
  if (event.flags & kCompleted) [[unlikely]] endedBefore(event, d, event.pid);
}

inline void Analysis::queued(const Event& event, Device& d) {
  bool read = event.direction == Direction::read && event.bytes != 0;
  d.traits.queues |= moves(event);
  if (read) d.atQueue.add(event.sector, event.endSector());
  if (d.traits.issues) return;
  if (d.begun++ == 0) d.firstBegunNs = event.time;
  if (!read) return;
  if (!d.traits.layered) processes_[event.pid].atQueue.add(event.sector, event.endSector());
  if (d.holdsFiles) fileAtQueue_.add(map_, event.sector, event.endSector());
}

void Analysis::consume(std::span<Event> events) {
  if (events.empty()) return;
  first_ = std::min(first_, events.front().time);
  last_ = std::max(last_, events.back().time);
  Device* device = nullptr;  // of the last event
  for (Event& event : events) {
    ++actions_[static_cast<size_t>(event.action)];
    naive_.add(event);
    if (event.flags & kPassthrough) {
      passthrough_ += event.action == Action::complete;
      continue;
    }
    if (!device || device->number != event.device) [[unlikely]] device = &findDevice(event.device);
    if (event.action == Action::complete) {
      complete(event, *device);
    } else if (event.action == Action::issue) {
      issue(event, *device);
    } else {
      other(event, *device);
    }
  }
}

void Analysis::countFiles(const Event& event) {
  fileAtComplete_.add(map_, event.sector, event.endSector());
  ++serial_;
  bool any = false;
  uint64_t done = 0;
  map_.forEachOverlap(event.sector, event.endSector(), [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
    FileReads& file = files_[piece.file];
    file.reads += countedRead_[piece.file] != serial_;  // one I/O over two extents of a file is one read
    countedRead_[piece.file] = serial_;
    file.readBytes += clippedBytes(piece, from, to);
    allFiles_.readBytes += bytesPast(done, piece, from, to);
    any = true;
  });
  allFiles_.reads += any;
}

// The bytes of a piece's sectors that lie inside the file: its last block may reach beyond the end.
uint64_t Analysis::clippedBytes(const FileMap::Piece& piece, uint64_t from, uint64_t to) const {
  uint64_t offset = piece.fileOffset + ((from - piece.sector) << 9);
  uint64_t size = files_[piece.file].bytes;
  return offset >= size ? 0 : std::min((to - from) << 9, size - offset);
}

/// Of the same bytes those that lie past `done`, a byte of the disk, which is moved to their end: what was counted of a piece
/// that begins no later is not counted again.
uint64_t Analysis::bytesPast(uint64_t& done, const FileMap::Piece& piece, uint64_t from, uint64_t to) const {
  uint64_t end = (from << 9) + clippedBytes(piece, from, to);
  uint64_t begin = std::max(from << 9, done);
  if (begin >= end) return 0;
  done = end;
  return end - begin;
}

void Analysis::finish(uint64_t endNs) {
  matcher_.finish(std::max(endNs, last_));
  timeline_.finish(endNs);
  const Device* device = fileDevice();
  if (!device) return;
  uint64_t done = 0;
  for (const FileMap::Piece& piece : map_.pieces()) {
    device->read.forEach({piece.sector, piece.endSector - piece.sector}, [&](SectorRange range) {
      files_[piece.file].uniqueBytes += clippedBytes(piece, range.start, range.start + range.count);
      allFiles_.uniqueBytes += bytesPast(done, piece, range.start, range.start + range.count);
    });
  }
}

uint64_t Analysis::events() const { return std::accumulate(actions_.begin(), actions_.end(), uint64_t{0}); }

const Analysis::Device* Analysis::find(uint32_t number) const {
  auto found = std::find_if(devices_.begin(), devices_.end(), [&](auto& d) { return d->number == number; });
  return found == devices_.end() ? nullptr : found->get();
}

Transfer Analysis::readsOf(uint32_t device) const {
  const Device* d = find(device);
  return d ? d->reads : Transfer{};
}

Transfer Analysis::writesOf(uint32_t device) const {
  const Device* d = find(device);
  return d ? d->writes : Transfer{};
}

Transfer Analysis::reads() const {
  Transfer total;
  forEachLowest([&](const Device& d) { total.add(d.reads); });
  return total;
}

Transfer Analysis::writes() const {
  Transfer total;
  forEachLowest([&](const Device& d) { total.add(d.writes); });
  return total;
}

uint64_t Analysis::uniqueReadSectors() const {
  uint64_t total = 0;
  forEachLowest([&](const Device& d) { total += d.read.size(); });
  return total;
}

uint64_t Analysis::uniqueWriteSectors() const {
  uint64_t total = 0;
  forEachLowest([&](const Device& d) { total += d.written.size(); });
  return total;
}

std::vector<std::pair<uint32_t, uint64_t>> Analysis::withoutCompletions(uint64_t beforeNs) const {
  std::vector<std::pair<uint32_t, uint64_t>> all;
  for (const auto& d : devices_) {
    if (d->firstEndNs == kNotSeen && d->firstBegunNs < beforeNs) all.push_back({d->number, d->begun});
  }
  return all;
}

DeviceLatency Analysis::latency() const {
  DeviceLatency total;
  forEachLowest([&](const Device& d) { total.addCounts(d.latency); });
  return total;
}

bool Analysis::setsComplete() const {
  return std::all_of(devices_.begin(), devices_.end(),
                     [](const auto& d) { return d->read.complete() && d->written.complete(); });
}

Gaps Analysis::deviceGaps() const {
  Gaps total;
  forEachLowest([&](const Device& d) { total.addCounts(d.gaps()); });
  return total;
}

const char* Analysis::order() const {
  const char* order = nullptr;
  bool several = false;
  forEachLowest([&](const Device& d) {
    if (!d.gaps().begun()) return;
    const char* its = kOrderNames[static_cast<size_t>(d.order())];
    several |= order && order != its;
    order = its;
  });
  return several ? nullptr : order;
}

Gaps Analysis::demandGaps() const {
  Gaps total;
  forEachLowest([&](const Device& d) { total.addCounts(d.atQueue); });
  return total;
}

const Gaps& Analysis::fileGaps() const {
  const Device* device = fileDevice();
  if (device && device->traits.issues) return fileAtIssue_.gaps();
  return fileAtQueue_.gaps().begun() ? fileAtQueue_.gaps() : fileAtComplete_.gaps();
}

void Analysis::Device::tell(FigureWriter& out) const {
  out.number("number", number);
  out.flag("layered", traits.layered);
  auto transfer = [&](const char* name, const Transfer& all, uint64_t uniqueSectors) {
    out.group(name, [&](FigureWriter& told) {
      all.tell(told);
      told.exact("uniqueSectors", uniqueSectors);
    });
  };
  transfer("reads", reads, read.size());
  transfer("writes", writes, written.size());
  out.text("order", kOrderNames[static_cast<size_t>(order())]);
  gaps().total() ? out.metric("gaps", gaps()) : out.unknown("gaps");
  out.metric("latency", latency.reads);
  out.metric("writeLatency", latency.writes);
}

void Analysis::tell(FigureWriter& out) const {
  out.group("actions", [&](FigureWriter& actions) {
    for (size_t i = 0; i < actions_.size(); ++i) {
      if (actions_[i]) actions.number(std::string(1, kActionLetters[i]), actions_[i]);
    }
  });
  auto transfer = [&](const char* name, const Transfer& all, uint64_t uniqueSectors) {
    out.group(name, [&](FigureWriter& told) {
      all.tell(told);
      told.exact("uniqueSectors", uniqueSectors);
    });
  };
  transfer("reads", reads(), uniqueReadSectors());
  transfer("writes", writes(), uniqueWriteSectors());
  out.list("devices", devices_.size(), [&](size_t i, FigureWriter& device) { devices_[i]->tell(device); });
  out.group("sizes", [&](FigureWriter& sizes) {
    Sizes read;
    Sizes written;
    forEachLowest([&](const Device& d) {
      read.addCounts(d.readSizes);
      written.addCounts(d.writeSizes);
    });
    sizes.metric("read", read);
    sizes.metric("write", written);
  });
  out.group("gaps", [&](FigureWriter& gaps) {
    // A device that tells of no issue, or no Q, has no gaps to tell: that is not the same as five zeros.
    auto order = [&](const char* name, const Gaps& found) {
      found.total() ? gaps.metric(name, found) : gaps.unknown(name);
    };
    order("device", deviceGaps());
    order("demand", demandGaps());
    order("file", fileGaps());
    const char* its = this->order();
    its ? gaps.text("order", its) : gaps.unknown("order");
  });
  DeviceLatency all = latency();
  out.metric("latency", all.reads);
  out.metric("writeLatency", all.writes);
  out.group("requests", [&](FigureWriter& requests) {
    matcher_.tell(requests);
    requests.number("passthrough", passthrough_);
  });
  matcher_.depth().tell(out);
  processes_.tell(out);
  out.metric("naive", naive_);
  out.metric("timeline", timeline_);
  out.list("files", files_.size(), [&](size_t i, FigureWriter& file) { files_[i].tell(file); });
  out.metric("allFiles", allFiles_);
}

}  // namespace blkscope

#include "analyse/analysis.h"

#include <algorithm>
#include <numeric>

namespace blkscope {

Analysis::Analysis(std::vector<TracedFile> files, uint32_t fileDevice, uint64_t startNs, Marks marks)
    : marks_(marks),
      traced_(std::move(files)),
      map_(traced_),
      fileDevice_(fileDevice),
      fileAtIssue_(traced_),
      fileAtComplete_(traced_) {
  for (const TracedFile& file : traced_) files_.push_back({file.bytes, 0, 0, 0});
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
    devices_.push_back(std::make_unique<Device>());
    devices_.back()->traits.zoneSectors = zoneSectorsOf(number);
    devices_.back()->number = number;
    found = devices_.end() - 1;
  }
  return **found;
}

[[gnu::always_inline]] inline void Analysis::issue(Event& event) {
  Device& d = device(event.device);
  d.traits.issues |= event.direction == Direction::read || event.direction == Direction::write;
  Matcher::Issued issued = matcher_.issue(event, d.traits);
  if (event.direction == Direction::read && !issued.again) {
    d.atIssue.add(event.sector, event.endSector());
    processes_[issued.pid].gaps.add(event.sector, event.endSector());
    if (event.device == fileDevice_ && !map_.empty()) fileAtIssue_.add(map_, event.sector, event.endSector());
  }
  if (issued.done && marks_ == Marks::made) event.flags |= kCompleted;
  if (event.flags & kCompleted) ended(event, d, issued.pid);
}

[[gnu::always_inline]] inline void Analysis::complete(Event& event) {
  Device& d = device(event.device);
  Matcher::Completed completed = matcher_.complete(event, d.traits);
  if (!completed.known && d.traits.issues && marks_ == Marks::made) event.flags |= kNoIssue;
  if (event.ends()) ended(event, d, completed.pid);
}

[[gnu::always_inline]] inline void Analysis::ended(const Event& event, Device& d, uint32_t pid) {
  bool read = event.direction == Direction::read;
  if (!read && event.direction != Direction::write) return;
  Transfer& transfer = read ? reads_ : writes_;
  if (event.error) {
    ++transfer.errors;
    return;
  }
  if (event.bytes == 0) return;  // the tail of a partial completion
  ++transfer.count;
  transfer.bytes += event.bytes;
  timeline_.add(event);
  if (!read) {
    writeSizes_.add(event.bytes);
    d.written.insert(event.sector, event.sectors());
    return;
  }
  readSizes_.add(event.bytes);
  d.read.insert(event.sector, event.sectors());
  ProcessReads& process = processes_[pid];
  ++process.reads;
  process.bytes += event.bytes;
  if (!d.traits.issues) {
    d.atComplete.add(event.sector, event.endSector());
    process.gaps.add(event.sector, event.endSector());
  }
  if (event.device == fileDevice_ && !map_.empty()) countFiles(event);
}

void Analysis::consume(std::span<Event> events) {
  if (events.empty()) return;
  first_ = std::min(first_, events.front().time);
  last_ = std::max(last_, events.back().time);
  for (Event& event : events) {
    ++actions_[static_cast<size_t>(event.action)];
    naive_.add(event);
    if (event.flags & kPassthrough) {
      passthrough_ += event.action == Action::complete;
      continue;
    }
    if (event.action == Action::complete) {
      complete(event);
    } else if (event.action == Action::issue) {
      issue(event);
    } else {
      Device& d = device(event.device);
      if (event.action == Action::queue && event.direction == Direction::read) {
        d.atQueue.add(event.sector, event.endSector());
      }
      matcher_.other(event, d.traits);
    }
  }
}

void Analysis::countFiles(const Event& event) {
  fileAtComplete_.add(map_, event.sector, event.endSector());
  uint32_t counted = UINT32_MAX;
  map_.forEachOverlap(event.sector, event.endSector(), [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
    FileReads& file = files_[piece.file];
    if (piece.file != counted) ++file.reads;  // one I/O over two extents of a file is one read
    counted = piece.file;
    file.readBytes += clippedBytes(piece, from, to);
  });
}

// The bytes of a piece's sectors that lie inside the file: its last block may reach beyond the end.
uint64_t Analysis::clippedBytes(const FileMap::Piece& piece, uint64_t from, uint64_t to) const {
  uint64_t offset = piece.fileOffset + ((from - piece.sector) << 9);
  uint64_t size = files_[piece.file].bytes;
  return offset >= size ? 0 : std::min((to - from) << 9, size - offset);
}

void Analysis::finish(uint64_t endNs) {
  matcher_.finish(std::max(endNs, last_));
  timeline_.finish(endNs);
  const Device* device = fileDevice();
  if (!device) return;
  for (const FileMap::Piece& piece : map_.pieces()) {
    device->read.forEach({piece.sector, piece.endSector - piece.sector}, [&](SectorRange range) {
      files_[piece.file].uniqueBytes += clippedBytes(piece, range.start, range.start + range.count);
    });
  }
}

uint64_t Analysis::events() const { return std::accumulate(actions_.begin(), actions_.end(), uint64_t{0}); }

uint64_t Analysis::uniqueReadSectors() const {
  uint64_t total = 0;
  for (const auto& d : devices_) total += d->read.size();
  return total;
}

uint64_t Analysis::uniqueWriteSectors() const {
  uint64_t total = 0;
  for (const auto& d : devices_) total += d->written.size();
  return total;
}

bool Analysis::setsComplete() const {
  return std::all_of(devices_.begin(), devices_.end(),
                     [](const auto& d) { return d->read.complete() && d->written.complete(); });
}

Gaps Analysis::deviceGaps() const {
  Gaps total;
  for (const auto& d : devices_) total.addCounts(d->traits.issues ? d->atIssue : d->atComplete);
  return total;
}

Gaps Analysis::demandGaps() const {
  Gaps total;
  for (const auto& d : devices_) total.addCounts(d->atQueue);
  return total;
}

const Analysis::Device* Analysis::fileDevice() const {
  auto found = std::find_if(devices_.begin(), devices_.end(), [&](auto& d) { return d->number == fileDevice_; });
  return found == devices_.end() ? nullptr : found->get();
}

const Gaps& Analysis::fileGaps() const {
  const Device* device = fileDevice();
  return device && device->traits.issues ? fileAtIssue_.gaps() : fileAtComplete_.gaps();
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
  transfer("reads", reads_, uniqueReadSectors());
  transfer("writes", writes_, uniqueWriteSectors());
  out.group("sizes", [&](FigureWriter& sizes) {
    sizes.metric("read", readSizes_);
    sizes.metric("write", writeSizes_);
  });
  out.group("gaps", [&](FigureWriter& gaps) {
    // A device that tells of no issue, or no Q, has no gaps to tell: that is not the same as five zeros.
    auto order = [&](const char* name, const Gaps& found) {
      found.total() ? gaps.metric(name, found) : gaps.unknown(name);
    };
    order("device", deviceGaps());
    order("demand", demandGaps());
    order("file", fileGaps());
  });
  out.metric("latency", matcher_.latency(Direction::read));
  out.metric("writeLatency", matcher_.latency(Direction::write));
  out.group("requests", [&](FigureWriter& requests) {
    matcher_.tell(requests);
    requests.number("passthrough", passthrough_);
  });
  matcher_.depth().tell(out);
  processes_.tell(out);
  out.metric("naive", naive_);
  out.metric("timeline", timeline_);
  out.list("files", files_.size(), [&](size_t i, FigureWriter& file) { files_[i].tell(file); });
}

}  // namespace blkscope

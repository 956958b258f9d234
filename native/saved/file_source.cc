#include "saved/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "saved/packed.h"
#include "saved/stream_splitter.h"

namespace blkscope {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kInfix = ".blktrace.";

/// A name BASE.blktrace.N, also with .gz behind it, taken apart; cpu -1: another name.
struct CpuFileName {
  std::string base;
  long cpu = -1;
};

CpuFileName cpuFileName(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  size_t at = name.rfind(kInfix);
  if (at == std::string::npos) return {};
  std::string digits = name.substr(at + kInfix.size());
  bool number = !digits.empty() && digits.size() < 6 && std::all_of(digits.begin(), digits.end(), ::isdigit);
  return number ? CpuFileName{name.substr(0, at), std::stol(digits)} : CpuFileName{};
}

/// BASE.blktrace.N by N.
std::map<long, std::string> filesOf(const std::string& base) {
  std::map<long, std::string> files;
  fs::path parent = fs::path(base).parent_path();
  std::string own = fs::path(base).filename().string();
  std::error_code error;
  for (fs::directory_iterator at(parent.empty() ? "." : parent, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    CpuFileName parts = cpuFileName(name);
    if (parts.cpu >= 0 && parts.base == own && !name.ends_with(".gz")) files[parts.cpu] = (parent / name).string();
  }
  return files;
}

Error notAFile(const std::string& path) { return {"NOT_A_FILE", path + ": neither a file nor a pipe; name a trace"}; }

Result<Fd> openTrace(const std::string& path) {
  if (path == "-") return Fd(::dup(STDIN_FILENO));
  auto named = nameFile(path);
  if (!named) return named.error();
  if (S_ISDIR(named->kind)) {
    return Error{"EISDIR", path + " is a folder; name a trace in it, by blktrace's base name or a file's"};
  }
  // A device may go on without an end.
  if (!S_ISREG(named->kind) && !S_ISFIFO(named->kind)) return notAFile(path);
  // A pipe that nobody writes to yet is waited for where the waiting can be ended.
  return openNamed(*named, path, O_RDONLY | O_NONBLOCK);
}

std::string shownName(const std::string& path) { return path == "-" ? "standard input" : path; }

Error noTrace(const std::string& path) {
  return {"NOT_A_TRACE", shownName(path) + ": no block trace record in it; blkscope imports blktrace's files and blkparse -d dumps"};
}

/// Numbers in ascending order as "2-4, 6-129"; of many ranges the first ones.
std::string rangesOf(const std::vector<long>& numbers) {
  constexpr int kMostRanges = 12;
  std::string text;
  int ranges = 0;
  for (size_t i = 0; i < numbers.size(); ++ranges) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (ranges == kMostRanges) return text + " and " + std::to_string(numbers.size() - i) + " more";
    text += (ranges ? ", " : "") + std::to_string(numbers[i]) + (last > i ? "-" + std::to_string(numbers[last]) : "");
    i = last + 1;
  }
  return text;
}

std::string seconds(uint64_t ns) {
  return std::to_string(ns / 1'000'000'000) + "." + std::to_string(ns / 100'000'000 % 10);
}

}  // namespace

Result<FileSource> FileSource::open(std::span<SavedTrace> traces, const Cancel& cancel, MixedCpus mixed) {
  FileSource source(cancel, mixed);
  for (SavedTrace& trace : traces) {
    if (auto added = source.add(trace); !added) return added.error();
  }
  if (auto some = source.refuseEmpty(); !some) return some.error();
  return source;
}

Result<void> FileSource::add(SavedTrace& trace) {
  const std::string& path = trace.path;
  if (trace.descriptor.valid()) return addOpened(path, std::move(trace.descriptor));
  std::error_code error;
  bool readable = path == "-" || fs::is_regular_file(path, error) || fs::is_fifo(path, error);
  if (!readable) return addBase(path);
  CpuFileName parts = cpuFileName(path);
  return parts.cpu >= 0 && !path.ends_with(".gz") ? addBase(parts.base) : addPath(path);
}

Result<void> FileSource::addBase(const std::string& base) {
  auto files = filesOf(base);
  if (files.empty()) {
    // Says why: not there, a folder, not allowed.
    auto fd = openTrace(base);
    if (!fd && fd.error().code != "ENOENT") return fd.error();
    if (fd) return notAFile(base);
    return Error{"ENOENT", base + ": no such file, and no " + base + ".blktrace.0 or the like"};
  }
  for (const auto& [cpu, path] : files) {
    if (auto added = addPath(path); !added) return added;
  }
  return {};
}

Result<void> FileSource::addPath(const std::string& path) {
  auto fd = openTrace(path);
  return fd ? addOpened(path, std::move(*fd)) : fd.error();
}

Result<void> FileSource::addOpened(const std::string& path, Fd fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return systemError("look at " + path);
  bool known = std::any_of(files_.begin(), files_.end(), [&](const File& file) {
    return file.device == status.st_dev && file.inode == status.st_ino;
  });
  if (known) return {};
  CpuFileName parts = cpuFileName(path);
  std::string name = shownName(path);
  bool empty = S_ISREG(status.st_mode) && status.st_size == 0;
  files_.push_back({name, parts.base, parts.cpu, status.st_dev, status.st_ino, empty});
  if (parts.cpu >= 0) {
    streams_.emplace_back(name, files_.size() - 1, std::move(fd), cancel_);
    return {};
  }
  if (mixed_ == MixedCpus::inOrder) return addInOrder(name, std::move(fd));
  auto split = splitStream(name, files_.size() - 1, std::move(fd), *cancel_, defects_);
  if (!split) return split.error();
  if (split->empty() && !cancel_->requested()) return noTrace(path);
  for (FileStream& stream : *split) streams_.push_back(std::move(stream));
  return {};
}

Result<void> FileSource::addInOrder(const std::string& name, Fd fd) {
  FileStream stream(name, files_.size() - 1, std::move(fd), cancel_, StreamOf::several);
  if (auto plain = refusePacked(name, stream.start()); !plain) return plain.error();
  streams_.push_back(std::move(stream));
  return {};
}

Result<void> FileSource::refuseEmpty() const {
  std::map<std::string, std::pair<size_t, bool>> bases;  // files, and whether all are empty
  for (const File& file : files_) {
    if (file.cpu < 0) continue;
    auto& [count, empty] = bases.try_emplace(file.base, 0, true).first->second;
    ++count;
    empty = empty && file.empty;
  }
  for (const auto& [base, state] : bases) {
    if (!state.second) continue;
    std::string which = state.first == 1 ? "its only file is empty" : "all its " + std::to_string(state.first) + " files are empty";
    return Error{"NOT_A_TRACE", base + ": " + which};
  }
  return {};
}

Notes FileSource::notes() {
  Notes all;
  for (FileStream& stream : streams_) {
    Notes notes = std::move(stream.notes());
    // A dump's times begin at 0 with the first event, and its notes keep the time they had: blkparse takes both for one.
    if (notes.wallClock && isDump(stream.file())) notes.wallClockAt = 0;
    all.merge(std::move(notes));
  }
  clockMoved_ = all.clockMoved;
  return all;
}

Protocol FileSource::protocol() const {
  bool first = false;
  bool second = false;
  for (const FileStream& stream : streams_) {
    if (!stream.decoder().records()) continue;
    (stream.decoder().protocol() == Protocol::v1 ? first : second) = true;
  }
  return second && !first ? Protocol::v2 : Protocol::v1;
}

uint64_t FileSource::records() const {
  uint64_t total = 0;
  for (const FileStream& stream : streams_) total += stream.decoder().records();
  return total;
}

bool FileSource::isGarbage() const {
  return records() < GarbageLimit::kChanceRecords && std::ranges::any_of(streams_, &FileStream::endsInGarbage);
}

uint64_t FileSource::sequenceGaps() const {
  uint64_t total = 0;
  for (const FileStream& stream : streams_) {
    if (!isDump(stream.file())) total += stream.decoder().sequenceGaps();
  }
  return total;
}

std::vector<uint32_t> FileSource::devices() const {
  std::set<uint32_t> all;
  for (const FileStream& stream : streams_) {
    for (const CpuOfDevice& cpu : stream.cpus()) all.insert(cpu.device);
  }
  return {all.begin(), all.end()};
}

/// Whether blkparse -d wrote the file, which may have left events out by a filter: its first event is at time 0, and
/// its notes are later, since they keep their own times, or were left out.
bool FileSource::isDump(size_t file) const {
  constexpr uint64_t kStartNs = 100'000'000;  // a tracer's first note comes within that of its first event
  uint64_t event = UINT64_MAX;
  uint64_t note = kLatestNs;
  for (const FileStream& stream : streams_) {
    if (stream.file() != file) continue;
    event = std::min(event, stream.firstNs());
    note = std::min(note, stream.decoder().firstNoteNs());
  }
  if (event == UINT64_MAX) return false;
  return event == 0 || (files_[file].cpu < 0 && note > event + kStartNs);
}

std::vector<Defect> FileSource::defects() {
  std::vector<Defect> all = defects_;
  tellMissing(all);
  for (const FileStream& stream : streams_) {
    for (Defect& defect : stream.defects()) all.push_back(std::move(defect));
  }
  tellSequenceGaps(all);
  tellSessions(all);
  tellEnds(all);
  return all;
}

/// blktrace makes a file for each CPU from 0 on.
void FileSource::tellMissing(std::vector<Defect>& defects) const {
  std::map<std::string, std::set<long>> bases;
  for (const File& file : files_) {
    if (file.cpu >= 0) bases[file.base].insert(file.cpu);
  }
  for (const auto& [base, cpus] : bases) {
    std::vector<long> missing;
    for (long cpu = 0; cpu < *cpus.rbegin(); ++cpu) {
      if (!cpus.contains(cpu)) missing.push_back(cpu);
    }
    if (missing.size() == 1) {
      defects.push_back({"FILE_MISSING", {{"file", base + std::string(kInfix) + std::to_string(missing[0])}}});
    } else if (!missing.empty()) {
      defects.push_back({"FILES_MISSING", {{"base", base}, {"cpus", rangesOf(missing)}}});
    }
  }
}

void FileSource::tellSequenceGaps(std::vector<Defect>& defects) const {
  std::map<size_t, uint64_t> filtered;  // by file
  for (const FileStream& stream : streams_) {
    uint64_t gaps = stream.decoder().sequenceGaps();
    if (gaps == 0) continue;
    if (isDump(stream.file())) filtered[stream.file()] += gaps;
    else defects.push_back({"FILE_SEQUENCE_GAPS", {{"file", stream.name()}, {"events", gaps}}});
  }
  for (const auto& [file, gaps] : filtered) {
    defects.push_back({"FILTERED_DUMP", {{"file", files_[file].name}, {"events", gaps}}});
  }
}

/// A trace has one stream a CPU of a device: where two files have one, they are of two sessions.
void FileSource::tellSessions(std::vector<Defect>& defects) const {
  std::map<CpuOfDevice, size_t> seen;
  for (const FileStream& stream : streams_) {
    for (const CpuOfDevice& cpu : stream.cpus()) {
      size_t other = seen.try_emplace(cpu, stream.file()).first->second;
      if (other == stream.file()) continue;
      std::string device = std::to_string(cpu.device >> 20) + ":" + std::to_string(cpu.device & 0xfffff);
      defects.push_back({"TWO_SESSIONS",
                         {{"one", files_[other].name},
                          {"other", stream.name()},
                          {"device", device},
                          {"cpu", uint64_t{cpu.cpu}}}});
      return;
    }
  }
  constexpr uint64_t kMostMovedNs = 1'000'000'000;
  if (clockMoved_ > kMostMovedNs) defects.push_back({"CLOCK_MOVED", {{"seconds", seconds(clockMoved_)}}});
}

/// A CPU that had many events and none in a long time before the others end: its file may have been cut.
void FileSource::tellEnds(std::vector<Defect>& defects) const {
  constexpr uint64_t kLeastEvents = 20;
  uint64_t end = 0;
  for (const FileStream& stream : streams_) end = std::max(end, stream.lastNs());
  for (const FileStream& stream : streams_) {
    uint64_t events = stream.decoder().records();
    if (files_[stream.file()].cpu < 0 || events < kLeastEvents) continue;
    uint64_t length = stream.lastNs() - stream.firstNs();
    uint64_t rest = end - stream.lastNs();
    auto expected = static_cast<double>(events) * static_cast<double>(rest) / static_cast<double>(std::max<uint64_t>(length, 1));
    if (expected < kLeastEvents || rest < 1'000'000'000) continue;
    defects.push_back({"ENDS_EARLY", {{"file", stream.name()}, {"seconds", seconds(rest)}, {"events", events}}});
  }
}

}  // namespace blkscope

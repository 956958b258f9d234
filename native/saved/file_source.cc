#include "saved/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "saved/stream_splitter.h"

namespace blkscope {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kInfix = ".blktrace.";

/// The CPU of a file named BASE.blktrace.N; -1: another name.
long cpuOf(const std::string& path) {
  size_t at = path.rfind(kInfix);
  if (at == std::string::npos) return -1;
  std::string digits = path.substr(at + kInfix.size());
  bool number = !digits.empty() && digits.size() < 6 && std::all_of(digits.begin(), digits.end(), ::isdigit);
  return number ? std::stol(digits) : -1;
}

/// BASE.blktrace.N by N.
std::map<long, std::string> filesOf(const std::string& base) {
  std::map<long, std::string> files;
  fs::path parent = fs::path(base).parent_path();
  std::string prefix = fs::path(base).filename().string() + std::string(kInfix);
  std::error_code error;
  for (fs::directory_iterator at(parent.empty() ? "." : parent, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (name.starts_with(prefix) && cpuOf(name) >= 0) files[cpuOf(name)] = (parent / name).string();
  }
  return files;
}

Result<Fd> openTrace(const std::string& path) {
  auto fd = path == "-" ? Result<Fd>(Fd(::dup(STDIN_FILENO))) : openFile(path, O_RDONLY);
  if (!fd) return fd;
  struct stat status;
  if (::fstat(fd->get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return Error{"EISDIR", path + " is a folder; name a trace in it, by blktrace's base name or a file's"};
  }
  return fd;
}

Error noTrace(const std::string& path) {
  return {"NOT_A_TRACE", path + ": no block trace record in it; blkscope imports blktrace's files and blkparse -d dumps"};
}

}  // namespace

Result<FileSource> FileSource::open(std::span<const std::string> paths) {
  FileSource source;
  for (const std::string& path : paths) {
    if (auto added = source.add(path); !added) return added.error();
  }
  return source;
}

Result<void> FileSource::add(const std::string& path) {
  std::error_code error;
  if (path == "-" || fs::is_regular_file(path, error) || fs::is_fifo(path, error)) return addFile(path);
  return addBase(path);
}

Result<void> FileSource::addBase(const std::string& base) {
  auto files = filesOf(base);
  if (files.empty()) {
    // Says why: not there, a folder, not allowed.
    auto fd = openTrace(base);
    if (!fd && fd.error().code != "ENOENT") return fd.error();
    return Error{"ENOENT", base + ": no such file, and no " + base + ".blktrace.0 or the like"};
  }
  uint64_t bytes = 0;
  long next = 0;
  for (const auto& [cpu, path] : files) {
    for (; next < cpu; ++next) {
      defects_.push_back({"FILE_MISSING", {{"file", base + std::string(kInfix) + std::to_string(next)}}});
    }
    next = cpu + 1;
    if (auto added = addFile(path); !added) return added;
    std::error_code error;
    bytes += fs::file_size(path, error);
  }
  if (bytes == 0) return Error{"NOT_A_TRACE", base + ": all its " + std::to_string(files.size()) + " files are empty"};
  return {};
}

Result<void> FileSource::addFile(const std::string& path) {
  auto fd = openTrace(path);
  if (!fd) return fd.error();
  if (cpuOf(path) >= 0) {
    streams_.emplace_back(path, std::move(*fd));
    return {};
  }
  auto split = splitStream(path == "-" ? "standard input" : path, std::move(*fd), defects_);
  if (!split) return split.error();
  if (split->empty()) return noTrace(path);
  for (FileStream& stream : *split) streams_.push_back(std::move(stream));
  return {};
}

Protocol FileSource::protocol() const {
  for (const FileStream& stream : streams_) {
    if (stream.decoder().records()) return stream.decoder().protocol();
  }
  return Protocol::v1;
}

uint64_t FileSource::records() const {
  uint64_t total = 0;
  for (const FileStream& stream : streams_) total += stream.decoder().records();
  return total;
}

uint64_t FileSource::sequenceGaps() const {
  uint64_t total = 0;
  for (const FileStream& stream : streams_) total += stream.decoder().sequenceGaps();
  return total;
}

std::vector<uint32_t> FileSource::devices() const {
  std::set<uint32_t> all;
  for (const FileStream& stream : streams_) all.insert(stream.devices().begin(), stream.devices().end());
  return {all.begin(), all.end()};
}

std::vector<Defect> FileSource::defects() const {
  std::vector<Defect> all = defects_;
  for (const FileStream& stream : streams_) {
    for (Defect& defect : stream.defects()) all.push_back(std::move(defect));
  }
  return all;
}

}  // namespace blkscope

#include "memory/pinned_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "memory/available.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

// Read at once: large enough for the disk's full speed, small beside any memory limit that a model runs under.
constexpr uint64_t kStep = 8 << 20;

uint64_t ownLockedBytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmLck:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

Error changed(const std::string& path, const std::string& how) {
  return {"FILE_CHANGED", path + " " + how + " while it was pinned; pin it again when it is at rest"};
}

std::vector<ByteRange> inSteps(const std::vector<ByteRange>& ranges) {
  std::vector<ByteRange> steps;
  for (const ByteRange& range : ranges) {
    for (uint64_t done = 0; done < range.bytes; done += kStep) {
      steps.push_back({range.offset + done, std::min(kStep, range.bytes - done)});
    }
  }
  return steps;
}

// One step is read ahead while the one before is locked: the disk always has work.
Result<void> lockSteps(const std::string& path, int fd, std::byte* base, const std::vector<ByteRange>& steps,
                       uint64_t total, LockProgress& progress) {
  auto readAhead = [&](size_t i) {
    if (i < steps.size()) ::readahead(fd, static_cast<off_t>(steps[i].offset), steps[i].bytes);  // a wish
  };
  readAhead(0);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (progress.cancelled) return Error{"ABORTED", "the pinning of " + path + " was ended early"};
    readAhead(i + 1);
    if (::mlock(base + steps[i].offset, steps[i].bytes) != 0) {
      int number = errno;
      struct stat now {};
      if (::fstat(fd, &now) == 0 && static_cast<uint64_t>(now.st_size) <= steps[i].offset) {
        return changed(path, "shrank");
      }
      return lockError(number, total);
    }
    progress.lockedBytes += steps[i].bytes;
  }
  return {};
}

bool sameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

std::vector<ByteRange> wholePages(std::vector<ByteRange> ranges, uint64_t pageBytes) {
  std::erase_if(ranges, [](const ByteRange& range) { return range.bytes == 0; });
  std::ranges::sort(ranges, {}, &ByteRange::offset);
  std::vector<ByteRange> whole;
  for (const ByteRange& range : ranges) {
    uint64_t from = range.offset / pageBytes * pageBytes;
    uint64_t to = (range.offset + range.bytes + pageBytes - 1) / pageBytes * pageBytes;
    if (!whole.empty() && from <= whole.back().offset + whole.back().bytes) {
      ByteRange& last = whole.back();
      last.bytes = std::max(last.offset + last.bytes, to) - last.offset;
    } else {
      whole.push_back({from, to - from});
    }
  }
  return whole;
}

Result<PinnedFile> PinnedFile::pin(const std::string& path, std::vector<ByteRange> ranges, LockProgress& progress) {
  auto file = openRegular(path);
  if (!file) return file.error();
  struct stat seen {};
  if (::fstat(file->get(), &seen) != 0) return systemError("stat " + path);
  auto size = static_cast<uint64_t>(seen.st_size);
  for (const ByteRange& range : ranges) {
    if (range.offset > size || range.bytes > size - range.offset) {
      return Error{"RANGE", path + " has " + std::to_string(size) + " bytes; cannot pin up to byte " +
                                std::to_string(range.offset + range.bytes)};
    }
  }
  std::vector<ByteRange> whole = wholePages(std::move(ranges), pageBytes());
  uint64_t total = 0;
  for (const ByteRange& range : whole) total += range.bytes;
  if (total == 0) return Error{"RANGE", "nothing of " + path + " to pin"};
  if (auto room = checkHeadroom(total, memoryAvailable(), pinRest()); !room) return room.error();

  auto mapping = Mapping::map(size, PROT_READ, MAP_SHARED, file->get());
  if (!mapping) return mapping.error();
  // What is read is decided by the steps alone; a fault must not bring in its neighbours.
  ::madvise(mapping->data(), mapping->size(), MADV_RANDOM);
  uint64_t lockedBefore = ownLockedBytes();
  if (auto locked = lockSteps(path, file->get(), mapping->data(), inSteps(whole), total, progress); !locked) {
    return locked.error();
  }
  if (ownLockedBytes() < lockedBefore + total) {
    return Error{"NOT_LOCKED", "the kernel locked less of " + path + " than it was asked to"};
  }
  return PinnedFile(path, std::move(*file), seen, std::move(*mapping), total);
}

Result<void> PinnedFile::check() const {
  struct stat held {}, named {};
  if (::fstat(file_.get(), &held) != 0) return systemError("stat " + path_);
  if (held.st_size < seen_.st_size) return changed(path_, "shrank");
  if (!sameTime(held.st_mtim, seen_.st_mtim)) return changed(path_, "was written to");
  if (::stat(path_.c_str(), &named) != 0) return changed(path_, "was removed");
  if (named.st_ino != held.st_ino || named.st_dev != held.st_dev) return changed(path_, "was replaced by another file");
  return {};
}

}  // namespace blkscope

#include "memory/mapped_by.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "system/page_size.h"
#include "system/syscall_numbers.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace blkscope {
namespace {

std::vector<int> otherProcesses() {
  std::vector<int> pids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    int pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && pid != ::getpid()) pids.push_back(pid);
  }
  return pids;
}

}  // namespace

Result<std::vector<MappedBy::File>> MappedBy::identify(const std::vector<std::string>& paths) {
  std::vector<File> files;
  for (const std::string& path : paths) {
    struct stat seen {};
    if (::stat(path.c_str(), &seen) != 0) return systemError("stat " + path);
    std::error_code unreachable;
    std::string real = std::filesystem::canonical(path, unreachable);
    files.push_back({unreachable ? path : real, seen.st_ino, seen.st_dev});
  }
  return files;
}

// A file is the same where its path is. In another mount namespace it has another path, and some file systems show other
// device numbers in /proc than to stat: the kernel's own link to what is mapped there tells, to root.
bool MappedBy::isOf(int pid, const std::string& range, const std::string& path, const File& file) {
  if (path == file.path) return true;
  struct stat mapped {};
  std::string link = "/proc/" + std::to_string(pid) + "/map_files/" + range;
  return ::stat(link.c_str(), &mapped) == 0 && mapped.st_ino == file.inode && mapped.st_dev == file.device;
}

std::vector<MappedBy::Parts> MappedBy::partsIn(int pid, const std::vector<File>& files) {
  std::vector<Parts> parts(files.size());
  std::ifstream lines("/proc/" + std::to_string(pid) + "/maps");
  std::string line;
  while (std::getline(lines, line)) {
    unsigned long start = 0, end = 0, offset = 0, inode = 0;
    int pathAt = 0;
    // "7f00-7f10 r--s 00000000 fd:00 1234    /path"
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %lu %n", &start, &end, &offset, &inode, &pathAt) < 4) continue;
    for (size_t i = 0; i < files.size(); ++i) {
      if (inode != files[i].inode) continue;
      std::string range = line.substr(0, line.find(' '));
      if (isOf(pid, range, line.substr(static_cast<size_t>(pathAt)), files[i])) parts[i].push_back({start, end, offset});
    }
  }
  return parts;
}

Result<std::optional<MappedBy>> MappedBy::find(const std::vector<std::string>& paths) {
  auto files = identify(paths);
  if (!files) return files.error();
  for (int pid : otherProcesses()) {
    std::vector<Parts> parts = partsIn(pid, *files);
    if (parts.empty() || parts[0].empty()) continue;
    Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!handle.valid() && errno == ESRCH) continue;  // it has ended meanwhile
    if (!handle.valid()) return systemError("a handle of process " + std::to_string(pid));
    auto pageMap = openFile("/proc/" + std::to_string(pid) + "/pagemap", O_RDONLY);
    if (!pageMap && pageMap.error().code == "ENOENT") continue;
    if (!pageMap) return pageMap.error();
    MappedBy found(pid, std::move(*files), std::move(handle), std::move(*pageMap), std::move(parts));
    return std::optional<MappedBy>(std::move(found));
  }
  return std::optional<MappedBy>();
}

bool MappedBy::present(uint64_t address) const {
  constexpr uint64_t kPresent = uint64_t{1} << 63;
  uint64_t entry = 0;
  auto at = static_cast<off_t>(address / pageBytes() * sizeof entry);
  return ::pread(pageMap_.get(), &entry, sizeof entry, at) == sizeof entry && (entry & kPresent) != 0;
}

bool MappedBy::touched(size_t file, uint64_t offset) const {
  return std::ranges::any_of(parts_[file], [&](const Part& part) {
    bool inside = offset >= part.offset && offset - part.offset < part.end - part.start;
    return inside && present(part.start + (offset - part.offset));
  });
}

Result<void> MappedBy::drop(size_t file, uint64_t offset, uint64_t bytes) const {
  for (const Part& part : parts_[file]) {
    uint64_t from = std::max(offset, part.offset);
    uint64_t to = std::min(offset + bytes, part.offset + (part.end - part.start));
    if (from >= to) continue;
    iovec range{reinterpret_cast<void*>(part.start + (from - part.offset)), to - from};
    if (::syscall(SYS_process_madvise, handle_.get(), &range, 1, MADV_PAGEOUT, 0) >= 0) continue;
    // Of what the process has unmapped, or of a process that is gone, nothing need be dropped.
    if (errno == ENOMEM || errno == ESRCH) continue;
    return systemError("dropping what process " + std::to_string(pid_) + " is done with");
  }
  return {};
}

bool MappedBy::alive() const { return ::syscall(SYS_pidfd_send_signal, handle_.get(), 0, nullptr, 0) == 0; }

// Where each file's first byte would be: parts come and go as a process unmaps or advises some of it.
bool MappedBy::unmoved() const {
  auto bases = [](const std::vector<Parts>& files) {
    std::set<std::pair<size_t, uint64_t>> all;
    for (size_t i = 0; i < files.size(); ++i) {
      for (const Part& part : files[i]) all.emplace(i, part.start - part.offset);
    }
    return all;
  };
  return bases(partsIn(pid_, files_)) == bases(parts_);
}

}  // namespace blkscope

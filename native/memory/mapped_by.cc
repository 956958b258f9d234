#include "memory/mapped_by.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "system/page_size.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
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
    files.push_back({unreachable ? path : real, seen.st_ino});
  }
  return files;
}

// Of each file where it would begin; 0: not mapped.
std::vector<uint64_t> MappedBy::basesIn(int pid, const std::vector<File>& files) {
  std::vector<uint64_t> bases(files.size(), 0);
  std::ifstream lines("/proc/" + std::to_string(pid) + "/maps");
  std::string line;
  while (std::getline(lines, line)) {
    unsigned long start = 0, offset = 0, inode = 0;
    int pathAt = 0;
    // "7f00-7f10 r--s 00000000 fd:00 1234    /path"
    if (std::sscanf(line.c_str(), "%lx-%*x %*s %lx %*s %lu %n", &start, &offset, &inode, &pathAt) < 3) continue;
    for (size_t i = 0; i < files.size(); ++i) {
      if (bases[i] == 0 && inode == files[i].inode && line.substr(static_cast<size_t>(pathAt)) == files[i].path) {
        bases[i] = start - offset;
      }
    }
  }
  return bases;
}

Result<std::optional<MappedBy>> MappedBy::find(const std::vector<std::string>& paths) {
  auto files = identify(paths);
  if (!files) return files.error();
  for (int pid : otherProcesses()) {
    std::vector<uint64_t> bases = basesIn(pid, *files);
    if (bases.empty() || bases[0] == 0) continue;
    Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!handle.valid() && errno == ESRCH) continue;  // it has ended meanwhile
    if (!handle.valid()) return systemError("a handle of process " + std::to_string(pid));
    auto pageMap = openFile("/proc/" + std::to_string(pid) + "/pagemap", O_RDONLY);
    if (!pageMap && pageMap.error().code == "ENOENT") continue;
    if (!pageMap) return pageMap.error();
    MappedBy found(pid, std::move(*files), std::move(handle), std::move(*pageMap), std::move(bases));
    return std::optional<MappedBy>(std::move(found));
  }
  return std::optional<MappedBy>();
}

bool MappedBy::touched(size_t file, uint64_t offset) const {
  if (bases_[file] == 0) return false;
  constexpr uint64_t kPresent = uint64_t{1} << 63;
  uint64_t entry = 0;
  auto at = static_cast<off_t>((bases_[file] + offset) / pageBytes() * sizeof entry);
  return ::pread(pageMap_.get(), &entry, sizeof entry, at) == sizeof entry && (entry & kPresent) != 0;
}

Result<void> MappedBy::drop(size_t file, uint64_t offset, uint64_t bytes) const {
  if (bases_[file] == 0) return {};
  iovec range{reinterpret_cast<void*>(bases_[file] + offset), bytes};
  if (::syscall(SYS_process_madvise, handle_.get(), &range, 1, MADV_PAGEOUT, 0) >= 0) return {};
  // Of what the process has unmapped, or of a process that is gone, nothing need be dropped.
  if (errno == ENOMEM || errno == ESRCH) return {};
  return systemError("dropping what process " + std::to_string(pid_) + " is done with");
}

bool MappedBy::alive() const { return ::syscall(SYS_pidfd_send_signal, handle_.get(), 0, nullptr, 0) == 0; }

bool MappedBy::unmoved() const { return basesIn(pid_, files_) == bases_; }

}  // namespace blkscope

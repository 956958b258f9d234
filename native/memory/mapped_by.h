// Files as another process has mapped them: what of them it touched, and taking that away again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "system/fd.h"
#include "system/result.h"

namespace blkscope {

/// A process that maps files, found by the mappings.
class MappedBy {
 public:
  /// The first process but this one that maps the first of `paths`; nothing where none does. Error: what /proc refuses
  /// (EACCES), or the kernel lacks (ENOSYS before Linux 5.10).
  static Result<std::optional<MappedBy>> find(const std::vector<std::string>& paths);

  int pid() const { return pid_; }

  /// Whether the page of file `file` at `offset` is in the process's page tables, by any of its mappings: touched since it was last dropped.
  /// false as well where that part is not mapped, or the process is gone.
  bool touched(size_t file, uint64_t offset) const;

  /// Takes a range out of the process's page tables and, where nobody else has it, out of the page cache. A touch brings
  /// it back. Error: EPERM.
  Result<void> drop(size_t file, uint64_t offset, uint64_t bytes) const;

  bool alive() const;

  /// Whether the process maps the files where it did when it was found.
  bool unmoved() const;

 private:
  struct File {
    std::string path;
    uint64_t inode = 0;
    uint64_t device = 0;
  };
  /// A part of a file that is mapped. A process may map a file several times, and unmap some of it.
  struct Part {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
  };
  using Parts = std::vector<Part>;  // of one file

  MappedBy(int pid, std::vector<File> files, Fd handle, Fd pageMap, std::vector<Parts> parts)
      : pid_(pid),
        files_(std::move(files)),
        handle_(std::move(handle)),
        pageMap_(std::move(pageMap)),
        parts_(std::move(parts)) {}

  static Result<std::vector<File>> identify(const std::vector<std::string>& paths);
  static bool isOf(int pid, const std::string& range, const std::string& path, const File& file);
  static std::vector<Parts> partsIn(int pid, const std::vector<File>& files);
  bool present(uint64_t address) const;

  int pid_;
  std::vector<File> files_;
  Fd handle_;
  Fd pageMap_;
  std::vector<Parts> parts_;  // by file
};

}  // namespace blkscope

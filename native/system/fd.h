// An owned file descriptor, and the reads and writes of small control files (sysfs, tracefs, procfs).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "system/result.h"

namespace blkscope {

/// Owns a file descriptor and closes it. -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  /// Gives the descriptor up, unclosed.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Opens a file (close-on-exec is added to `flags`). Error: "open <path>: ...".
Result<Fd> openFile(const std::string& path, int flags, int mode = 0);

/// A file that was found and not opened, since to open a device may be to start what it does; and its kind, as st_mode's.
struct NamedFile {
  Fd fd;
  mode_t kind = 0;
};
/// Error: "open <path>: ...".
Result<NamedFile> nameFile(const std::string& path);
/// Opens what was found, whatever its name leads to by now. `path` is for the error.
Result<Fd> openNamed(const NamedFile& file, const std::string& path, int flags);

/// Opens a regular file to read. Error: "open <path>: ..."; NOT_A_FILE for anything else, which is not opened.
Result<Fd> openRegular(const std::string& path, int flags = 0);

/// Both ends of a pipe: what is written to the second comes out of the first. `flags` as pipe2's.
Result<std::pair<Fd, Fd>> openPipe(int flags = 0);

/// The whole text of a small file, trailing newline removed.
Result<std::string> readText(const std::string& path);

/// Writes a control file in one write(2), as sysfs and tracefs demand.
Result<void> writeText(const std::string& path, std::string_view text);

}  // namespace blkscope

#include "system/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace blkscope {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Fd> openFile(const std::string& path, int flags, int mode) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return systemError("open " + path);
  return Fd(fd);
}

Result<NamedFile> nameFile(const std::string& path) {
  auto fd = openFile(path, O_PATH);
  if (!fd) return fd.error();
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return systemError("open " + path);
  return NamedFile{std::move(*fd), status.st_mode};
}

Result<Fd> openNamed(const NamedFile& file, const std::string& path, int flags) {
  int fd = ::open(("/proc/self/fd/" + std::to_string(file.fd.get())).c_str(), flags | O_CLOEXEC);
  if (fd < 0) return systemError("open " + path);
  return Fd(fd);
}

Result<Fd> openRegular(const std::string& path, int flags) {
  auto named = nameFile(path);
  if (!named) return named.error();
  if (!S_ISREG(named->kind)) return Error{"NOT_A_FILE", path + ": not a regular file; name a file"};
  return openNamed(*named, path, O_RDONLY | flags);
}

Result<std::pair<Fd, Fd>> openPipe(int flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) return systemError("make a pipe");
  return std::pair<Fd, Fd>{Fd(ends[0]), Fd(ends[1])};
}

Result<std::string> readText(const std::string& path) {
  auto file = openFile(path, O_RDONLY);
  if (!file) return file.error();
  std::string text;
  char buffer[4096];
  for (;;) {
    ssize_t got = ::read(file->get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return systemError("read " + path);
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<void> writeText(const std::string& path, std::string_view text) {
  auto file = openFile(path, O_WRONLY | O_TRUNC);
  if (!file) return file.error();
  ssize_t put = ::write(file->get(), text.data(), text.size());
  if (put != static_cast<ssize_t>(text.size())) {
    return systemError("write '" + std::string(text) + "' to " + path);
  }
  return {};
}

}  // namespace blkscope

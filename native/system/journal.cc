#include "system/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

namespace blkscope {
namespace {

constexpr std::array<const char*, 6> kKindNames = {"write", "rmdir", "cgroup", "unmount", "teardown", "controller"};
constexpr size_t kMostBytes = 1 << 20;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

// A journal line: kind TAB path TAB value. Control files' values hold no tabs or newlines.
std::string toLine(const Undo& undo) {
  return std::string(kKindNames[static_cast<size_t>(undo.kind)]) + '\t' + undo.path + '\t' + undo.value + '\n';
}

std::optional<Undo> fromLine(const std::string& line) {
  size_t first = line.find('\t');
  size_t second = line.find('\t', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  auto found = std::ranges::find(kKindNames, line.substr(0, first));
  if (found == kKindNames.end()) return {};
  return Undo{static_cast<Undo::Kind>(found - kKindNames.begin()), line.substr(first + 1, second - first - 1),
              line.substr(second + 1)};
}

bool isOursAlone(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & kWritableByOthers) == 0;
}

Error unsafe(const std::string& path) {
  return {"UNSAFE_JOURNAL", path + ": it is not a file or folder of user " + std::to_string(::geteuid()) +
                                " that nobody else may write; it is left alone, remove it if you know what it is"};
}

}  // namespace

Result<JournalFolder> JournalFolder::open(const std::string& path, bool make) {
  if (make && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return systemError("make the journal directory " + path);
  }
  auto folder = openFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!folder) return folder.error().code == "ELOOP" || folder.error().code == "ENOTDIR" ? unsafe(path) : folder.error();
  struct stat status {};
  if (::fstat(folder->get(), &status) != 0 || !isOursAlone(status)) return unsafe(path);
  return JournalFolder(std::move(*folder), path);
}

Result<Fd> JournalFolder::lock() const {
  // Of its own, so that it is let go with it.
  auto folder = openFile("/proc/self/fd/" + std::to_string(folder_.get()), O_RDONLY | O_DIRECTORY);
  if (folder && ::flock(folder->get(), LOCK_EX) != 0) return systemError("lock " + path_);
  return folder;
}

Result<Fd> JournalFolder::make(const std::string& name) const {
  Fd file(::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno == EEXIST ? Result<Fd>(Fd()) : systemError("make the journal " + path_ + "/" + name);
  // Between the making and the locking it looks like a dead session's, which `recover` locks and unlinks.
  bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return systemError("lock " + path_ + "/" + name);
  return locked && isNamed(file.get(), name) ? std::move(file) : Fd();
}

Result<Fd> JournalFolder::open(const std::string& name) const {
  Fd file(::openat(folder_.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return errno == ENOENT ? systemError("open " + path_ + "/" + name) : unsafe(path_ + "/" + name);
  }
  // One that is being removed has no name any more.
  if (!S_ISREG(status.st_mode) || !isOursAlone(status) || status.st_nlink > 1) return unsafe(path_ + "/" + name);
  return file;
}

bool JournalFolder::isNamed(int fd, const std::string& name) const {
  struct stat held {}, named {};
  if (::fstat(fd, &held) != 0 || ::fstatat(folder_.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

void JournalFolder::remove(const std::string& name) const { ::unlinkat(folder_.get(), name.c_str(), 0); }

std::vector<std::string> JournalFolder::names() const {
  int copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (!entries) return {};
  std::vector<std::pair<int, unsigned>> journals;
  while (dirent* entry = ::readdir(entries)) {
    int pid = 0;
    unsigned number = 0;
    if (std::sscanf(entry->d_name, "session-%d-%u", &pid, &number) == 2) journals.emplace_back(pid, number);
  }
  ::closedir(entries);
  std::sort(journals.rbegin(), journals.rend());
  std::vector<std::string> names;
  for (auto [pid, number] : journals) names.push_back(journalName(pid, number));
  return names;
}

std::string journalName(int pid, unsigned number) {
  return "session-" + std::to_string(pid) + "-" + std::to_string(number);
}

Result<JournalText> readJournal(int fd) {
  std::string bytes(kMostBytes, '\0');
  ssize_t length = ::pread(fd, bytes.data(), bytes.size(), 0);
  if (length < 0) return systemError("read a journal");
  bytes.resize(static_cast<size_t>(length));
  JournalText text;
  std::istringstream lines(bytes);
  for (std::string line; std::getline(lines, line);) {
    if (auto undo = fromLine(line)) {
      text.undos.push_back(std::move(*undo));
    } else if (!line.empty()) {
      text.notUnderstood.push_back(line);
    }
  }
  return text;
}

bool writeJournal(int fd, const JournalText& text) {
  std::string bytes;
  for (const Undo& undo : text.undos) bytes += toLine(undo);
  for (const std::string& line : text.notUnderstood) bytes += line + '\n';
  return ::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
         ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 && ::fdatasync(fd) == 0;
}

}  // namespace blkscope

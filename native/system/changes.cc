#include "system/changes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <thread>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

constexpr std::array<const char*, 6> kKindNames = {"write", "rmdir", "cgroup", "unmount", "teardown", "controller"};

// A journal line: kind TAB path TAB value. Control files' values hold no tabs or newlines.
std::string toLine(const Undo& undo) {
  return std::string(kKindNames[static_cast<size_t>(undo.kind)]) + '\t' + undo.path + '\t' + undo.value + '\n';
}

bool fromLine(const std::string& line, Undo& undo) {
  size_t first = line.find('\t');
  size_t second = line.find('\t', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  std::string kind = line.substr(0, first);
  auto found = std::find(kKindNames.begin(), kKindNames.end(), kind);
  if (found == kKindNames.end()) return false;
  undo = {static_cast<Undo::Kind>(found - kKindNames.begin()), line.substr(first + 1, second - first - 1),
          line.substr(second + 1)};
  return true;
}

bool gone(int error) { return error == ENOENT || error == ENODEV || error == ENXIO; }

void killAllIn(const std::string& cgroup) {
  auto procs = readText(cgroup + "/cgroup.procs");
  if (!procs) return;
  std::istringstream lines(*procs);
  for (pid_t pid; lines >> pid;) ::kill(pid, SIGKILL);
}

// Kills what still runs in a cgroup and in those that were made in it, and removes them from the innermost out; the
// kernel needs a moment to let go of the dead.
Result<void> removeCgroup(const std::string& path) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY && errno != ENOTEMPTY) break;
    killAllIn(path);
    std::error_code none;
    for (const auto& inner : std::filesystem::directory_iterator(path, none)) {
      if (inner.is_directory(none) && !inner.is_symlink(none)) (void)removeCgroup(inner.path());
    }
    if (::rmdir(path.c_str()) == 0) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return systemError("remove cgroup " + path);
}

// A trace that another session set up later under the same device cannot be told apart: the kernel allows one.
Result<void> teardownTrace(const std::string& device) {
  auto node = openFile(device, O_RDONLY | O_NONBLOCK);
  if (!node) return gone(errno) ? Result<void>{} : node.error();
  ::ioctl(node->get(), abi::kBlkTraceStop);
  if (::ioctl(node->get(), abi::kBlkTraceTeardown) == 0 || errno == EINVAL) return {};
  return systemError("tear down the trace of " + device);
}

// A tracer's settings are busy until the last file of a process that is just being killed is closed.
Result<void> restoreSetting(const std::string& path, const std::string& value) {
  for (int attempt = 0;; ++attempt) {
    auto written = writeText(path, value);
    if (written || written.error().code == "ENOENT" || written.error().code == "ENODEV") return {};
    if (written.error().code != "EBUSY" || attempt == 200) return written;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<void> undoOne(const Undo& undo) {
  switch (undo.kind) {
    case Undo::Kind::write:
    case Undo::Kind::controller:
      return restoreSetting(undo.path, undo.value);
    case Undo::Kind::removeDirectory:
      if (::rmdir(undo.path.c_str()) == 0 || gone(errno)) return {};
      return systemError("remove " + undo.path);
    case Undo::Kind::removeCgroup:
      return removeCgroup(undo.path);
    case Undo::Kind::unmount:
      if (::umount2(undo.path.c_str(), UMOUNT_NOFOLLOW) == 0 || gone(errno) || errno == EINVAL) return {};
      // Still in use, as a spool that is being read is: out of sight now, and gone with its last user.
      if (errno == EBUSY && ::umount2(undo.path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return {};
      return systemError("unmount " + undo.path);
    case Undo::Kind::teardown:
      return teardownTrace(undo.path);
  }
  return {};
}

std::string describe(const Undo& undo) {
  switch (undo.kind) {
    case Undo::Kind::write:
    case Undo::Kind::controller:
      return undo.path + " = " + undo.value;
    case Undo::Kind::removeDirectory:
    case Undo::Kind::removeCgroup:
      return "removed " + undo.path;
    case Undo::Kind::unmount:
      return "unmounted " + undo.path;
    case Undo::Kind::teardown:
      return "tore down the trace of " + undo.path;
  }
  return undo.path;
}

// True: it is undone.
bool undoInto(const Undo& undo, UndoReport& report) {
  auto done = undoOne(undo);
  if (done) {
    report.undone.push_back(describe(undo));
  } else {
    report.failed.push_back(done.error().message);
  }
  return static_cast<bool>(done);
}

std::string toText(const std::vector<Undo>& undos) {
  std::string text;
  for (const Undo& undo : undos) text += toLine(undo);
  return text;
}

std::vector<Undo> fromText(const std::string& text) {
  std::vector<Undo> undos;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (Undo undo; fromLine(line, undo)) undos.push_back(undo);
  }
  return undos;
}

// A shorter list is written over a longer one: the tail goes last, so that a kill in between repeats an undo at most.
bool overwrite(int fd, const std::string& text) {
  return ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(fd, static_cast<off_t>(text.size())) == 0 && ::fdatasync(fd) == 0;
}

// Whether an open file still has the name that it was opened by.
bool isNamed(int fd, const std::string& path) {
  struct stat held {}, named {};
  if (::fstat(fd, &held) != 0 || ::stat(path.c_str(), &named) != 0) return false;
  return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// Held by whoever looks through the journals of others and acts on what they say.
Result<Fd> lockDirectory(const std::string& directory) {
  auto folder = openFile(directory, O_RDONLY | O_DIRECTORY);
  if (folder && ::flock(folder->get(), LOCK_EX) != 0) return systemError("lock " + directory);
  return folder;
}

// The journals of a directory, each process's newest first: a setting is put back before its file system is unmounted.
std::vector<std::string> findJournals(const std::string& directory) {
  std::vector<std::pair<int, unsigned>> journals;
  DIR* entries = ::opendir(directory.c_str());
  if (!entries) return {};
  while (dirent* entry = ::readdir(entries)) {
    int pid = 0;
    unsigned number = 0;
    if (std::sscanf(entry->d_name, "session-%d-%u", &pid, &number) == 2) journals.emplace_back(pid, number);
  }
  ::closedir(entries);
  std::sort(journals.rbegin(), journals.rend());
  std::vector<std::string> paths;
  for (auto [pid, number] : journals) {
    paths.push_back(directory + "/session-" + std::to_string(pid) + "-" + std::to_string(number));
  }
  return paths;
}

struct Journal {
  std::string path;
  Fd file;
  std::vector<Undo> undos;
};

struct Journals {
  std::vector<Journal> dead;  // locked by us now
  std::vector<Undo> live;     // of all sessions that live, but for the journal `own`
};

Journals readJournals(const std::string& directory, const std::string& own = "") {
  Journals journals;
  for (const std::string& path : findJournals(directory)) {
    auto file = openFile(path, O_RDWR);
    if (!file || path == own) continue;
    bool dead = ::flock(file->get(), LOCK_EX | LOCK_NB) == 0;
    // Another may have undone and unlinked it before it was locked.
    if (!isNamed(file->get(), path)) continue;
    auto text = readText(path);
    std::vector<Undo> undos = text ? fromText(*text) : std::vector<Undo>();
    if (dead) {
      journals.dead.push_back({path, std::move(*file), std::move(undos)});
    } else {
      journals.live.insert(journals.live.end(), undos.begin(), undos.end());
    }
  }
  return journals;
}

bool holds(const std::vector<Undo>& undos, const Undo& wanted) {
  return std::ranges::any_of(undos, [&](const Undo& undo) { return undo.kind == wanted.kind && undo.path == wanted.path; });
}

}  // namespace

Changes::~Changes() { undo(); }

Result<void> Changes::openJournal() {
  if (journal_.valid()) return {};
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return systemError("make the journal directory " + directory_);
  }
  // A process may have several journals; their numbers tell recover the order. The lock tells the living from the dead.
  static std::atomic<unsigned> next = 0;
  for (;;) {
    journalPath_ = directory_ + "/session-" + std::to_string(::getpid()) + "-" + std::to_string(next++);
    auto file = openFile(journalPath_, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!file && errno == EEXIST) continue;
    if (!file) return file.error();
    // Between the making and the locking it looks like a dead session's, which `recover` locks and unlinks.
    bool locked = ::flock(file->get(), LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK) return systemError("lock " + journalPath_);
    if (!locked || !isNamed(file->get(), journalPath_)) continue;
    journal_ = std::move(*file);
    return {};
  }
}

Result<void> Changes::writeJournal() {
  if (!overwrite(journal_.get(), toText(undos_))) return systemError("write " + journalPath_);
  return {};
}

Result<void> Changes::willChange(Undo undo) {
  if (auto opened = openJournal(); !opened) return opened;
  undos_.push_back(std::move(undo));
  if (auto written = writeJournal(); !written) {
    undos_.pop_back();
    return written;
  }
  return {};
}

Result<void> Changes::writeSetting(const std::string& path, const std::string& value) {
  auto before = readText(path);
  if (!before) return before.error();
  return writeSetting(path, value, *before);
}

Result<void> Changes::writeSetting(const std::string& path, const std::string& value,
                                   const std::string& restore) {
  if (auto noted = willChange({Undo::Kind::write, path, restore}); !noted) return noted;
  return writeText(path, value);
}

Result<void> Changes::makeDirectory(const std::string& path) {
  if (auto noted = willChange({Undo::Kind::removeDirectory, path, ""}); !noted) return noted;
  if (::mkdir(path.c_str(), 0755) != 0) {
    Error error = systemError("make " + path);
    forget(undos_.size() - 1);  // it was not ours, or is not there: nothing to undo
    return error;
  }
  return {};
}

Result<void> Changes::passController(const std::string& cgroup, const std::string& controller) {
  if (auto opened = openJournal(); !opened) return opened;
  auto lock = lockDirectory(directory_);
  if (!lock) return lock.error();
  Undo undo{Undo::Kind::controller, cgroup + "/cgroup.subtree_control", "-" + controller};
  auto passed = readText(undo.path);
  if (!passed) return passed.error();
  bool there = (" " + *passed + " ").find(" " + controller + " ") != std::string::npos;
  if (there && !holds(readJournals(directory_, journalPath_).live, undo)) return {};  // it was so before all sessions
  if (auto noted = willChange(undo); !noted || there) return noted;
  return writeText(undo.path, "+" + controller);
}

Result<void> Changes::makeCgroup(const std::string& path) {
  if (auto noted = willChange({Undo::Kind::removeCgroup, path, ""}); !noted) return noted;
  if (::mkdir(path.c_str(), 0755) != 0) {
    Error error = systemError("make cgroup " + path);
    forget(undos_.size() - 1);
    return error;
  }
  return {};
}

Result<void> Changes::mount(const std::string& type, const std::string& target, const std::string& options) {
  if (auto noted = willChange({Undo::Kind::unmount, target, ""}); !noted) return noted;
  if (::mount("blkscope", target.c_str(), type.c_str(), MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0) {
    Error error = systemError("mount " + type + " on " + target);
    forget(undos_.size() - 1);
    return error;
  }
  return {};
}

void Changes::forget(size_t keep) {
  undos_.erase(undos_.begin() + static_cast<ptrdiff_t>(std::min(keep, undos_.size())), undos_.end());
  journalChanged();
}

void Changes::journalChanged() {
  if (!undos_.empty()) {
    (void)writeJournal();
  } else if (journal_.valid()) {
    ::unlink(journalPath_.c_str());
    journal_ = Fd();
  }
}

// Another session that still lives needs the controller as well, and has written down to undo it.
bool Changes::isShared(const Undo& undo) const {
  return undo.kind == Undo::Kind::controller && holds(readJournals(directory_, journalPath_).live, undo);
}

UndoReport Changes::undo(size_t keep) {
  UndoReport report;
  for (size_t i = undos_.size(); i-- > keep;) {
    auto lock = undos_[i].kind == Undo::Kind::controller ? lockDirectory(directory_) : Result<Fd>(Fd());
    if (!isShared(undos_[i]) && !undoInto(undos_[i], report)) continue;  // stays, for another try or `recover`
    undos_.erase(undos_.begin() + static_cast<ptrdiff_t>(i));
    journalChanged();
  }
  return report;
}

namespace {

// What a live session has changed as well waits until that one is over. What cannot be undone stays for another try.
void undoJournal(Journal& journal, const std::vector<Undo>& live, UndoReport& report) {
  for (size_t i = journal.undos.size(); i-- > 0;) {
    if (holds(live, journal.undos[i]) || !undoInto(journal.undos[i], report)) continue;
    journal.undos.erase(journal.undos.begin() + static_cast<ptrdiff_t>(i));
  }
  if (journal.undos.empty()) {
    ::unlink(journal.path.c_str());
  } else {
    overwrite(journal.file.get(), toText(journal.undos));
  }
}

}  // namespace

UndoReport recover(const std::string& directory) {
  UndoReport report;
  auto lock = lockDirectory(directory);
  if (!lock) return report;  // there is none, or it is not ours
  Journals journals = readJournals(directory);
  for (Journal& journal : journals.dead) undoJournal(journal, journals.live, report);
  return report;
}

}  // namespace blkscope

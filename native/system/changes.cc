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
#include <sstream>
#include <thread>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

constexpr std::array<const char*, 5> kKindNames = {"write", "rmdir", "cgroup", "unmount", "teardown"};

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

// Kills what still runs in a cgroup and removes it; the kernel needs a moment to let go of the dead.
Result<void> removeCgroup(const std::string& path) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY) break;
    if (auto procs = readText(path + "/cgroup.procs")) {
      std::istringstream lines(*procs);
      for (pid_t pid; lines >> pid;) ::kill(pid, SIGKILL);
    }
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
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) return systemError("lock " + journalPath_);
    journal_ = std::move(*file);
    return {};
  }
}

Result<void> Changes::writeJournal() {
  std::string text;
  for (const Undo& undo : undos_) text += toLine(undo);
  // A shorter list is written over a longer one: the tail goes last, so that a kill in between repeats an undo at most.
  if (::pwrite(journal_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(journal_.get(), static_cast<off_t>(text.size())) != 0 || ::fdatasync(journal_.get()) != 0) {
    return systemError("write " + journalPath_);
  }
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

UndoReport Changes::undo(size_t keep) {
  UndoReport report;
  for (size_t i = undos_.size(); i-- > keep;) {
    if (!undoInto(undos_[i], report)) continue;  // stays in the journal, for another try or `recover`
    undos_.erase(undos_.begin() + static_cast<ptrdiff_t>(i));
    journalChanged();
  }
  return report;
}

namespace {

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

}  // namespace

UndoReport recover(const std::string& directory) {
  UndoReport report;
  for (const std::string& path : findJournals(directory)) {
    auto file = openFile(path, O_RDWR);
    if (!file || ::flock(file->get(), LOCK_EX | LOCK_NB) != 0) continue;  // a live session's
    auto text = readText(path);
    if (!text) {
      report.failed.push_back(text.error().message);
      continue;
    }
    std::vector<Undo> undos;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      if (Undo undo; fromLine(line, undo)) undos.push_back(undo);
    }
    size_t failures = report.failed.size();
    std::for_each(undos.rbegin(), undos.rend(), [&](const Undo& undo) { undoInto(undo, report); });
    // A journal whose undoing failed stays, for another try.
    if (report.failed.size() == failures) ::unlink(path.c_str());
  }
  return report;
}

}  // namespace blkscope

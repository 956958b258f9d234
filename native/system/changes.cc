#include "system/changes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <thread>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

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

struct Journal {
  std::string name;
  Fd file;
  JournalText text;
};

struct Journals {
  std::vector<Journal> dead;  // locked by us now
  std::vector<Undo> live;     // of all sessions that live, but for the journal `own`
  std::vector<std::string> refused;
};

Journals readJournals(const JournalFolder& folder, const std::string& own = "") {
  Journals journals;
  for (const std::string& name : folder.names()) {
    if (name == own) continue;
    auto file = folder.open(name);
    if (!file && file.error().code == "UNSAFE_JOURNAL") journals.refused.push_back(file.error().message);
    if (!file) continue;
    bool dead = ::flock(file->get(), LOCK_EX | LOCK_NB) == 0;
    // Another may have undone and unlinked it before it was locked.
    if (!folder.isNamed(file->get(), name)) continue;
    auto text = readJournal(file->get());
    if (!text) continue;
    if (dead) {
      journals.dead.push_back({name, std::move(*file), std::move(*text)});
    } else {
      journals.live.insert(journals.live.end(), text->undos.begin(), text->undos.end());
    }
  }
  return journals;
}

// The first that is about the same thing; null: none.
const Undo* find(const std::vector<Undo>& undos, const Undo& wanted) {
  auto found = std::ranges::find_if(
      undos, [&](const Undo& undo) { return undo.kind == wanted.kind && undo.path == wanted.path; });
  return found == undos.end() ? nullptr : &*found;
}

const Undo* find(std::vector<Undo>&& undos, const Undo& wanted) = delete;  // it would point into what is gone

bool holds(const std::vector<Undo>& undos, const Undo& wanted) { return find(undos, wanted) != nullptr; }

// What sessions have in common. All else each makes for itself.
bool canBeShared(const Undo& undo) {
  return undo.kind == Undo::Kind::controller || undo.kind == Undo::Kind::write;
}

}  // namespace

Changes::~Changes() { undo(); }

Result<void> Changes::openFolder() {
  if (folder_) return {};
  auto folder = JournalFolder::open(directory_, true);
  if (!folder) return folder.error();
  folder_.emplace(std::move(*folder));
  return {};
}

Result<void> Changes::openJournal() {
  if (journal_.valid()) return {};
  if (auto opened = openFolder(); !opened) return opened;
  // A process may have several journals. The lock tells the living from the dead.
  static std::atomic<unsigned> next = 0;
  while (!journal_.valid()) {
    journalName_ = journalName(::getpid(), next++);
    auto file = folder_->make(journalName_);
    if (!file) return file.error();
    journal_ = std::move(*file);
  }
  return {};
}

Result<void> Changes::rewriteJournal() {
  if (!writeJournal(journal_.get(), {undos_, {}})) return systemError("write " + directory_ + "/" + journalName_);
  return {};
}

Result<void> Changes::willChange(Undo undo) {
  if (auto opened = openJournal(); !opened) return opened;
  undos_.push_back(std::move(undo));
  if (auto written = rewriteJournal(); !written) {
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
  if (auto opened = openJournal(); !opened) return opened;
  auto lock = folder_->lock();
  if (!lock) return lock.error();
  Undo first{Undo::Kind::write, path, restore};
  Journals others = readJournals(*folder_, journalName_);
  const Undo* shared = find(others.live, first);
  if (shared && !find(undos_, first)) {
    first.value = shared->value;
    if (auto noted = willChange(first); !noted) return noted;
  }
  if (auto noted = willChange({Undo::Kind::write, path, restore}); !noted) return noted;
  auto written = writeText(path, value);
  noteReading(undos_.back());
  return written;
}

// Of a setting alone: other undos name devices and folders.
void Changes::noteReading(const Undo& undo) {
  if (undo.kind != Undo::Kind::write) return;
  if (auto reads = readText(undo.path)) written_[undo.path] = *reads;
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
  auto lock = folder_->lock();
  if (!lock) return lock.error();
  Undo undo{Undo::Kind::controller, cgroup + "/cgroup.subtree_control", "-" + controller};
  auto passed = readText(undo.path);
  if (!passed) return passed.error();
  bool there = (" " + *passed + " ").find(" " + controller + " ") != std::string::npos;
  if (there && !holds(readJournals(*folder_, journalName_).live, undo)) return {};  // it was so before all sessions
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
    (void)rewriteJournal();
  } else if (journal_.valid()) {
    folder_->remove(journalName_);
    journal_ = Fd();
  }
}

bool Changes::isFirstOf(size_t entry) const {
  return find(undos_, undos_[entry]) == &undos_[entry];
}

// Whether it is struck out and not undone, since another session that still lives has changed the same: that one has written
// down to put back what was there before all. What this session found of others goes back only if none has changed it since.
bool Changes::isLeft(size_t entry) const {
  const Undo& undo = undos_[entry];
  if (!canBeShared(undo) || !holds(readJournals(*folder_, journalName_).live, undo)) return false;
  if (undo.kind == Undo::Kind::controller || isFirstOf(entry)) return true;
  auto written = written_.find(undo.path);
  auto reads = readText(undo.path);
  return written == written_.end() || !reads || *reads != written->second;
}

UndoReport Changes::undo(size_t keep) {
  UndoReport report;
  for (size_t i = undos_.size(); i-- > keep;) {
    auto lock = canBeShared(undos_[i]) ? folder_->lock() : Result<Fd>(Fd());
    if (!isLeft(i)) {
      if (!undoInto(undos_[i], report)) continue;  // stays, for another try or `recover`
      noteReading(undos_[i]);
    }
    undos_.erase(undos_.begin() + static_cast<ptrdiff_t>(i));
    journalChanged();
  }
  return report;
}

namespace {

// What a live session has changed as well waits until that one is over. What cannot be undone stays for another try, and
// what is not to be undone for somebody who knows what it is.
void undoJournal(const JournalFolder& folder, Journal& journal, const std::vector<Undo>& live, const Places& places,
                 UndoReport& report) {
  std::vector<Undo>& undos = journal.text.undos;
  std::string path = folder.path() + "/" + journal.name;
  for (size_t i = undos.size(); i-- > 0;) {
    if (holds(live, undos[i])) continue;
    if (!places(undos[i])) {
      report.failed.push_back(path + " would change " + undos[i].path + ", where blkscope changes nothing; it is left alone");
      continue;
    }
    if (undoInto(undos[i], report)) undos.erase(undos.begin() + static_cast<ptrdiff_t>(i));
  }
  for (const std::string& line : journal.text.notUnderstood) {
    report.failed.push_back(path + " has a line that is not understood ('" + line + "'); it is kept");
  }
  if (undos.empty() && journal.text.notUnderstood.empty()) {
    folder.remove(journal.name);
  } else {
    (void)writeJournal(journal.file.get(), journal.text);
  }
}

}  // namespace

std::vector<DeadSession> deadSessions(const std::string& directory) {
  std::vector<DeadSession> sessions;
  auto folder = JournalFolder::open(directory, false);
  auto lock = folder ? folder->lock() : Result<Fd>(folder.error());
  if (!lock) return sessions;  // there is none, or it is not ours
  for (const Journal& journal : readJournals(*folder).dead) {
    DeadSession session{0, {}};
    std::sscanf(journal.name.c_str(), "session-%d", &session.pid);
    const std::vector<Undo>& undos = journal.text.undos;
    for (size_t i = undos.size(); i-- > 0;) session.undos.push_back(describe(undos[i]));
    sessions.push_back(std::move(session));
  }
  return sessions;
}

UndoReport recover(const std::string& directory, const Places& places) {
  UndoReport report;
  auto folder = JournalFolder::open(directory, false);
  if (!folder && folder.error().code == "UNSAFE_JOURNAL") report.failed.push_back(folder.error().message);
  if (!folder) return report;  // there is none, or it is not ours
  auto lock = folder->lock();
  if (!lock) return report;
  Journals journals = readJournals(*folder);
  report.failed = std::move(journals.refused);
  for (Journal& journal : journals.dead) undoJournal(*folder, journal, journals.live, places, report);
  return report;
}

}  // namespace blkscope

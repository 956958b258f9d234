// The journal of changes to the machine: written down first, then made, and undone in reverse order.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "system/fd.h"
#include "system/journal.h"
#include "system/result.h"
#include "system/undo.h"

namespace blkscope {

/// What undoing did, one line a change.
struct UndoReport {
  std::vector<std::string> undone;
  std::vector<std::string> failed;
};

/// One session's changes to the machine.
///
/// Every change is appended to a journal file (fdatasync'ed) before it is made, so that SIGKILL at any moment leaves
/// behind a file that tells how to put the machine back. The file is locked while the session lives: `recover`
/// leaves it alone. The directory should be on a tmpfs such as /run, which forgets at a reboot what a reboot undoes.
/// Not thread-safe: one thread at a time.
class Changes {
 public:
  explicit Changes(std::string directory) : directory_(std::move(directory)) {}
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  ~Changes();

  /// Writes a control file; undone by writing `restore`, or the value it had. Where sessions that live have changed it as
  /// well, in whatever order they end, the last of them puts back what it was before all.
  Result<void> writeSetting(const std::string& path, const std::string& value);
  Result<void> writeSetting(const std::string& path, const std::string& value, const std::string& restore);
  /// Writes down an undo whose change the caller makes right after.
  Result<void> willChange(Undo undo);
  /// Strikes out the undos after the first `keep`, whose changes were not made after all.
  void forget(size_t keep);
  Result<void> makeDirectory(const std::string& path);
  /// Lets a cgroup (version 2) pass a controller on to its children, if it does not yet. Sessions share that: the last
  /// of them undoes it.
  Result<void> passController(const std::string& cgroup, const std::string& controller);
  /// A memory cgroup's directory; undone by killing what still runs in it and below it, and removing it.
  Result<void> makeCgroup(const std::string& path);
  Result<void> mount(const std::string& type, const std::string& target, const std::string& options);

  /// A mark to undo back to, so that one owner of changes can undo its own and leave the others.
  size_t size() const { return undos_.size(); }
  /// Undoes the changes made since there were `keep` of them, newest first; removes the journal when none is left.
  /// What cannot be undone stays written down, for another try or for `recover`.
  UndoReport undo(size_t keep = 0);

 private:
  Result<void> openFolder();
  Result<void> openJournal();
  Result<void> rewriteJournal();
  void noteReading(const Undo& undo);
  bool isFirstOf(size_t entry) const;
  bool isLeft(size_t entry) const;
  /// Writes the journal anew after entries went, or removes it with the last.
  void journalChanged();

  std::string directory_;
  std::optional<JournalFolder> folder_;
  std::string journalName_;
  Fd journal_;
  std::vector<Undo> undos_;
  std::map<std::string, std::string> written_;  // what each setting reads since this session wrote it
};

/// A session that has ended without undoing: its process, and how each change would be undone, newest first.
struct DeadSession {
  int pid;
  std::vector<std::string> undos;
};

/// Looks at the journals and changes nothing.
std::vector<DeadSession> deadSessions(const std::string& directory);

/// Undoes what dead sessions left in the journal directory. Journals that a live session holds are left alone, and so
/// is, for a later time, what a live session has changed as well. One caller at a time; others wait. A folder or journal
/// that others may write, an undo that is not at one of the `places`, and a line that is none are left and told as failed.
UndoReport recover(const std::string& directory, const Places& places);
inline UndoReport recover(const std::string& directory) { return recover(directory, kernelPlaces(directory)); }

}  // namespace blkscope

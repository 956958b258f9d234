// The journals on disk: one file for each owner of changes, in a folder that is root's alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "system/fd.h"
#include "system/undo.h"

namespace blkscope {

/// What a journal says: its undos, and the lines that are none, which stay in it.
struct JournalText {
  std::vector<Undo> undos;
  std::vector<std::string> notUnderstood;
};

/// The folder of the journals, held open. Whoever may write in it, or give it away, decides what root writes where.
class JournalFolder {
 public:
  /// Makes it where it is missing and `make` says so. Errors: ENOENT; UNSAFE_JOURNAL when it is not this user's alone.
  static Result<JournalFolder> open(const std::string& path, bool make);

  const std::string& path() const { return path_; }
  /// Held by whoever looks through the journals of others and acts on what they say; until it goes.
  Result<Fd> lock() const;
  /// A new journal, or none: the name is taken, or somebody has removed it before it was locked.
  Result<Fd> make(const std::string& name) const;
  /// A journal to read and write. Never waits. Error: it is no regular file, not this user's alone, or has other names.
  Result<Fd> open(const std::string& name) const;
  /// Whether an open file still has the name that it was opened by.
  bool isNamed(int fd, const std::string& name) const;
  void remove(const std::string& name) const;
  /// Names of all journals, each process's newest first: a setting is put back before its file system is unmounted.
  std::vector<std::string> names() const;

 private:
  JournalFolder(Fd folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
  Fd folder_;
  std::string path_;
};

/// The name of a process's journal. A process may have several; their numbers tell recover the order.
std::string journalName(int pid, unsigned number);

Result<JournalText> readJournal(int fd);

/// Writes a journal anew. A shorter list is written over a longer one: the tail goes last, so that a kill in between
/// repeats an undo at most.
bool writeJournal(int fd, const JournalText& text);

}  // namespace blkscope

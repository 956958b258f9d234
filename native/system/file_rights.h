// Acting on files as somebody else, and the steps on folders that Node has no call for.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "system/result.h"

namespace blkscope {

/// Whose rights on files count.
struct Identity {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;  // supplementary
};

/// While it lives, the kernel checks what this thread does with files as if `identity` did it, and what is made belongs
/// to that identity. Other threads, and all that is no file, stay as they are; the process must be root.
///
/// What a user's folder names, links included, then leads nowhere that its user could not go himself.
///
///     auto rights = FileRights::of({1000, 1000, {}});
///     if (!rights) return rights.error();
///     ::open(...);  // as user 1000
class FileRights {
 public:
  static Result<FileRights> of(const Identity& identity);
  FileRights(FileRights&&) noexcept = default;
  FileRights& operator=(FileRights&&) = delete;
  ~FileRights();

 private:
  explicit FileRights(Identity before) : before_(std::make_unique<Identity>(std::move(before))) {}
  std::unique_ptr<Identity> before_;
};

/// Renames an entry of one open folder into another one, where that name must be free: EEXIST otherwise.
Result<void> renameNew(int fromFolder, const std::string& from, int toFolder, const std::string& to);

/// For the name of a file: 16 hexadecimal digits that nobody can foresee.
Result<std::string> unforeseenDigits();

/// Locks an open file or folder for as long as it is open. False: another holds it.
Result<bool> lockOpenFile(int fd);

}  // namespace blkscope

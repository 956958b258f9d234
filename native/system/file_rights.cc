#include "system/file_rights.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace blkscope {
namespace {

// The C library's setgroups changes all threads; the kernel's call changes the one that makes it.
bool setGroups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

std::vector<gid_t> currentGroups() {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, ::getgroups(0, nullptr))));
  int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<size_t>(std::max(0, count)));
  return groups;
}

// An id that no user has changes nothing and tells the present one.
constexpr uid_t kNobodyAtAll = static_cast<uid_t>(-1);
uid_t currentUid() { return static_cast<uid_t>(::setfsuid(kNobodyAtAll)); }
gid_t currentGid() { return static_cast<gid_t>(::setfsgid(kNobodyAtAll)); }

// Groups and the group first: the last step takes the rights over files away, the others need only CAP_SETGID.
bool become(const Identity& identity) {
  if (!setGroups(identity.groups)) return false;
  ::setfsgid(identity.gid);
  ::setfsuid(identity.uid);
  return currentUid() == identity.uid && currentGid() == identity.gid;
}

bool isStill(const Identity& identity) {
  return currentUid() == identity.uid && currentGid() == identity.gid && currentGroups() == identity.groups;
}

// Not every C library has renameat2, so the kernel is called itself.
int renameNoReplace(int fromFolder, const std::string& from, int toFolder, const std::string& to) {
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE, which is the kernel's too
  return static_cast<int>(::syscall(SYS_renameat2, fromFolder, from.c_str(), toFolder, to.c_str(), kNoReplace));
}

}  // namespace

Result<FileRights> FileRights::of(const Identity& identity) {
  Identity before{currentUid(), currentGid(), currentGroups()};
  if (become(identity)) return FileRights(std::move(before));
  // Who may not take somebody's place may have taken a part of it.
  if (!isStill(before) && !become(before)) std::abort();
  return Error{"EPERM", "cannot act on files as user " + std::to_string(identity.uid) + ": that needs root"};
}

FileRights::~FileRights() {
  // With somebody else's rights nothing may go on: everything after would be refused, or worse, be his.
  if (before_ && !become(*before_)) std::abort();
}

Result<void> renameNew(int fromFolder, const std::string& from, int toFolder, const std::string& to) {
  if (renameNoReplace(fromFolder, from, toFolder, to) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return systemError("rename to " + to);
  // A file system without that flag, such as NFS: a name that is taken in between is replaced.
  if (::faccessat(toFolder, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return systemError("rename to " + to, EEXIST);
  if (::renameat(fromFolder, from.c_str(), toFolder, to.c_str()) == 0) return {};
  return systemError("rename to " + to);
}

Result<std::string> unforeseenDigits() {
  unsigned char bytes[8];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return systemError("draw a random number");
  std::string digits;
  for (unsigned char byte : bytes) {
    for (int nibble : {byte >> 4, byte & 15}) digits += "0123456789abcdef"[nibble];
  }
  return digits;
}

Result<bool> lockOpenFile(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return systemError("lock a file");
}

}  // namespace blkscope

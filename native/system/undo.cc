#include "system/undo.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace blkscope {
namespace {

constexpr std::array<std::string_view, 9> kSettings = {
    "/queue/read_ahead_kb", "/trace/enable",           "/tracing_on",  "/buffer_size_kb", "/options/overwrite",
    "/trace_clock",         "/memory.limit_in_bytes", "/memory.max",  "/current_tracer"};
constexpr std::array<std::string_view, 2> kMounts = {"/sys/kernel/debug", "/sys/kernel/tracing"};
constexpr std::string_view kOwnCgroup = "blkscope-";
constexpr std::string_view kOwnSpool = "spool-";

// An absolute path that says itself where it leads.
bool isPlain(const std::string& path) {
  std::string_view rest = path;
  return rest.starts_with('/') && rest.find("/../") == rest.npos && rest.find("/./") == rest.npos &&
         rest.find("//") == rest.npos && !rest.ends_with("/..") && !rest.ends_with("/.");
}

std::string folderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string nameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool allDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

bool isCgroup(const struct statfs& info) { return info.f_type == CGROUP_SUPER_MAGIC || info.f_type == CGROUP2_SUPER_MAGIC; }

bool isKernels(const struct statfs& info) {
  return isCgroup(info) || info.f_type == SYSFS_MAGIC || info.f_type == TRACEFS_MAGIC || info.f_type == DEBUGFS_MAGIC;
}

// What is gone is undone: it harms nothing to look at it. Anything else must lie on a file system that `holds`.
bool liesOn(const std::string& path, bool (*holds)(const struct statfs&)) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) != 0 || holds(info);
}

bool isSetting(const std::string& path) {
  bool known = std::ranges::any_of(kSettings, [&](std::string_view name) { return path.ends_with(name); });
  return known && liesOn(path, isKernels);
}

bool isController(const std::string& path, std::string_view value) {
  return nameOf(path) == "cgroup.subtree_control" && value.starts_with('-') && liesOn(path, isCgroup);
}

bool isOwnCgroup(const std::string& path) {
  std::string name = nameOf(path);
  return name.starts_with(kOwnCgroup) && liesOn(folderOf(path), isCgroup);
}

bool isSpool(const std::string& path, const std::string& journalDirectory) {
  std::string name = nameOf(path);
  return folderOf(path) == journalDirectory && name.starts_with(kOwnSpool) && allDigits(name.substr(kOwnSpool.size()));
}

bool isBlockDevice(const std::string& path) {
  struct stat status {};
  return path.starts_with("/dev/") && (::stat(path.c_str(), &status) != 0 || S_ISBLK(status.st_mode));
}

}  // namespace

Places kernelPlaces(const std::string& journalDirectory) {
  return [journalDirectory](const Undo& undo) {
    if (!isPlain(undo.path)) return false;
    switch (undo.kind) {
      case Undo::Kind::write:
        return isSetting(undo.path);
      case Undo::Kind::controller:
        return isController(undo.path, undo.value);
      case Undo::Kind::removeCgroup:
        return isOwnCgroup(undo.path);
      case Undo::Kind::removeDirectory:
        return isSpool(undo.path, journalDirectory);
      case Undo::Kind::unmount:
        return std::ranges::find(kMounts, undo.path) != kMounts.end() || isSpool(undo.path, journalDirectory);
      case Undo::Kind::teardown:
        return isBlockDevice(undo.path);
    }
    return false;
  };
}

}  // namespace blkscope

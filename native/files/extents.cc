#include "files/extents.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "system/errno_name.h"
#include "system/fd.h"

namespace blkscope {
namespace {

constexpr long kXfsMagic = 0x58465342;
constexpr uint32_t kExtentsACall = 512;
// Extents whose address says nothing of where the bytes are.
constexpr uint32_t kUnusable = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |
                               FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_DATA_INLINE;

std::string fileSystemName(const std::string& path) {
  struct statfs info{};
  if (::statfs(path.c_str(), &info) != 0) return "unknown";
  switch (info.f_type) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case kXfsMagic:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    default: {
      char text[32];
      std::snprintf(text, sizeof text, "0x%lx", static_cast<unsigned long>(info.f_type));
      return text;
    }
  }
}

// Where its layers are seen, they were looked for it.
constexpr const char* inUnseenLayer =
    " lies in a layer of overlayfs that is not found from here: name the file where it lies on the machine (findmnt -T shows "
    "the layers), or a device with -d";

std::string lastComponent(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "/sys/dev/block/8:1" leads to ".../block/sda/sda1" for a partition, ".../block/sda" for a disk.
Result<FileDevice> deviceByNumber(dev_t number, const std::string& path) {
  std::string link =
      "/sys/dev/block/" + std::to_string(major(number)) + ":" + std::to_string(minor(number));
  char target[4096];
  ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  FileDevice device;
  device.fileSystem = fileSystemName(path);
  if (length <= 0) {
    if (device.fileSystem == "overlayfs") return Error{"NO_DEVICE", path + inUnseenLayer};
    return Error{"NO_DEVICE", path + " lies on no block device (" + device.fileSystem +
                                  "): put it on a file system on a disk, or name the device with -d"};
  }
  std::string folder(target, static_cast<size_t>(length));
  device.name = device.disk = lastComponent(folder);
  if (auto start = readText(link + "/start"); start && ::access((link + "/partition").c_str(), F_OK) == 0) {
    device.startSector = std::strtoull(start->c_str(), nullptr, 10);
    device.disk = lastComponent(folder.substr(0, folder.rfind('/')));
  }
  return device;
}

Error noExtents(const std::string& path, const std::string& reason) {
  return {"NO_EXTENTS", "cannot tell where " + path + " lies on the disk: " + reason};
}

/// Refuses a file whose addresses are another device's than the file system's own, as sysfs names it.
Result<void> checkOneDevice(const Fd& fd, const std::string& path, const std::string& fileSystem) {
  fsxattr attributes{};
  if (fileSystem != "xfs" || ::ioctl(fd.get(), FS_IOC_FSGETXATTR, &attributes) != 0) return {};
  if (!(attributes.fsx_xflags & FS_XFLAG_REALTIME)) return {};
  return noExtents(path, "it lies on the realtime device of its XFS; copy it to a folder whose files lie on the data device");
}

Result<void> checkInside(const std::string& path, const FileDevice& device, const TracedFile& file) {
  auto size = readText("/sys/class/block/" + device.name + "/size");
  if (!size || !reachesBeyond(file, device.startSector + std::strtoull(size->c_str(), nullptr, 10))) return {};
  return noExtents(path, "a part of it lies beyond the end of " + device.name + ": its file system is over several disks");
}

// One FIEMAP call from `offset` on, appended to `file`. True: that was the last.
Result<bool> readExtents(const Fd& fd, const std::string& path, uint64_t startSector, uint64_t& offset,
                         TracedFile& file) {
  alignas(fiemap) char buffer[sizeof(fiemap) + kExtentsACall * sizeof(fiemap_extent)];
  std::memset(buffer, 0, sizeof(fiemap));
  auto* map = reinterpret_cast<fiemap*>(buffer);
  map->fm_start = offset;
  map->fm_length = FIEMAP_MAX_OFFSET - offset;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = kExtentsACall;
  if (::ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0) {
    return noExtents(path, "the file system gives no extents (" + errnoText(errno) + ")");
  }
  if (map->fm_mapped_extents == 0) return true;
  for (uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
    const fiemap_extent& extent = map->fm_extents[i];
    if (extent.fe_flags & kUnusable) {
      return noExtents(path, "its data is inline, compressed, encrypted or not yet placed");
    }
    file.extents.push_back({extent.fe_logical, startSector + (extent.fe_physical >> 9), extent.fe_length >> 9});
    offset = extent.fe_logical + extent.fe_length;
    if (extent.fe_flags & FIEMAP_EXTENT_LAST) return true;
  }
  return false;
}

}  // namespace

Result<FileDevice> fileDevice(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return systemError(path);
  return deviceByNumber(S_ISBLK(info.st_mode) ? info.st_rdev : info.st_dev, path);
}

Result<TracedFile> fileExtents(const std::string& path) {
  auto fd = openRegular(path);
  if (!fd) return fd.error();
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return systemError(path);
  std::string fileSystem = fileSystemName(path);
  if (fileSystem == "btrfs") return noExtents(path, "btrfs tells logical addresses and not those of the disk");
  if (fileSystem == "overlayfs") return noExtents(path, "it" + std::string(inUnseenLayer));
  auto device = fileDevice(path);
  if (!device) return device.error();
  if (auto one = checkOneDevice(*fd, path, fileSystem); !one) return one.error();
  TracedFile file;
  file.bytes = static_cast<uint64_t>(info.st_size);
  for (uint64_t offset = 0;;) {
    auto last = readExtents(*fd, path, device->startSector, offset, file);
    if (!last) return last.error();
    if (*last) break;
  }
  if (auto inside = checkInside(path, *device, file); !inside) return inside.error();
  return file;
}

bool reachesBeyond(const TracedFile& file, uint64_t endSector) {
  return std::ranges::any_of(file.extents, [&](const auto& extent) { return extent.sector + extent.sectors > endSector; });
}

}  // namespace blkscope

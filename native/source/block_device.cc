#include "source/block_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "system/fd.h"

namespace blkscope {
namespace {

constexpr uint32_t numberFrom(unsigned major, unsigned minor) { return major << 20 | minor; }

std::vector<std::string> namesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t numberIn(const std::string& path) {
  auto text = readText(path);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

std::optional<uint32_t> BlockDevices::numberOf(const std::string& name) const {
  unsigned major = 0;
  unsigned minor = 0;
  if (auto text = readText(folder(name) + "/dev")) {
    if (std::sscanf(text->c_str(), "%u:%u", &major, &minor) == 2) return numberFrom(major, minor);
  }
  auto counters = readText(root_ + "/proc/diskstats");
  if (!counters || !exists(folder(name))) return std::nullopt;
  std::istringstream lines(*counters);
  for (std::string line; std::getline(lines, line);) {
    char told[64];
    if (std::sscanf(line.c_str(), "%u %u %63s", &major, &minor, told) == 3 && name == told) return numberFrom(major, minor);
  }
  return std::nullopt;
}

std::optional<std::string> BlockDevices::nameOf(uint32_t number) const {
  std::error_code none;
  std::string link = root_ + "/sys/dev/block/" + std::to_string(number >> 20) + ":" + std::to_string(number & 0xfffff);
  auto target = std::filesystem::read_symlink(link, none);
  if (none) return std::nullopt;
  return target.filename().string();
}

// The device that a loop device's file lies on; none of a file on a tmpfs, or on a file system over several disks.
std::optional<std::string> BlockDevices::backingFileOf(const std::string& name) const {
  auto path = readText(folder(name) + "/loop/backing_file");
  struct stat info{};
  if (!path || ::stat((root_ + *path).c_str(), &info) != 0) return std::nullopt;
  dev_t device = S_ISBLK(info.st_mode) ? info.st_rdev : info.st_dev;
  return nameOf(numberFrom(major(device), minor(device)));
}

uint64_t BlockDevices::zoneSectorsOf(const std::string& name) const {
  auto zoned = readText(diskFolder(name) + "/queue/zoned");
  return zoned && *zoned != "none" ? numberIn(diskFolder(name) + "/queue/chunk_sectors") : 0;
}

std::vector<LowerDevice> BlockDevices::directlyBelow(const std::string& name) const {
  std::vector<std::string> names = namesIn(folder(name) + "/slaves");
  if (auto file = backingFileOf(name)) names.push_back(*file);
  if (diskOf(name) != name) names.push_back(diskOf(name));
  std::vector<LowerDevice> below = pathsOf(name);
  for (const std::string& each : names) {
    if (auto number = numberOf(each)) below.push_back({each, *number});
  }
  return below;
}

Result<BlockDevice> BlockDevices::find(const std::string& name) const {
  auto number = numberOf(name);
  if (!number || name.empty()) {
    return Error{"NO_DEVICE", "no block device named '" + name + "' in /sys/class/block; lsblk lists them"};
  }
  BlockDevice device{name, *number, {}, zoneSectorsOf(name)};
  std::vector<LowerDevice> next = directlyBelow(name);
  for (size_t i = 0; i < next.size(); ++i) {
    if (std::ranges::find(device.liesOn, next[i].number) != device.liesOn.end()) continue;
    device.liesOn.push_back(next[i].number);
    std::ranges::copy(directlyBelow(std::string(next[i].name)), std::back_inserter(next));
  }
  return device;
}

// Paths are named after their head, nvme1c0n1 and nvme1c1n1 after nvme1n1, and hidden.
std::vector<LowerDevice> BlockDevices::pathsOf(const std::string& name) const {
  unsigned subsystem = 0;
  unsigned space = 0;
  int end = 0;
  std::vector<LowerDevice> paths;
  if (std::sscanf(name.c_str(), "nvme%un%u%n", &subsystem, &space, &end) != 2 || name[static_cast<size_t>(end)] != '\0') {
    return paths;
  }
  for (const std::string& each : namesIn(root_ + "/sys/class/block")) {
    unsigned of = 0;
    unsigned controller = 0;
    unsigned number = 0;
    bool path = std::sscanf(each.c_str(), "nvme%uc%un%u%n", &of, &controller, &number, &end) == 3 &&
                each[static_cast<size_t>(end)] == '\0' && of == subsystem && number == space;
    if (!path || numberIn(folder(each) + "/hidden") == 0) continue;
    if (auto its = numberOf(each)) paths.push_back({each, *its});
  }
  return paths;
}

std::string BlockDevices::diskFolder(const std::string& name) const {
  return exists(folder(name) + "/partition") ? folder(name) + "/.." : folder(name);
}

std::string BlockDevices::diskOf(const std::string& name) const {
  if (!exists(folder(name) + "/partition")) return name;
  std::error_code none;
  auto disk = std::filesystem::canonical(folder(name), none).parent_path().filename().string();
  return none ? name : disk;
}

bool BlockDevices::hasRequests(const std::string& name) const { return exists(diskFolder(name) + "/mq"); }

// bcache tells nowhere where its data begins; what the disk has more than the device lies before it.
std::optional<BlockDevices::Backing> BlockDevices::bcacheBackingOf(const std::string& name) const {
  std::error_code none;
  auto link = std::filesystem::canonical(folder(name) + "/bcache", none);
  if (none || !name.starts_with("bcache")) return std::nullopt;
  std::string member = link.parent_path().filename();
  std::string disk = diskOf(member);
  auto number = numberOf(disk);
  uint64_t size = numberIn(folder(name) + "/size");
  uint64_t all = numberIn(folder(member) + "/size");
  if (!number || size == 0 || all < size) return std::nullopt;
  uint64_t start = disk == member ? 0 : numberIn(folder(member) + "/start");
  return Backing{{disk, *number}, start + (all - size)};
}

Result<uint32_t> deviceNumber(const std::string& device) {
  auto found = BlockDevices().find(device);
  if (!found) return found.error();
  return found->number;
}

}  // namespace blkscope

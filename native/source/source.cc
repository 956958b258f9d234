#include "source/source.h"

#include <unistd.h>

#include <cstdio>

#include "system/blktrace_abi.h"
#include "system/fd.h"

namespace blkscope {

namespace {

bool hasRequests(const std::string& device) { return ::access((diskFolder(device) + "/mq").c_str(), F_OK) == 0; }

}  // namespace

std::string diskFolder(const std::string& device) {
  std::string folder = "/sys/class/block/" + device;
  bool partition = ::access((folder + "/partition").c_str(), F_OK) == 0;
  return partition ? folder + "/.." : folder;
}

uint64_t actionMask(const SourceOptions& options, const std::string& device) {
  if (options.actions == ActionChoice::all) return UINT64_MAX;
  // A bit of any kind lets an event through, so the mask names actions alone, no directions: a read bit would let
  // every read's queue event through.
  uint64_t mask = abi::kComplete | abi::kRequeue | abi::kNotify;
  if (options.pid) mask |= abi::kQueue;
  return mask | (hasRequests(device) ? abi::kIssue : abi::kQueue);
}

Result<uint32_t> deviceNumber(const std::string& device) {
  auto text = readText("/sys/class/block/" + device + "/dev");
  unsigned major = 0;
  unsigned minor = 0;
  if (!text || std::sscanf(text->c_str(), "%u:%u", &major, &minor) != 2) {
    return Error{"NO_DEVICE", "no block device named '" + device + "' in /sys/class/block; lsblk lists them"};
  }
  return major << 20 | minor;
}

}  // namespace blkscope

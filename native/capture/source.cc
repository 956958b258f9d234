#include "capture/source.h"

#include <unistd.h>

#include <cstdio>

#include "capture/blktrace_abi.h"
#include "system/fd.h"

namespace blkscope {

uint64_t actionMask(ActionChoice choice, const std::string& device) {
  constexpr uint64_t kAll = 0xffff;
  if (choice == ActionChoice::all) return kAll;
  // A bit of any kind lets an event through, so the mask names actions alone, no directions: a read bit would let
  // every read's queue event through.
  uint64_t mask = abi::kComplete | abi::kRequeue | abi::kNotify;
  bool requestBased = ::access(("/sys/class/block/" + device + "/mq").c_str(), F_OK) == 0;
  return mask | (requestBased ? abi::kIssue : abi::kQueue);
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

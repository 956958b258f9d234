#include "source/buffer_size.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "source/block_device.h"
#include "system/blktrace_abi.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

// Small reads a second. A disk behind one hardware queue (SATA, a plain virtio disk) ends at about the first; one with
// several (NVMe) takes what a CPU can ask for.
constexpr uint64_t kOfOneQueue = 100'000;
constexpr uint64_t kOfOneCpu = 400'000;
constexpr uint64_t kLooksPerSecond = 10;
constexpr uint64_t kShareOfMemory = 256;

size_t hardwareQueues(const BlockDevices& system, const std::string& device) {
  std::error_code none;
  std::filesystem::directory_iterator queues(system.diskFolder(device) + "/mq", none);
  size_t most = none ? 0 : static_cast<size_t>(std::distance(begin(queues), end(queues)));
  for (const LowerDevice& path : system.pathsOf(device)) most = std::max(most, hardwareQueues(system, path.name));
  return most;
}

}  // namespace

BufferNeed bufferNeed(std::span<const std::string> devices, ActionChoice actions) {
  BlockDevices system;
  bool many = std::ranges::any_of(devices, [&](const std::string& device) { return hardwareQueues(system, device) > 1; });
  return {.ioPerSecond = many ? kOfOneCpu : kOfOneQueue,
          .eventsPerIo = actions == ActionChoice::all ? 6u : 2u,  // Q G I D C and a plug or merge; or D C
          .recordBytes = sizeof(abi::Record2),
          .cpus = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)),
          .memoryBytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * pageBytes()};
}

uint64_t bufferBytesPerCpu(const BufferNeed& need) {
  uint64_t wanted = need.ioPerSecond * need.eventsPerIo * need.recordBytes / kLooksPerSecond;
  return std::min(wanted, need.memoryBytes / kShareOfMemory / std::max(need.cpus, 1u));
}

}  // namespace blkscope

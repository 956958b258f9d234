#include "source/traced_queues.h"

#include <algorithm>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

// A bit of any kind lets an event through, so the mask names actions alone, no directions: a read bit would let every
// read's queue event through. Splits are let through by directions alone.
uint64_t neededActions(const SourceOptions& options, bool requests) {
  if (options.actions == ActionChoice::all || !requests) return UINT64_MAX;
  uint64_t mask = abi::kIssue | abi::kComplete | abi::kRequeue | abi::kNotify;
  return options.pid ? mask | abi::kQueue : mask;
}

bool isTraced(const std::vector<TracedQueue>& queues, const std::string& name) {
  return std::ranges::any_of(queues, [&](const TracedQueue& queue) { return queue.name == name; });
}

}  // namespace

std::vector<TracedQueue> tracedQueues(const SourceOptions& options, const BlockDevices& system) {
  std::vector<TracedQueue> queues;
  for (const std::string& device : options.devices) {
    std::vector<LowerDevice> paths = system.pathsOf(device);
    for (const LowerDevice& path : paths) {
      queues.push_back({.name = path.name, .actions = neededActions(options, true), .hidden = true});
    }
    if (paths.empty()) {
      queues.push_back({.name = device, .actions = neededActions(options, system.hasRequests(device))});
    } else if (options.actions == ActionChoice::all) {
      queues.push_back({.name = device, .actions = UINT64_MAX});
    } else if (options.pid) {
      queues.push_back({.name = device, .actions = abi::kQueue | abi::kNotify});
    }
  }
  for (const std::string& device : options.devices) {
    auto backing = system.bcacheBackingOf(device);
    if (!backing || isTraced(queues, backing->disk.name)) continue;
    SourceOptions needed{.devices = {}};
    bool requests = system.hasRequests(backing->disk.name);
    queues.push_back({.name = backing->disk.name, .actions = neededActions(needed, requests), .filtered = false});
  }
  return queues;
}

Result<void> checkDevices(const std::vector<std::string>& devices, const BlockDevices& system) {
  for (size_t i = 0; i < devices.size(); ++i) {
    if (auto found = system.find(devices[i]); !found) return found.error();
    std::string disk = system.diskOf(devices[i]);
    for (size_t j = 0; j < i; ++j) {
      if (system.diskOf(devices[j]) != disk) continue;
      return Error{"SAME_DISK", devices[j] + " and " + devices[i] + " lie on one disk, which the kernel traces only once: " +
                                    "name " + disk + " alone, which tells of both"};
    }
  }
  return {};
}

MultipathHeads::MultipathHeads(const std::vector<std::string>& devices, const BlockDevices& system) {
  for (const std::string& device : devices) {
    auto head = system.find(device);
    if (!head) continue;
    for (const LowerDevice& path : system.pathsOf(device)) headOfPath_.emplace_back(path.number, head->number);
  }
}

bool MultipathHeads::isHead(uint32_t number) const {
  return std::ranges::any_of(headOfPath_, [&](const auto& pair) { return pair.second == number; });
}

uint32_t MultipathHeads::headOf(uint32_t number) const {
  auto found = std::ranges::find(headOfPath_, number, &std::pair<uint32_t, uint32_t>::first);
  return found == headOfPath_.end() ? number : found->second;
}

void MultipathHeads::apply(std::vector<Event>& events, size_t from) const {
  if (headOfPath_.empty()) return;
  auto first = events.begin() + static_cast<ptrdiff_t>(from);
  auto end = std::remove_if(first, events.end(),
                            [&](const Event& e) { return e.action == Action::complete && isHead(e.device); });
  events.erase(end, events.end());
  for (size_t i = from; i < events.size(); ++i) events[i].device = headOf(events[i].device);
}

}  // namespace blkscope

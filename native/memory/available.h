// How much memory can be had, by the machine and by the cgroups that this process is in.
#pragma once

#include <cstdint>
#include <string>

namespace blkscope {

/// Bytes that can be had without swapping or ending a process: MemAvailable, or less where a memory cgroup of this process
/// (a container, a service) may take less. `root` is where /proc and the cgroups are found, for tests.
uint64_t memoryAvailable(const std::string& root = "");

/// What must stay available whatever is locked: a 50th of the memory, and 256 MiB at least; of a small cgroup an
/// eighth of its limit, since it endangers nothing but itself.
uint64_t safeRest(const std::string& root = "");

/// The same beside pinned pages, a 50th of a small cgroup too: who pins for a workload has reckoned what that needs.
uint64_t pinRest(const std::string& root = "");

}  // namespace blkscope

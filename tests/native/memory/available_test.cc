#include "memory/available.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace blkscope;

namespace {

constexpr uint64_t kGiB = 1 << 30;

/// A machine of 16 GiB with 12 available, and whatever cgroups are written.
class FakeMachine {
 public:
  FakeMachine(const std::string& cgroup, const std::string& mount) {
    char name[] = "/tmp/blkscope-memory-XXXXXX";
    root_ = ::mkdtemp(name);
    write("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:   1 kB\nMemAvailable:   12582912 kB\n");
    write("/proc/self/cgroup", cgroup);
    write("/proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n" + mount);
  }
  FakeMachine(const FakeMachine&) = delete;
  ~FakeMachine() { std::filesystem::remove_all(root_); }

  void group(const std::string& folder, const std::string& limit, uint64_t used, uint64_t file, bool v2 = true) {
    write(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"), limit);
    write(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes"), std::to_string(used));
    std::string name = v2 ? "inactive_file " : "inactive_file 1\ntotal_inactive_file ";
    write(folder + "/memory.stat", "anon 5\n" + name + std::to_string(file) + "\nunevictable 7\n");
  }
  uint64_t available() const { return memoryAvailable(root_); }
  uint64_t rest() const { return safeRest(root_); }
  uint64_t besidePins() const { return pinRest(root_); }

 private:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  std::string root_;
};

const std::string kV2 = "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

}  // namespace

TEST_CASE("what is available is what the tightest cgroup leaves, file cache given up") {
  FakeMachine machine("0::/box/inner", kV2);
  CHECK(machine.available() == 12 * kGiB);
  machine.group("/sys/fs/cgroup/box/inner", "max", kGiB, 0);
  CHECK(machine.available() == 12 * kGiB);
  machine.group("/sys/fs/cgroup/box", std::to_string(4 * kGiB), 3 * kGiB, 2 * kGiB);
  CHECK(machine.available() == 3 * kGiB);
  machine.group("/sys/fs/cgroup/box/inner", std::to_string(kGiB), 2 * kGiB, 0);
  CHECK(machine.available() == 0);
}

TEST_CASE("what must stay is the machine's share, or a small cgroup's") {
  FakeMachine machine("0::/box", kV2);
  CHECK(machine.rest() == 16 * kGiB / 50);
  machine.group("/sys/fs/cgroup/box", std::to_string(112 << 20), 1 << 20, 0);
  CHECK(machine.rest() == 14 << 20);
  CHECK(machine.besidePins() == (112 << 20) / 50);
}

TEST_CASE("a container is shown its own cgroup as the root") {
  FakeMachine named("0::/", "30 22 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw");
  named.group("/sys/fs/cgroup", std::to_string(2 * kGiB), kGiB / 2, 0);
  CHECK(named.available() == 2 * kGiB - kGiB / 2);
  FakeMachine byHost("0::/docker/abc", "30 22 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw");
  byHost.group("/sys/fs/cgroup", std::to_string(2 * kGiB), kGiB / 2, 0);
  CHECK(byHost.available() == 2 * kGiB - kGiB / 2);
}

TEST_CASE("cgroup v1, beside a v2 without the memory controller") {
  FakeMachine machine("9:cpu,cpuacct:/\n8:memory:/box\n0::/other",
                      kV2 + "\n31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory");
  machine.group("/sys/fs/cgroup/memory", "9223372036854771712", 4 * kGiB, 0, false);
  CHECK(machine.available() == 12 * kGiB);
  machine.group("/sys/fs/cgroup/memory/box", std::to_string(4 * kGiB), 2 * kGiB, kGiB, false);
  CHECK(machine.available() == 3 * kGiB);
}

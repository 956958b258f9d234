#include "source/block_device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "source/bcache_completions.h"
#include "source/traced_queues.h"
#include "system/blktrace_abi.h"

using namespace blkscope;

namespace {

/// A machine's /sys and /proc, made of files.
class FakeSystem {
 public:
  FakeSystem() {
    char name[] = "/tmp/blkscope-sysfs-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~FakeSystem() { std::filesystem::remove_all(root_); }
  BlockDevices devices() const { return BlockDevices(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  void disk(const std::string& name, const std::string& number, uint64_t sectors = 1000) {
    write("/sys/devices/" + name + "/dev", number);
    write("/sys/devices/" + name + "/size", std::to_string(sectors));
    link("/sys/class/block/" + name, "../../devices/" + name);
    link("/sys/dev/block/" + number, "../../devices/" + name);
  }
  void partition(const std::string& disk, const std::string& name, const std::string& number, uint64_t start) {
    std::string folder = "/sys/devices/" + disk + "/" + name;
    write(folder + "/dev", number);
    write(folder + "/partition", "1");
    write(folder + "/start", std::to_string(start));
    write(folder + "/size", "500");
    link("/sys/class/block/" + name, "../../devices/" + disk + "/" + name);
  }
  void link(const std::string& path, const std::string& target) {
    std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(target, file);
  }

 private:
  std::string root_;
};

constexpr uint32_t number(uint32_t major, uint32_t minor) { return major << 20 | minor; }

std::vector<std::string> namesOf(const std::vector<TracedQueue>& queues) {
  std::vector<std::string> names;
  for (const TracedQueue& queue : queues) names.push_back(queue.name);
  return names;
}

/// Two heads of two paths each, which diskstats alone numbers.
FakeSystem multipath() {
  FakeSystem system;
  system.disk("nvme1n1", "259:1");
  system.disk("nvme1n2", "259:4");
  system.disk("nvme1n11", "259:8");
  std::string counters;
  int minor = 10;
  for (const char* path : {"nvme1c0n1", "nvme1c0n2", "nvme1c1n1", "nvme1c1n2"}) {
    system.write(std::string("/sys/class/block/") + path + "/hidden", "1");
    system.write(std::string("/sys/class/block/") + path + "/mq/0/cpu_list", "0");
    counters += " 259      " + std::to_string(minor++) + " " + path + " 1 0 8 0\n";
  }
  system.write("/proc/diskstats", counters);
  return system;
}

Event event(Action action, uint32_t device, uint64_t sector, uint32_t sectors) {
  Event made;
  made.action = action;
  made.direction = Direction::read;
  made.device = device;
  made.sector = sector;
  made.bytes = sectors << 9;
  return made;
}

}  // namespace

TEST_CASE("a device lies on all that is below it, however deep") {
  FakeSystem system;
  system.disk("sda", "8:0");
  system.disk("sdb", "8:16");
  system.partition("sda", "sda1", "8:1", 64);
  system.disk("md0", "9:0");
  system.disk("dm-0", "252:0");
  system.link("/sys/class/block/md0/slaves/sda1", "../../sda/sda1");
  system.link("/sys/class/block/md0/slaves/sdb", "../../sdb");
  system.link("/sys/class/block/dm-0/slaves/md0", "../../md0");
  auto found = system.devices().find("dm-0");
  REQUIRE(found);
  CHECK(found->number == number(252, 0));
  CHECK(found->liesOn == std::vector{number(9, 0), number(8, 1), number(8, 16), number(8, 0)});
  CHECK(system.devices().find("sdb")->liesOn.empty());
  CHECK(system.devices().diskOf("sda1") == "sda");
  CHECK(system.devices().find("sdc").error().code == "NO_DEVICE");
  CHECK(system.devices().find("").error().code == "NO_DEVICE");
}

TEST_CASE("a zoned device tells how long its zones are") {
  FakeSystem system;
  system.disk("nullb0", "250:0");
  system.write("/sys/devices/nullb0/queue/zoned", "host-managed");
  system.write("/sys/devices/nullb0/queue/chunk_sectors", "8192");
  system.disk("md0", "9:0");
  system.write("/sys/devices/md0/queue/zoned", "none");
  system.write("/sys/devices/md0/queue/chunk_sectors", "128");
  CHECK(system.devices().find("nullb0")->zoneSectors == 8192);
  CHECK(system.devices().find("md0")->zoneSectors == 0);
}

TEST_CASE("a disk and its partition, or two partitions, cannot be traced together") {
  FakeSystem system;
  system.disk("sda", "8:0");
  system.partition("sda", "sda1", "8:1", 64);
  system.partition("sda", "sda2", "8:2", 600);
  system.disk("sdb", "8:16");
  CHECK(checkDevices({"sda", "sdb"}, system.devices()));
  CHECK(checkDevices({"sda1", "sdb"}, system.devices()));
  CHECK(checkDevices({"sda", "sda1"}, system.devices()).error().code == "SAME_DISK");
  CHECK(checkDevices({"sdb", "sda2", "sda1"}, system.devices()).error().code == "SAME_DISK");
}

TEST_CASE("of a multipath head its paths are traced, and the head itself where its own events are wanted") {
  FakeSystem system = multipath();
  BlockDevices devices = system.devices();
  CHECK(devices.find("nvme1n1")->liesOn == std::vector{number(259, 10), number(259, 12)});
  CHECK(devices.pathsOf("nvme1n11").empty());
  SourceOptions options{.devices = {"nvme1n1"}};
  auto queues = tracedQueues(options, devices);
  CHECK(namesOf(queues) == std::vector<std::string>{"nvme1c0n1", "nvme1c1n1"});
  CHECK(queues[0].hidden);
  CHECK(queues[0].actions == (abi::kIssue | abi::kComplete | abi::kRequeue | abi::kNotify));
  options.actions = ActionChoice::all;
  CHECK(namesOf(tracedQueues(options, devices)) == std::vector<std::string>{"nvme1c0n1", "nvme1c1n1", "nvme1n1"});
}

TEST_CASE("what multipath's paths tell is told of their head, once") {
  FakeSystem system = multipath();
  MultipathHeads heads({"nvme1n1"}, system.devices());
  uint32_t head = number(259, 1);
  uint32_t path = number(259, 12);
  std::vector<Event> events = {event(Action::complete, head, 0, 8),  // of an earlier read of the ring
                               event(Action::queue, head, 64, 8), event(Action::issue, path, 64, 8),
                               event(Action::complete, head, 64, 8), event(Action::complete, path, 64, 8)};
  heads.apply(events, 1);
  REQUIRE(events.size() == 4);
  CHECK(events[1].action == Action::queue);
  CHECK(events[2].action == Action::issue);
  CHECK(events[3].action == Action::complete);
  for (const Event& each : events) CHECK(each.device == head);
}

TEST_CASE("a device without requests is asked for all, since only that tells of splits") {
  FakeSystem system;
  system.disk("md0", "9:0");
  system.disk("sda", "8:0");
  system.write("/sys/devices/sda/mq/0/cpu_list", "0");
  auto queues = tracedQueues({.devices = {"md0", "sda"}}, system.devices());
  CHECK(queues[0].actions == UINT64_MAX);
  CHECK((queues[1].actions & abi::kQueue) == 0);
}

namespace {

/// bcache0 on sda, whose data begins at sector 16.
FakeSystem cached() {
  FakeSystem system;
  system.disk("sda", "8:0", 1016);
  system.disk("bcache0", "253:0", 1000);
  system.write("/sys/devices/sda/bcache/state", "clean");
  system.write("/sys/devices/sda/mq/0/cpu_list", "0");
  system.link("/sys/devices/bcache0/bcache", "../sda/bcache");
  return system;
}

constexpr uint32_t kCache = number(253, 0);
constexpr uint32_t kDisk = number(8, 0);

/// Sectors that complete on a device.
uint64_t completed(std::span<const Event> events, uint32_t device) {
  uint64_t sectors = 0;
  for (const Event& each : events) {
    if (each.action == Action::complete && each.device == device) sectors += each.sectors();
  }
  return sectors;
}

}  // namespace

TEST_CASE("a bcache device's completions are told on its disk") {
  FakeSystem system = cached();
  BcacheCompletions alone({"bcache0"}, system.devices());
  BcacheCompletions both({"bcache0", "sda"}, system.devices());
  CHECK(alone.any());
  CHECK(!BcacheCompletions({"sda"}, system.devices()).any());
  CHECK(namesOf(tracedQueues({.devices = {"bcache0"}}, system.devices())) == std::vector<std::string>{"bcache0", "sda"});
  CHECK(namesOf(tracedQueues({.devices = {"sda", "bcache0"}}, system.devices())).size() == 2);
  // A miss: the disk's request, then the bio's own completion under the disk's name. A hit: that one alone.
  const std::vector<Event> events = {
      event(Action::queue, kCache, 80, 8),  event(Action::issue, kDisk, 96, 8), event(Action::complete, kDisk, 96, 8),
      event(Action::complete, kDisk, 96, 8), event(Action::queue, kCache, 200, 8), event(Action::complete, kDisk, 216, 8)};
  auto told = alone.apply(events);
  CHECK(completed(told, kCache) == 16);
  CHECK(completed(told, kDisk) == 0);
  for (const Event& each : told) CHECK(each.device == kCache);
  told = both.apply(events);
  CHECK(completed(told, kCache) == 16);
  CHECK(completed(told, kDisk) == 24);  // as the kernel tells it
}

TEST_CASE("each sector of a bcache device completes once, in whatever pieces") {
  FakeSystem system = cached();
  BcacheCompletions bcache({"bcache0"}, system.devices());
  const std::vector<Event> pieces = {event(Action::queue, kCache, 100, 32),  event(Action::complete, kDisk, 124, 8),
                                     event(Action::complete, kDisk, 140, 8),  event(Action::complete, kDisk, 116, 32),
                                     event(Action::complete, kCache, 100, 32)};
  CHECK(completed(bcache.apply(pieces), kCache) == 32);
  // Two bios in one request of the disk.
  const std::vector<Event> merged = {event(Action::queue, kCache, 300, 8), event(Action::queue, kCache, 308, 8),
                                     event(Action::complete, kDisk, 316, 16)};
  auto told = bcache.apply(merged);
  CHECK(completed(told, kCache) == 16);
  CHECK(std::ranges::count(told, Action::complete, &Event::action) == 2);
  // The device tells its own completion, as well as the disk or alone.
  const std::vector<Event> own = {event(Action::queue, kCache, 400, 8), event(Action::complete, kDisk, 416, 8),
                                  event(Action::complete, kCache, 400, 8), event(Action::queue, kCache, 400, 8),
                                  event(Action::complete, kCache, 400, 8)};
  CHECK(completed(bcache.apply(own), kCache) == 16);
}

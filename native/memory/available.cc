#include "memory/available.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>

#include "system/fd.h"

namespace blkscope {
namespace {

constexpr uint64_t kLeastRest = 256 << 20;
/// What is left of a cgroup's limit is at least one part in so many.
constexpr uint64_t kShareOfMemory = 50;
constexpr uint64_t kShareOfLimit = 8;

/// The number behind a key, of lines such as "MemAvailable:  1234 kB" or "inactive_file 4096".
std::optional<uint64_t> field(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  }
  return std::nullopt;
}

uint64_t memoryField(const std::string& root, std::string_view key) {
  auto text = readText(root + "/proc/meminfo");
  return text ? field(*text, key).value_or(0) * 1024 : 0;
}

std::optional<uint64_t> numberIn(const std::string& path) {
  auto text = readText(path);
  if (!text || text->empty() || *text == "max") return std::nullopt;
  return std::strtoull(text->c_str(), nullptr, 10);
}

/// Where the memory controller of one version is mounted, which of its folders is seen there, and this process's own.
struct Membership {
  bool v2;
  std::string mount;
  std::string shown;
  std::string own;
};

/// "0::/path" is cgroup v2's line, "9:memory:/path" that of v1's memory controller.
std::optional<std::string> ownPath(const std::string& root, bool v2) {
  auto text = readText(root + "/proc/self/cgroup");
  std::istringstream lines(text ? *text : std::string());
  for (std::string line; std::getline(lines, line);) {
    size_t first = line.find(':');
    size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (v2 ? controllers == ",," : controllers.find(",memory,") != std::string::npos) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// A line of mountinfo: "36 35 98:0 /root /mount/point options ... - type source superOptions".
std::optional<Membership> memberOf(const std::string& root, const std::string& line) {
  size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  std::string id, parent, device, shown, mount, type, source, options;
  std::istringstream(line) >> id >> parent >> device >> shown >> mount;
  std::istringstream(line.substr(dash + 3)) >> type >> source >> options;
  bool v1 = type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos;
  if (!v1 && type != "cgroup2") return std::nullopt;
  auto own = ownPath(root, !v1);
  if (!own) return std::nullopt;
  return Membership{!v1, root + mount, shown, *own};
}

/// What one cgroup leaves: its limit less what it holds and could not give up.
std::optional<uint64_t> leftIn(const std::string& folder, bool v2) {
  auto limit = numberIn(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  auto used = numberIn(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  auto stat = readText(folder + "/memory.stat");
  if (!limit || !used || !stat) return std::nullopt;
  std::string_view prefix = v2 ? "" : "total_";
  auto file = [&](const char* list) { return field(*stat, std::string(prefix) + list + "_file ").value_or(0); };
  uint64_t reclaimable = std::min(*used, file("inactive") + file("active"));
  uint64_t held = *used - reclaimable;
  return *limit > held ? *limit - held : 0;
}

std::optional<uint64_t> limitOf(const std::string& folder, bool v2) {
  return numberIn(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
}

/// The least of a figure over the process's cgroup and those above it, as far as they are shown.
uint64_t leastInAll(const Membership& member, std::optional<uint64_t> (*figure)(const std::string&, bool)) {
  std::string path = member.own;
  // A container is shown its own folder as the root, and knows itself by a path from there, or by the host's.
  if (member.shown != "/" && path.starts_with(member.shown)) path = path.substr(member.shown.size());
  uint64_t least = UINT64_MAX;
  for (;;) {
    if (auto found = figure(member.mount + path, member.v2)) least = std::min(least, *found);
    if (path.empty() || path == "/") return least;
    path = path.substr(0, path.rfind('/'));
  }
}

/// The same over all mounts of the memory controller.
uint64_t leastOf(const std::string& root, std::optional<uint64_t> (*figure)(const std::string&, bool)) {
  uint64_t least = UINT64_MAX;
  auto mounts = readText(root + "/proc/self/mountinfo");
  std::istringstream lines(mounts ? *mounts : std::string());
  for (std::string line; std::getline(lines, line);) {
    if (auto member = memberOf(root, line)) least = std::min(least, leastInAll(*member, figure));
  }
  return least;
}

uint64_t restOf(const std::string& root, uint64_t shareOfLimit) {
  uint64_t ofMachine = std::max(kLeastRest, memoryField(root, "MemTotal:") / kShareOfMemory);
  // A small cgroup, such as one that `run --limit` makes, endangers nothing but itself.
  return std::min(ofMachine, leastOf(root, limitOf) / shareOfLimit);
}

}  // namespace

uint64_t memoryAvailable(const std::string& root) {
  return std::min(memoryField(root, "MemAvailable:"), leastOf(root, leftIn));
}

uint64_t safeRest(const std::string& root) { return restOf(root, kShareOfLimit); }

uint64_t pinRest(const std::string& root) { return restOf(root, kShareOfMemory); }

}  // namespace blkscope

#include "system/cpus.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <sstream>

#include "system/clock.h"
#include "system/fd.h"

namespace blkscope {
namespace {

constexpr uint64_t kLookForCpuNs = 2'000'000;

std::vector<unsigned> listIn(const std::string& path, int otherwise) {
  auto text = readText(path);
  if (text) return parseCpuList(*text);
  std::vector<unsigned> all(static_cast<size_t>(std::max(::sysconf(otherwise), 1l)));
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

}  // namespace

std::vector<unsigned> parseCpuList(const std::string& list) {
  std::vector<unsigned> cpus;
  std::istringstream ranges(list);
  for (std::string range; std::getline(ranges, range, ',');) {
    unsigned first = 0;
    unsigned last = 0;
    int found = std::sscanf(range.c_str(), "%u-%u", &first, &last);
    if (found < 1) continue;
    for (unsigned cpu = first; cpu <= (found == 2 ? last : first); ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<unsigned> possibleCpus() { return listIn("/sys/devices/system/cpu/possible", _SC_NPROCESSORS_CONF); }

bool OnlineCpus::has(unsigned cpu) {
  uint64_t now = monotonicNs();
  if (lookedNs_ == 0 || now - lookedNs_ > kLookForCpuNs) {
    cpus_ = listIn("/sys/devices/system/cpu/online", _SC_NPROCESSORS_ONLN);
    lookedNs_ = now;
  }
  return std::ranges::find(cpus_, cpu) != cpus_.end();
}

}  // namespace blkscope

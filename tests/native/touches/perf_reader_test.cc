#include "touches/perf_reader.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "system/mapping.h"
#include "system/page_size.h"

using namespace blkscope;

namespace {

struct Seen final : PerfSink {
  void sample(const PerfSample& fault) override { addresses.insert({fault.event, fault.address}); }
  void lost(uint64_t count) override { lostCount += count; }

  std::set<std::pair<size_t, uint64_t>> addresses;
  uint64_t lostCount = 0;
};

PerfEvent faults(uint64_t config) { return {.type = PERF_TYPE_SOFTWARE, .config = config, .pid = ::getpid()}; }

}  // namespace

TEST_CASE("A perf reader has read all that happened before its end, of events that were added while it read too") {
  auto rings = PerfRings::open(faults(PERF_COUNT_SW_PAGE_FAULTS), 1 << 20);
  if (!rings) {
    MESSAGE("not tested: " << rings.error().message);
    return;
  }
  Seen seen;
  std::vector<uint64_t> looks;
  PerfReader reader(std::move(*rings), seen, [&](uint64_t time) { looks.push_back(time); });
  REQUIRE(reader.add(faults(PERF_COUNT_SW_PAGE_FAULTS_MIN)));

  constexpr size_t kPages = 64;
  auto memory = Mapping::map(kPages * pageBytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  REQUIRE(memory);
  ::madvise(memory->data(), kPages * pageBytes(), MADV_NOHUGEPAGE);
  for (size_t page = 0; page < kPages; ++page) memory->data()[page * pageBytes()] = std::byte{1};
  reader.end();

  auto start = reinterpret_cast<uint64_t>(memory->data());
  for (size_t event : {0, 1}) {
    size_t found = 0;
    for (size_t page = 0; page < kPages; ++page) found += seen.addresses.contains({event, start + page * pageBytes()});
    CHECK(found == kPages);
  }
  CHECK(seen.lostCount == 0);
  REQUIRE(!looks.empty());
  CHECK(std::ranges::is_sorted(looks));
  CHECK(looks.back() == UINT64_MAX);
  size_t before = looks.size();
  reader.end();
  CHECK(looks.size() == before);
}

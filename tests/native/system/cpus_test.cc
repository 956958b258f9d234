#include "system/cpus.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace blkscope;

TEST_CASE("lists of processors, with holes") {
  CHECK(parseCpuList("0") == std::vector<unsigned>{0});
  CHECK(parseCpuList("0-3,5,130-131") == std::vector<unsigned>{0, 1, 2, 3, 5, 130, 131});
  CHECK(parseCpuList("").empty());
}

TEST_CASE("what is online is possible") {
  OnlineCpus online;
  std::vector<unsigned> possible = possibleCpus();
  CHECK(!possible.empty());
  CHECK(std::ranges::any_of(possible, [&](unsigned cpu) { return online.has(cpu); }));
  CHECK(!online.has(possible.back() + 1));
}

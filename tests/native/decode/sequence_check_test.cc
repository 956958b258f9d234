#include "decode/sequence_check.h"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace blkscope;

namespace {

uint64_t gapsOf(std::initializer_list<uint32_t> numbers) {
  SequenceCheck check;
  for (uint32_t number : numbers) check.add(number);
  return check.gaps();
}

/// From `from` on, as far as the numbers go, and so many more.
SequenceCheck overTheEnd(uint32_t from, uint32_t more) {
  SequenceCheck check;
  uint32_t number = from;
  for (uint64_t left = (uint64_t{1} << 32) - from + more; left > 0; --left) check.add(number++);
  return check;
}

}  // namespace

TEST_SUITE("sequence numbers") {
  TEST_CASE("what is missing is counted, what comes late is not, wherever a trace begins") {
    CHECK(gapsOf({1, 2, 3}) == 0);
    CHECK(gapsOf({700, 701}) == 0);
    CHECK(gapsOf({1, 2, 6}) == 3);
    CHECK(gapsOf({1, 3, 2, 4}) == 0);
    CHECK(gapsOf({1, 5, 3, 6}) == 2);
  }

  TEST_CASE("another session begins anew and loses nothing by it") { CHECK(gapsOf({3'000'000'000, 1, 2, 4}) == 1); }

  TEST_CASE("from the last of 32 bits they go on at 0, and nothing is missing; what is missing there is counted") {
    constexpr uint32_t kEnd = UINT32_MAX;
    CHECK(overTheEnd(kEnd - 1000, 1000).gaps() == 0);
    CHECK(gapsOf({kEnd - 1, kEnd, 0, 1}) == 0);
    CHECK(gapsOf({kEnd - 2, 3, 4}) == 5);
    CHECK(gapsOf({kEnd, 0, 5}) == 4);
    CHECK(gapsOf({kEnd - 1, 0, kEnd, 1}) == 0);
  }
}

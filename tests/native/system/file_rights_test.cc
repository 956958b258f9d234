#include "system/file_rights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace blkscope;

TEST_CASE("digits that nobody can foresee: each time others") {
  std::set<std::string> drawn;
  for (int i = 0; i < 100; ++i) {
    auto digits = unforeseenDigits();
    REQUIRE(digits);
    CHECK(digits->size() == 16);
    CHECK(std::ranges::all_of(*digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
    drawn.insert(*digits);
  }
  CHECK(drawn.size() == 100);
}

#include "files/extents.h"

#include <doctest/doctest.h>

using namespace blkscope;

TEST_CASE("a file that reaches beyond its disk lies on another as well") {
  TracedFile file{.bytes = 8 << 20, .extents = {{0, 1000, 8192}, {4 << 20, 50'000, 8192}}};
  CHECK(!reachesBeyond(file, 58'192));
  CHECK(reachesBeyond(file, 58'191));
  CHECK(!reachesBeyond({}, 0));
}

#include "touches/pass_channel.h"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace blkscope;

TEST_CASE("a file in memory that the workload cut, filled or made huge is told, and not read") {
  auto channel = PassChannel::create({{"/models/a.gguf", {4096, 8192}, {true, true, true}, {false, true, true}}}, 3, true);
  REQUIRE(channel.ok());
  REQUIRE(channel->records().ok());
  CHECK(channel->records()->empty());
  blkscope_record record = {BLKSCOPE_BEGIN, 1, 7, 0, 1, 0};
  REQUIRE(::write(channel->fd(), &record, sizeof record) == sizeof record);
  REQUIRE(::write(channel->fd(), &record, 5) == 5);
  REQUIRE(channel->records().ok());
  CHECK(channel->records()->size() == 1);
  for (off_t size : {off_t{0}, off_t{3}, off_t{1} << 40, off_t{1} << 62}) {
    REQUIRE(::ftruncate(channel->fd(), size) == 0);
    auto records = channel->records();
    REQUIRE(!records.ok());
    CHECK(records.error().code == "TOUCHES_CHANGED");
  }
}

#include "session/read_tap.h"

#include <doctest/doctest.h>

#include <thread>

using namespace blkscope;

namespace {

Event read(uint64_t sector) {
  Event event;
  event.action = Action::complete;
  event.direction = Direction::read;
  event.sector = sector;
  event.bytes = 4096;
  event.time = sector + 1;
  event.device = 7;
  return event;
}

}  // namespace

TEST_CASE("a tap gives completed reads since it was opened, each once") {
  ReadTap tap;
  uint64_t missed = 0;
  std::vector<Event> events{read(8)};
  tap.add(events);
  CHECK(tap.take(missed).empty());
  Event failed = read(24);
  failed.error = 5;
  Event issue = read(32);
  issue.action = Action::issue;
  Event write = read(40);
  write.direction = Direction::write;
  events = {read(16), failed, issue, write};
  tap.add(events);
  auto taken = tap.take(missed);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].sector == 16);
  CHECK(taken[0].sectors == 8);
  CHECK(taken[0].time == 17);
  CHECK(taken[0].device == 7);
  CHECK(missed == 0);
  CHECK(tap.take(missed).empty());
}

TEST_CASE("what nobody takes is counted, from several threads too") {
  ReadTap tap;
  uint64_t missed = 0;
  tap.take(missed);
  constexpr size_t kEach = 100'000;
  auto fill = [&] {
    std::vector<Event> events(1000, read(0));
    for (size_t i = 0; i < kEach / 1000; ++i) tap.add(events);
  };
  std::thread other(fill);
  fill();
  other.join();
  auto taken = tap.take(missed);
  CHECK(taken.size() + missed == 2 * kEach);
  CHECK(missed > 0);
}

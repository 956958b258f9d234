#include "analyse/analysis.h"

#include <doctest/doctest.h>

using namespace blkscope;

namespace {

Event event(Action action, uint64_t sector, uint32_t sectors, uint64_t time = 1) {
  Event e;
  e.action = action;
  e.direction = Direction::read;
  e.device = 7;
  e.sector = sector;
  e.bytes = sectors << 9;
  e.time = time;
  return e;
}

}  // namespace

TEST_CASE("an I/O that is queued, allocated, issued and completed is counted once") {
  Analysis analysis({}, 7, 0);
  Event life[] = {event(Action::queue, 100, 8), event(Action::getrq, 100, 8), event(Action::issue, 100, 8),
                  event(Action::complete, 100, 8)};
  analysis.consume(life);
  analysis.finish(10);
  CHECK(analysis.reads().count == 1);
  CHECK(analysis.reads().bytes == 4096);
  CHECK(analysis.uniqueReadSectors() == 8);
  CHECK(analysis.events() == 4);
}

TEST_CASE("gaps by class, in device order") {
  Analysis analysis({}, 7, 0);
  Event issues[] = {event(Action::issue, 0, 8),     event(Action::issue, 8, 8),    event(Action::issue, 17, 8),
                    event(Action::issue, 281, 8),   event(Action::issue, 2337, 8), event(Action::issue, 0, 8)};
  analysis.consume(issues);
  Gaps gaps = analysis.deviceGaps();
  CHECK(gaps.sequential() == 1);
  CHECK(gaps.small() == 1);
  CHECK(gaps.medium() == 1);
  CHECK(gaps.large() == 1);
  CHECK(gaps.backward() == 1);
}

TEST_CASE("failed reads are errors, not bytes") {
  Analysis analysis({}, 7, 0);
  Event failed = event(Action::complete, 0, 8);
  failed.error = 5;
  analysis.consume({&failed, 1});
  CHECK(analysis.reads().errors == 1);
  CHECK(analysis.reads().bytes == 0);
}

TEST_CASE("a file's bytes are those within its extents and its end") {
  // 2 extents; the last block reaches 100 bytes beyond the file's end.
  TracedFile file{12 * 512 - 100, {{0, 1000, 8}, {8 * 512, 5000, 4}}};
  Analysis analysis({file}, 7, 0);
  Event reads[] = {event(Action::complete, 996, 8), event(Action::complete, 1000, 8), event(Action::complete, 5000, 8)};
  analysis.consume(reads);
  analysis.finish(10);
  FileReads result = analysis.files()[0];
  CHECK(result.reads == 3);
  CHECK(result.readBytes == 4 * 512 + 8 * 512 + 4 * 512 - 100);
  CHECK(result.uniqueBytes == 12 * 512 - 100);
}

TEST_CASE("the timeline has every bucket, the empty ones too") {
  Analysis analysis({}, 7, 0);
  Event reads[] = {event(Action::complete, 0, 8, 1), event(Action::complete, 8, 8, 3 * Timeline::kBucketNs + 1)};
  analysis.consume(reads);
  analysis.finish(5 * Timeline::kBucketNs);
  const auto& buckets = analysis.timeline().buckets();
  REQUIRE(buckets.size() == 5);
  CHECK(buckets[0].readBytes == 4096);
  CHECK(buckets[1].readOps == 0);
  CHECK(buckets[3].readOps == 1);
}

TEST_CASE("passthrough commands have no place on the disk: they are counted, and in no other figure") {
  Analysis analysis({{4096, {{0, 0, 8}}}}, 7, 0);
  analysis.keepRows();
  Event events[] = {event(Action::issue, 1000, 8, 1), event(Action::complete, 1000, 8, 2), event(Action::issue, 0, 128, 3),
                    event(Action::complete, 0, 128, 4)};
  events[2].flags = events[3].flags = kPassthrough;
  analysis.consume(events);
  analysis.finish(10);
  CHECK(analysis.passthrough() == 1);
  CHECK(analysis.reads().count == 1);
  CHECK(analysis.reads().bytes == 4096);
  CHECK(analysis.uniqueReadSectors() == 8);
  CHECK(analysis.deviceGaps().total() == 0);
  CHECK(analysis.matcher().counts().requests == 1);
  CHECK(analysis.rows().size() == 1);
  CHECK(analysis.files()[0].reads == 0);
  CHECK(analysis.timeline().buckets()[0].readOps == 1);
}

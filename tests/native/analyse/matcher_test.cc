#include "analyse/matcher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <set>
#include <tuple>

using namespace blkscope;

namespace {

Event event(Action action, uint64_t sector, uint32_t sectors, uint64_t time) {
  Event e;
  e.action = action;
  e.direction = Direction::read;
  e.device = 7;
  e.pid = 42;
  e.sector = sector;
  e.bytes = sectors << 9;
  e.time = time;
  return e;
}

struct Fixture {
  Timeline timeline;
  Matcher matcher{timeline};
  DeviceLatency latency;
  DeviceTraits plain{.latency = &latency};
  DeviceTraits disk{.issues = true, .latency = &latency};
  Fixture() { matcher.keepRows(); }
  void feed(const Event& e) {
    if (e.action == Action::issue) matcher.issue(e, plain);
    else if (e.action == Action::complete) matcher.complete(e, plain);
    else matcher.other(e, plain);
  }
  void feed(std::initializer_list<Event> events) {
    for (const Event& e : events) feed(e);
  }
  const Latency& reads() { return latency.reads; }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a request of two bios is one row, and each bio has a time of its own") {
  feed({event(Action::queue, 100, 8, 10), event(Action::getrq, 100, 8, 12), event(Action::queue, 108, 8, 20),
        event(Action::backMerge, 108, 8, 21), event(Action::insert, 100, 16, 30), event(Action::issue, 100, 16, 40),
        event(Action::complete, 100, 16, 100)});
  REQUIRE(matcher.rows().size() == 1);
  IoRow row = matcher.rows()[0];
  CHECK(row.queue == 10);
  CHECK(row.getrq == 12);
  CHECK(row.insert == 30);
  CHECK(row.issue == 40);
  CHECK(row.complete == 100);
  CHECK(row.sectors == 16);
  CHECK(row.merges == 1);
  CHECK(row.pid == 42);
  CHECK(reads()[Stage::q2c].count() == 2);
  CHECK(reads()[Stage::q2c].min() == 80);
  CHECK(reads()[Stage::q2c].max() == 90);
  CHECK(reads()[Stage::d2c].count() == 1);
  CHECK(reads()[Stage::d2c].mean() == 60);
  CHECK(reads()[Stage::q2m].max() == 1);
  CHECK(reads()[Stage::i2d].max() == 10);
  CHECK(matcher.open() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a bio merged at the front makes the request start earlier") {
  feed({event(Action::queue, 108, 8, 10), event(Action::getrq, 108, 8, 11), event(Action::insert, 108, 8, 12),
        event(Action::queue, 100, 8, 20), event(Action::frontMerge, 100, 8, 21), event(Action::issue, 100, 16, 40),
        event(Action::complete, 100, 16, 100)});
  REQUIRE(matcher.rows().size() == 1);
  CHECK(matcher.rows()[0].queue == 10);
  CHECK(matcher.rows()[0].insert == 12);
  CHECK(matcher.rows()[0].sector == 100);
  CHECK(matcher.open() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a split bio is as many requests as it was split into") {
  Event split = event(Action::split, 100, 8, 11);
  split.payload = 108;
  feed({event(Action::queue, 100, 24, 10), split, event(Action::getrq, 100, 8, 12), event(Action::getrq, 108, 16, 13),
        event(Action::issue, 108, 16, 20), event(Action::issue, 100, 8, 21), event(Action::complete, 100, 8, 30),
        event(Action::complete, 108, 16, 40)});
  REQUIRE(matcher.rows().size() == 2);
  CHECK(matcher.rows()[0].getrq == 12);
  CHECK(matcher.rows()[1].getrq == 13);
  CHECK(matcher.rows()[1].queue == 10);
  CHECK(reads()[Stage::q2c].count() == 2);
  CHECK(matcher.open() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a requeued request counts from its last issue") {
  feed({event(Action::queue, 100, 8, 10), event(Action::issue, 100, 8, 20), event(Action::requeue, 100, 8, 30),
        event(Action::issue, 100, 8, 50), event(Action::complete, 100, 8, 60)});
  CHECK(reads()[Stage::d2c].max() == 10);
  CHECK(reads()[Stage::q2d].max() == 40);
  CHECK(matcher.depth().depth() == 0);
  CHECK(matcher.rows().size() == 1);
  CHECK(matcher.counts().requeues == 1);
}

TEST_CASE_FIXTURE(Fixture, "a request is issued again after each requeue, also if its first issue was before the trace") {
  feed(event(Action::requeue, 100, 8, 10));
  CHECK(matcher.issue(event(Action::issue, 100, 8, 20), plain).again);
  feed(event(Action::requeue, 100, 8, 30));
  CHECK(matcher.issue(event(Action::issue, 100, 8, 40), plain).again);
  feed(event(Action::complete, 100, 8, 50));
  CHECK(matcher.rows().size() == 1);
  CHECK(reads()[Stage::d2c].max() == 10);
  CHECK_FALSE(matcher.issue(event(Action::issue, 100, 8, 60), plain).again);
  CHECK(matcher.counts().requeues == 2);
  CHECK(matcher.depth().depth() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a driver that has no room again and again gives a request back once for each of its issues") {
  auto giveBack = [&](uint64_t from) {
    for (uint64_t time = from; time < from + 7; ++time) feed(event(Action::requeue, 100, 8, time));
  };
  SUBCASE("issued before") {}
  SUBCASE("queued, and told to wait before its first issue") {
    feed(event(Action::queue, 100, 8, 1));
    giveBack(2);
  }
  CHECK_FALSE(matcher.issue(event(Action::issue, 100, 8, 10), plain).again);
  giveBack(11);
  CHECK(matcher.issue(event(Action::issue, 100, 8, 20), plain).again);
  giveBack(21);
  CHECK(matcher.issue(event(Action::issue, 100, 8, 30), plain).again);
  feed(event(Action::complete, 100, 8, 40));
  CHECK(matcher.open() == 0);
  CHECK(matcher.rows().size() == 1);
  CHECK(matcher.counts().requeues == 2);
  CHECK(reads()[Stage::d2c].max() == 10);
  CHECK(matcher.depth().depth() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a request that completes in parts is one row, finished with the last part") {
  feed({event(Action::queue, 100, 24, 10), event(Action::issue, 100, 24, 20), event(Action::complete, 100, 8, 30),
        event(Action::complete, 108, 8, 40), event(Action::complete, 116, 8, 50)});
  REQUIRE(matcher.rows().size() == 1);
  CHECK(matcher.rows()[0].sector == 100);
  CHECK(matcher.rows()[0].sectors == 24);
  CHECK(matcher.rows()[0].complete == 50);
  CHECK(reads()[Stage::d2c].count() == 1);
  CHECK(reads()[Stage::d2c].max() == 30);
  CHECK(matcher.open() == 0);
}

TEST_CASE_FIXTURE(Fixture, "without Q the device's time is known; without D, that from queue to completion") {
  feed({event(Action::issue, 100, 8, 20), event(Action::complete, 100, 8, 30), event(Action::queue, 200, 8, 40),
        event(Action::complete, 200, 8, 90)});
  CHECK(reads()[Stage::d2c].count() == 1);
  CHECK(reads()[Stage::q2c].count() == 1);
  CHECK(reads()[Stage::q2c].max() == 50);
  CHECK(reads()[Stage::q2d].count() == 0);
  CHECK(matcher.counts().requests == 2);
}

TEST_CASE_FIXTURE(Fixture, "failed requests have a row, but no part in the distributions") {
  Event failed = event(Action::complete, 100, 8, 30);
  failed.error = 5;
  feed({event(Action::queue, 100, 8, 10), event(Action::issue, 100, 8, 20), failed});
  REQUIRE(matcher.rows().size() == 1);
  CHECK(matcher.rows()[0].error == 5);
  CHECK(reads()[Stage::d2c].count() == 0);
  CHECK(reads()[Stage::q2c].count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "flushes are matched without a sector") {
  auto flush = [](Action action, uint64_t sector, uint64_t time) {
    Event e = event(action, sector, 0, time);
    e.direction = Direction::flush;
    return e;
  };
  feed({flush(Action::queue, 0, 10), flush(Action::issue, UINT64_MAX, 20), flush(Action::complete, UINT64_MAX, 30),
        flush(Action::complete, 0, 31)});
  REQUIRE(matcher.rows().size() == 1);
  CHECK(matcher.rows()[0].queue == 10);
  CHECK(matcher.rows()[0].issue == 20);
  CHECK(matcher.open() == 0);
  CHECK(matcher.depth().depth() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what never completes stays open, and leaves the queue's depth after a minute") {
  feed(event(Action::issue, 100, 8, 1'000'000'000));
  feed(event(Action::issue, 200, 8, 2'000'000'000 + Matcher::kMostAgeNs));
  CHECK(matcher.open() == 2);
  CHECK(matcher.depth().depth() == 1);
  // A disk that hung for so long tells of it after all.
  feed(event(Action::complete, 100, 8, 3'000'000'000 + Matcher::kMostAgeNs));
  CHECK(matcher.counts().unmatched == 0);
  CHECK(matcher.counts().givenUp == 0);
  CHECK(matcher.open() == 1);
  CHECK(matcher.depth().depth() == 1);
  CHECK(reads()[Stage::d2c].max() == 2'000'000'000 + Matcher::kMostAgeNs);
}

TEST_CASE_FIXTURE(Fixture, "a lost completion stays confined to its own request") {
  constexpr uint64_t kSecond = 1'000'000'000;
  feed({event(Action::queue, 100, 8, kSecond), event(Action::issue, 100, 8, kSecond + 10)});
  for (uint64_t i = 1; i <= 300; ++i) {
    uint64_t at = (1 + i) * kSecond;
    feed({event(Action::queue, 100, 8, at), event(Action::issue, 100, 8, at + 10), event(Action::complete, 100, 8, at + 500'010)});
  }
  CHECK(reads()[Stage::d2c].count() == 300);
  CHECK(reads()[Stage::d2c].max() == 500'000);
  CHECK(reads()[Stage::q2c].max() == 500'010);
  CHECK(matcher.counts().givenUp + matcher.open() == 1);
  CHECK(matcher.depth().depth() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a lost completion of a merged request leaves the next one of its sectors alone, at whatever length") {
  for (uint64_t i = 0; i < 5; ++i) {
    uint64_t at = 1000 + 1000 * i;
    feed({event(Action::queue, 100, 8, at), event(Action::getrq, 100, 8, at + 1), event(Action::queue, 108, 8, at + 2),
          event(Action::backMerge, 108, 8, at + 3), event(Action::issue, 100, 16, at + 4)});
    if (i > 0) feed(event(Action::complete, 100, 16, at + 104));
  }
  feed({event(Action::queue, 100, 32, 9000), event(Action::issue, 100, 32, 9004), event(Action::complete, 100, 32, 9104)});
  CHECK(reads()[Stage::d2c].count() == 5);
  CHECK(reads()[Stage::d2c].min() == 100);
  CHECK(reads()[Stage::d2c].max() == 100);
  CHECK(reads()[Stage::q2c].max() == 104);
  CHECK(matcher.rows().size() == 5);
  CHECK(matcher.open() == 2);
}

TEST_CASE_FIXTURE(Fixture, "requests of one sector that are open together keep their mean, and are known by their lengths") {
  feed({event(Action::issue, 100, 8, 10), event(Action::issue, 100, 8, 20), event(Action::issue, 100, 16, 30),
        event(Action::complete, 100, 8, 110), event(Action::complete, 100, 16, 150), event(Action::complete, 100, 8, 140)});
  CHECK(reads()[Stage::d2c].count() == 3);
  CHECK(reads()[Stage::d2c].mean() == (100 + 120 + 120) / 3.0);
  CHECK(reads()[Stage::d2c].max() <= 130);
  CHECK(matcher.open() == 0);
}

TEST_CASE_FIXTURE(Fixture, "pieces of a bio may complete in any order, on a device that tells of no issue") {
  // 2 s apart, so that a piece that was left over would show.
  constexpr uint64_t kStep = 2'000'000'000;
  for (uint64_t i = 0; i < 6; ++i) {
    uint64_t at = kStep * (1 + i);
    feed(event(Action::queue, 0, 32, at));
    std::vector<uint64_t> order{0, 8, 16, 24};
    std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<uint32_t>(i)));
    if (i == 0) order.erase(order.begin() + 1);  // one is lost
    for (uint64_t sector : order) feed(event(Action::complete, sector, 8, at += 1000));
  }
  CHECK(reads()[Stage::q2c].count() == 23);
  CHECK(reads()[Stage::q2c].max() == 4000);
  CHECK(matcher.counts().unmatched == 0);
  CHECK(matcher.open() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a completion that bears an earlier time than its issue is its own") {
  CHECK_FALSE(matcher.complete(event(Action::complete, 100, 8, 50'000), disk).ends);
  Matcher::Issued issued = matcher.issue(event(Action::issue, 100, 8, 50'300), disk);
  CHECK(issued.done);
  CHECK(matcher.counts().requests == 1);
  CHECK(matcher.counts().unmatched == 0);
  CHECK(matcher.open() == 0);
  CHECK(reads()[Stage::d2c].max() == 0);
  // Not of one that is read again, or long after.
  CHECK_FALSE(matcher.issue(event(Action::issue, 100, 8, 50'400), disk).done);
  matcher.complete(event(Action::complete, 300, 8, 60'000), disk);
  CHECK_FALSE(matcher.issue(event(Action::issue, 300, 8, 60'000 + 2 * Matcher::kSkewNs), disk).done);
}

TEST_CASE_FIXTURE(Fixture, "a queued read whose completion bears an earlier time than its issue is put together") {
  matcher.other(event(Action::queue, 100, 8, 40'000), disk);
  CHECK(matcher.complete(event(Action::complete, 100, 8, 50'000), disk).ends);
  Matcher::Issued issued = matcher.issue(event(Action::issue, 100, 8, 50'300), disk);
  CHECK_FALSE(issued.done);  // the completion was counted when it came
  CHECK(matcher.counts().requests == 1);
  CHECK(matcher.counts().unmatched == 0);
  CHECK(matcher.open() == 0);
  CHECK(reads()[Stage::d2c].max() == 0);
  CHECK(reads()[Stage::q2d].max() == 10'300);
  REQUIRE(matcher.rows().size() == 1);
  CHECK(matcher.rows()[0].issue == 50'300);
  CHECK(matcher.depth().depth() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a queued read without an issue ends when that can come no more, or the trace ends") {
  for (uint64_t sector : {100, 200}) {
    matcher.other(event(Action::queue, sector, 8, 40'000), disk);
    CHECK(matcher.complete(event(Action::complete, sector, 8, 50'000), disk).ends);
    CHECK_FALSE(matcher.complete(event(Action::complete, sector, 8, 50'001), disk).ends);  // bcache's second
    CHECK(matcher.counts().requests == sector / 200);
    if (sector == 100) matcher.other(event(Action::queue, 900, 8, 50'000 + Matcher::kSkewNs), disk);
    else matcher.finish(60'000);
    CHECK(matcher.counts().requests == sector / 100);
    CHECK(reads()[Stage::q2c].max() == 10'000);
    CHECK(reads()[Stage::q2d].count() == 0);
    CHECK(matcher.rows().back().complete == 50'000);
    CHECK(matcher.rows().back().issue == kNotSeen);
  }
  CHECK(matcher.counts().unmatched == 2);
  CHECK(matcher.open() == 1);
}

TEST_CASE_FIXTURE(Fixture, "the first completion of a device may bear an earlier time than its first issue") {
  CHECK(matcher.complete(event(Action::complete, 100, 8, 50'000), {.fresh = true, .latency = &latency}).ends);
  CHECK_FALSE(matcher.issue(event(Action::issue, 100, 8, 50'300), disk).done);  // counted when it came
  CHECK(matcher.counts().requests == 1);
  CHECK(matcher.counts().unmatched == 0);
  CHECK(matcher.open() == 0);
  CHECK(matcher.rows().size() == 1);
  // A device that tells of no issue has a row for each.
  matcher.complete(event(Action::complete, 300, 8, 60'000), {.fresh = true, .latency = &latency});
  matcher.complete(event(Action::complete, 300, 8, 70'000), plain);
  matcher.finish(80'000);
  CHECK(matcher.rows().size() == 3);
  CHECK(matcher.counts().unmatched == 2);
}

TEST_CASE_FIXTURE(Fixture, "clocks that differ by more are told, unless the issue completes after all") {
  for (uint64_t sector = 100; sector < 180; sector += 8) {
    matcher.complete(event(Action::complete, sector, 8, 1'000'000 * sector), disk);
    CHECK_FALSE(matcher.issue(event(Action::issue, sector, 8, 1'000'000 * sector + 5 * Matcher::kSkewNs), disk).done);
  }
  CHECK(matcher.clocksApart() == 10);
  feed(event(Action::complete, 100, 8, 1'000'000'000));
  CHECK(matcher.clocksApart() == 9);
  // Also where it was queued: the completion ended that without an issue.
  matcher.other(event(Action::queue, 500, 8, 1'100'000'000), disk);
  CHECK(matcher.complete(event(Action::complete, 500, 8, 1'100'500'000), disk).ends);
  matcher.issue(event(Action::issue, 500, 8, 1'101'000'000), disk);
  CHECK(matcher.clocksApart() == 10);
  CHECK(matcher.counts().requests == 2);
  // Long after, it is just another read of the place.
  matcher.complete(event(Action::complete, 900, 8, 2'000'000'000), disk);
  matcher.issue(event(Action::issue, 900, 8, 2'000'000'000 + Matcher::kToldSkewNs), disk);
  CHECK(matcher.clocksApart() == 10);
}

TEST_CASE_FIXTURE(Fixture, "zone appends complete elsewhere than they were issued") {
  for (uint64_t i = 0; i < 4; ++i) {
    for (Action action : {Action::queue, Action::issue, Action::complete}) {
      Event append = event(action, action == Action::complete ? 524288 + 8 * i : 524288, 8, 1000 + 1000 * i);
      append.time += action == Action::complete ? 97 : 0;
      append.direction = Direction::write;
      append.flags = kZone | kZoneAppend;
      feed(append);
    }
  }
  CHECK(latency.writes[Stage::d2c].count() == 4);
  CHECK(latency.writes[Stage::d2c].max() == 97);
  CHECK(latency.writes[Stage::q2c].count() == 4);
  CHECK(matcher.rows()[3].sector == 524288 + 24);
  CHECK(matcher.open() == 0);
  CHECK(matcher.depth().depth() == 0);
}

TEST_CASE_FIXTURE(Fixture, "time 0 is a time") {
  feed({event(Action::queue, 8, 8, 0), event(Action::getrq, 8, 8, 0), event(Action::issue, 8, 8, 0),
        event(Action::complete, 8, 8, 500'000)});
  CHECK(reads()[Stage::d2c].max() == 500'000);
  CHECK(reads()[Stage::q2c].count() == 1);
  CHECK(matcher.rows()[0].queue == 0);
  CHECK(matcher.rows()[0].insert == kNotSeen);
  CHECK(matcher.depth().nsAtDepth()[1] == 500'000);
}

TEST_CASE_FIXTURE(Fixture, "zone appends without a mark are known by their zone's start") {
  DeviceTraits zoned{.issues = true, .zoneSectors = 8192, .latency = &latency};
  auto write = [](Action action, uint64_t sector, uint64_t time) {
    Event e = event(action, sector, 64, time);
    e.direction = Direction::write;
    return e;
  };
  matcher.issue(write(Action::issue, 16384, 10), zoned);
  matcher.issue(write(Action::issue, 16384, 20), zoned);
  CHECK(matcher.complete(write(Action::complete, 16448, 30), zoned).ends);
  CHECK(matcher.complete(write(Action::complete, 16384, 40), zoned).ends);
  CHECK(!matcher.complete(write(Action::complete, 16512, 50), zoned).ends);
  CHECK(matcher.open() == 0);
  CHECK(latency.writes[Stage::d2c].count() == 2);
}

TEST_CASE_FIXTURE(Fixture, "what carries no data and is no flush is in no queue") {
  for (Direction direction : {Direction::read, Direction::write, Direction::discard}) {
    for (Action action : {Action::queue, Action::issue, Action::complete}) {
      Event e = event(action, 524288, 0, 10);
      e.direction = direction;
      feed(e);
    }
  }
  CHECK(matcher.open() == 0);
  CHECK(matcher.depth().depth() == 0);
  CHECK(matcher.counts().unmatched == 0);
}

TEST_CASE_FIXTURE(Fixture, "a million issues of one sector without a completion take no longer than those of many") {
  for (uint64_t i = 0; i < 1'000'000; ++i) feed(event(Action::issue, 100, 8, 1000 + i));
  feed(event(Action::complete, 100, 8, 1'001'999));
  CHECK(reads()[Stage::d2c].max() == 1000);
  CHECK(matcher.open() == 999'999);
}

namespace {

/// A device as it is, not as it is traced: it knows which bio belongs to which request.
class RandomDevice {
 public:
  explicit RandomDevice(uint32_t seed) : random_(seed) {}

  struct Bio {
    uint64_t sector;
    uint32_t sectors;
    uint64_t queue;
    bool front = false;
  };
  struct Request {
    std::deque<Bio> bios;
    uint64_t getrq = kNotSeen, insert = kNotSeen, issue = kNotSeen;
    uint64_t sector() const { return bios.front().sector; }
    uint64_t end() const { return bios.back().sector + bios.back().sectors; }
    uint32_t sectors() const { return static_cast<uint32_t>(end() - sector()); }
  };

  std::vector<Event> events;
  std::vector<IoRow> rows;
  std::vector<uint64_t> q2c, d2c, q2m;

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_() % 6) {
        case 0:
        case 1: queue(); break;
        case 2: mergeOne(); break;
        case 3: issueOne(); break;
        case 4: completeOne(); break;
        default: if (random_() % 8 == 0) requeueOne(); else completeOne();
      }
    }
    while (!waiting_.empty()) issueOne();
    while (!issued_.empty()) completeOne();
  }

 private:
  void add(Action action, uint64_t sector, uint32_t sectors, uint64_t payload = 0) {
    events.push_back(event(action, sector, sectors, now_));
    events.back().payload = payload;
  }
  uint64_t tick() { return now_ += 1 + random_() % 50; }
  bool taken(uint64_t sector, uint64_t end) const {
    auto overlaps = [&](const Request& r) { return r.sector() < end && sector < r.end(); };
    return std::any_of(waiting_.begin(), waiting_.end(), overlaps) ||
           std::any_of(issued_.begin(), issued_.end(), overlaps);
  }

  // 4096 sectors only: the same ones come again and again.
  void queue() {
    uint64_t sector = 1000 + random_() % 4096;
    uint32_t sectors = 1 + random_() % 32;
    if (taken(sector, sector + sectors)) return;
    uint64_t queued = tick();
    add(Action::queue, sector, sectors);
    while (sectors > 16) {  // the device takes 16 sectors at most: the front is split off
      tick();
      add(Action::split, sector, 16, sector + 16);
      start({sector, 16, queued});
      sector += 16;
      sectors -= 16;
    }
    start({sector, sectors, queued});
  }

  void start(Bio bio) {
    Request request;
    request.getrq = tick();
    add(Action::getrq, bio.sector, bio.sectors);
    request.bios.push_back(bio);
    if (random_() % 2) {
      request.insert = tick();
      add(Action::insert, bio.sector, bio.sectors);
    }
    waiting_.push_back(request);
  }

  void mergeOne() {
    if (waiting_.empty()) return;
    Request& request = waiting_[random_() % waiting_.size()];
    uint32_t sectors = 1 + random_() % 8;
    bool front = random_() % 2;
    uint64_t sector = front ? request.sector() - sectors : request.end();
    if (taken(sector, sector + sectors)) return;
    Bio bio{sector, sectors, tick(), front};
    add(Action::queue, sector, sectors);
    q2m.push_back(tick() - bio.queue);
    add(front ? Action::frontMerge : Action::backMerge, sector, sectors);
    if (front) request.bios.push_front(bio);
    else request.bios.push_back(bio);
  }

  void issueOne() {
    if (waiting_.empty()) return;
    size_t i = random_() % waiting_.size();
    Request request = waiting_[i];
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    request.issue = tick();
    add(Action::issue, request.sector(), request.sectors());
    issued_.push_back(request);
  }

  void requeueOne() {
    if (issued_.empty()) return;
    Request request = issued_.back();
    issued_.pop_back();
    tick();
    add(Action::requeue, request.sector(), request.sectors());
    waiting_.push_back(request);
  }

  void completeOne() {
    if (issued_.empty()) return;
    size_t i = random_() % issued_.size();
    Request request = issued_[i];
    issued_.erase(issued_.begin() + static_cast<ptrdiff_t>(i));
    uint64_t sector = request.sector();
    uint32_t sectors = request.sectors();
    tick();
    add(Action::complete, sector, sectors);
    IoRow row;
    row.sector = sector;
    row.sectors = sectors;
    row.queue = UINT64_MAX;
    row.getrq = request.getrq;
    row.insert = request.insert;
    row.issue = request.issue;
    row.complete = now_;
    row.merges = static_cast<uint32_t>(request.bios.size() - 1);
    for (const Bio& bio : request.bios) {
      row.queue = std::min(row.queue, bio.queue);
      q2c.push_back(now_ - bio.queue);
    }
    d2c.push_back(now_ - request.issue);
    rows.push_back(row);
  }

  std::mt19937 random_;
  uint64_t now_ = 1000;
  std::vector<Request> waiting_, issued_;
};

void checkDistribution(const Histogram& histogram, std::vector<uint64_t> values) {
  REQUIRE(histogram.count() == values.size());
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  CHECK(histogram.min() == values.front());
  CHECK(histogram.max() == values.back());
  for (double q : {0.5, 0.9, 0.99, 0.999}) {
    auto rank = static_cast<size_t>(std::max(1.0, std::ceil(q * static_cast<double>(values.size()))));
    auto exact = static_cast<double>(values[rank - 1]);
    CHECK(std::abs(static_cast<double>(histogram.quantile(q)) - exact) <= exact / 128 + 0.5);
  }
}

auto tied(const IoRow& r) {
  return std::tuple(r.sector, r.sectors, r.queue, r.getrq, r.insert, r.issue, r.complete, r.merges);
}

}  // namespace

TEST_CASE("requests are matched as the device that made them knows them") {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    RandomDevice device(seed);
    device.run(2000);
    Fixture fixture;
    for (const Event& e : device.events) fixture.feed(e);
    const auto& rows = fixture.matcher.rows();
    REQUIRE(rows.size() == device.rows.size());
    for (size_t i = 0; i < rows.size(); ++i) REQUIRE(tied(rows[i]) == tied(device.rows[i]));
    checkDistribution(fixture.reads()[Stage::q2c], device.q2c);
    checkDistribution(fixture.reads()[Stage::d2c], device.d2c);
    checkDistribution(fixture.reads()[Stage::q2m], device.q2m);
    CHECK(fixture.matcher.open() == 0);
    CHECK(fixture.matcher.depth().depth() == 0);
    CHECK(fixture.matcher.counts().unmatched == 0);
  }
}

TEST_CASE("completions that bear an earlier time, by another processor's clock, are still each its own request's") {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    RandomDevice device(seed);
    device.run(2000);
    std::mt19937 random(seed);
    std::vector<Event> events = device.events;
    // Not before it was given back: an end between two issues is the first one's.
    std::set<uint64_t> givenBack;
    for (const Event& e : events) {
      if (e.action == Action::requeue) givenBack.insert(e.sector);
    }
    for (Event& e : events) {
      bool early = e.action == Action::complete && !givenBack.contains(e.sector) && random() % 4 == 0;
      if (early) e.time -= std::min<uint64_t>(e.time, random() % 400);
    }
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
    Fixture fixture;
    size_t ended = 0;
    for (const Event& e : events) {
      if (e.action == Action::issue) ended += fixture.matcher.issue(e, fixture.disk).done;
      else if (e.action == Action::complete) ended += fixture.matcher.complete(e, fixture.disk).ends;
      else fixture.matcher.other(e, fixture.disk);
    }
    fixture.matcher.finish(events.back().time);
    CHECK(ended == device.rows.size());
    CHECK(fixture.matcher.rows().size() == device.rows.size());
    CHECK(fixture.matcher.counts().requests == device.rows.size());
    CHECK(fixture.matcher.counts().unmatched == 0);
    CHECK(fixture.matcher.open() == 0);
    CHECK(fixture.matcher.depth().depth() == 0);
  }
}

TEST_CASE("with events lost, no request is invented and nothing stays for ever") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    RandomDevice device(seed);
    device.run(2000);
    std::mt19937 random(seed);
    Fixture fixture;
    size_t completions = 0;
    for (const Event& e : device.events) {
      if (random() % 10 == 0) continue;
      completions += e.action == Action::complete;
      fixture.feed(e);
    }
    CHECK(fixture.matcher.rows().size() <= completions);
    // What lost its completion is in no queue after a minute, and gone when its place is read once more.
    uint64_t later = device.events.back().time + 2 * Matcher::kMostAgeNs;
    fixture.feed(event(Action::queue, 1, 8, later));
    CHECK(fixture.matcher.depth().depth() == 0);
  }
}

TEST_CASE("a histogram's quantiles stay within 1/128, at any size of value") {
  std::mt19937_64 random(5);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(random() >> (1 + random() % 63));
    histogram.add(values.back());
  }
  checkDistribution(histogram, values);
}

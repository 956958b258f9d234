#include "analyse/analysis.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

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

namespace {

Event on(uint32_t device, Action action, uint64_t sector, uint64_t time) {
  Event e = event(action, sector, 8, time);
  e.device = device;
  return e;
}

/// Five reads of a mapped device (8) that go on to the disk below (7), 1000 sectors further on, in time order.
std::vector<Event> stack(bool remaps) {
  std::vector<Event> all;
  for (uint64_t i = 0; i < 5; ++i) {
    uint64_t at = 1000 * (i + 1);
    uint64_t sector = 100 + 16 * i;
    all.push_back(on(8, Action::queue, sector, at));
    if (remaps) {
      all.push_back(on(7, Action::remap, sector + 1000, at + 1));
      all.back().fromDevice = 8;
    }
    all.push_back(on(7, Action::queue, sector + 1000, at + 2));
    all.push_back(on(7, Action::issue, sector + 1000, at + 3));
    all.push_back(on(7, Action::complete, sector + 1000, at + 103));
    all.push_back(on(8, Action::complete, sector, at + 110));
  }
  return all;
}

}  // namespace

TEST_CASE("of devices that lie on one another each byte is counted once, on the one that does the work") {
  for (bool remaps : {true, false}) {
    // The mapped device holds the file.
    Analysis analysis({{40 * 512, {{0, 100, 80}}}}, 8, 1000);
    if (!remaps) analysis.setLayered({8});
    std::vector<Event> events = stack(remaps);
    analysis.consume(events);
    analysis.finish(10'000);
    CHECK(analysis.reads().count == 5);
    CHECK(analysis.reads().bytes == 5 * 4096);
    CHECK(analysis.uniqueReadSectors() == 40);
    CHECK(analysis.readsOf(8).bytes == 5 * 4096);
    CHECK(analysis.deviceGaps().total() == 4);
    CHECK(analysis.demandGaps().total() == 4);
    CHECK(std::string(analysis.order()) == "issue");
    CHECK(analysis.latency().reads[Stage::q2c].count() == 5);
    CHECK(analysis.latency().reads[Stage::q2c].max() == 101);
    CHECK(analysis.timeline().buckets()[0].readOps == 5);
    CHECK(analysis.files()[0].reads == 5);
    uint64_t read = 0;
    for (const auto& [_, process] : analysis.processes().all()) read += process.reads;
    CHECK(read == 5);
  }
}

TEST_CASE("without issues gaps are in the order of queueing, and without that of completion") {
  for (bool queues : {true, false}) {
    Analysis analysis({{100 * 512, {{0, 0, 100}}}}, 7, 0);
    std::vector<Event> events;
    if (queues) {
      for (uint64_t i = 0; i < 3; ++i) events.push_back(event(Action::queue, 8 * i, 8, 10 + i));
    }
    for (uint64_t i : {2, 0, 1}) events.push_back(event(Action::complete, 8 * i, 8, 20 + events.size()));
    analysis.consume(events);
    analysis.finish(100);
    CHECK(std::string(analysis.order()) == (queues ? "queue" : "completion"));
    CHECK(analysis.deviceGaps().sequential() == (queues ? 2 : 1));
    CHECK(analysis.deviceGaps().backward() == (queues ? 0 : 1));
    CHECK(analysis.fileGaps().backward() == (queues ? 0 : 1));
    CHECK(analysis.processes().all().at(0).gaps().backward() == (queues ? 0 : 1));
  }
}

TEST_CASE("a completion to which no issue belongs is no read, and is marked for those who count later") {
  std::vector<Event> events;
  events.push_back(event(Action::complete, 500, 8, 5));  // in flight when the trace began
  for (uint64_t i = 1; i <= 5; ++i) {
    events.push_back(event(Action::issue, 8 * i, 8, 1000 * i));
    events.push_back(event(Action::complete, 8 * i, 8, 1000 * i + 400));
    events.push_back(event(Action::complete, 8 * i, 8, 1000 * i + 500));
  }
  events.push_back(event(Action::complete, 8, 40, 9000));  // of a whole that was read in pieces
  Analysis analysis({}, 7, 0);
  analysis.keepRows();
  analysis.consume(events);
  analysis.finish(10'000);
  CHECK(analysis.reads().count == 6);
  CHECK(analysis.uniqueReadSectors() == 48);
  CHECK(analysis.matcher().counts().unmatched == 7);
  CHECK(analysis.rows().size() == 6);
  CHECK(std::count_if(events.begin(), events.end(), [](const Event& e) { return e.flags & kSurplus; }) == 6);
  // A part of it: what was in flight at its start counts.
  Analysis part({}, 7, 3400, Marks::taken);
  part.consume(std::span<Event>(events).subspan(8));
  CHECK(part.reads().count == 3);
}

TEST_CASE("a completion that bears an earlier time than its issue is a read, at the issue") {
  std::vector<Event> events{event(Action::issue, 0, 8, 1), event(Action::complete, 0, 8, 100'000),
                            event(Action::complete, 8, 8, 200'000), event(Action::issue, 8, 8, 200'900)};
  for (size_t split = 0; split <= events.size(); ++split) {
    std::vector<Event> own = events;
    Analysis analysis({}, 7, 0);
    analysis.consume(std::span<Event>(own).first(split));
    analysis.consume(std::span<Event>(own).subspan(split));
    CHECK(analysis.reads().count == 2);
    CHECK(analysis.deviceGaps().total() == 1);
    CHECK(analysis.matcher().open() == 0);
    Analysis again({}, 7, 0, Marks::taken);
    again.consume(own);
    CHECK(again.reads().count == 2);
    CHECK(std::count_if(own.begin(), own.end(), [](const Event& e) { return e.ends(); }) == 2);
  }
}

namespace {

/// What a whole trace gives, by the analysis that marks it and by one that takes the marks.
struct Counted {
  uint64_t reads = 0;
  uint64_t sectors = 0;
  uint64_t unique = 0;
  uint64_t unmatched = 0;
  uint64_t open = 0;
  size_t rows = 0;
};

Counted counted(std::vector<Event> events, size_t atOnce = 1000) {
  Analysis analysis({}, 7, 0);
  analysis.keepRows();
  for (size_t from = 0; from < events.size(); from += atOnce) {
    analysis.consume(std::span(events).subspan(from, std::min(atOnce, events.size() - from)));
  }
  analysis.finish(events.back().time + 1);
  Analysis again({}, 7, 0, Marks::taken);
  again.consume(events);
  CHECK(again.reads().count == analysis.reads().count);
  CHECK(again.reads().bytes == analysis.reads().bytes);
  auto ends = [](const Event& e) { return e.ends() && e.bytes > 0 && !e.error; };
  CHECK(std::count_if(events.begin(), events.end(), ends) == static_cast<ptrdiff_t>(analysis.reads().count));
  return {analysis.reads().count,  analysis.reads().bytes >> 9,  analysis.uniqueReadSectors(), analysis.matcher().counts().unmatched,
          analysis.matcher().open(), analysis.rows().size()};
}

/// Reads of a device that tells of Q and C alone, with what is right for them. Each place is read by one I/O at a time,
/// and again and again.
class QueueingDevice {
 public:
  explicit QueueingDevice(uint32_t seed) : random_(seed) {}

  std::vector<Event> events;
  uint64_t reads = 0;
  uint64_t sectors = 0;
  uint64_t surplus = 0;
  uint64_t early = 0;  // in flight when the trace began

  void run() {
    for (uint64_t place = 0; place < 40; ++place) {
      sector_ = 1000 + 64 * place;
      now_ = 1'000'000 + random_() % 1'000'000;
      if (random_() % 4 == 0) {
        ++early;
        read(8, 0);
      }
      for (int i = 0; i < 30; ++i) {
        now_ += 200'000 + random_() % 1'000'000;
        one();
      }
    }
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
  }

 private:
  void one() {
    switch (random_() % 5) {
      case 0: return plain();
      case 1: return skewed();
      case 2: return pieces();
      case 3: return merged();
      default: return givenBack();
    }
  }
  void tell(Action action, uint64_t offset, uint32_t length) {
    now_ += 1 + random_() % 20'000;
    events.push_back(event(action, sector_ + offset, length, now_));
  }
  void read(uint32_t length, uint64_t offset) {
    tell(Action::complete, offset, length);
    ++reads;
    sectors += length;
  }
  void again(uint32_t length, uint64_t offset = 0) {
    for (auto times = random_() % 3; times > 0; --times) {
      tell(Action::complete, offset, length);
      ++surplus;
    }
  }
  void plain() {
    tell(Action::queue, 0, 8);
    read(8, 0);
    again(8);
  }
  /// By another processor's clock the completion comes first.
  void skewed() {
    read(8, 0);
    tell(Action::queue, 0, 8);
    again(8);
  }
  void pieces() {
    std::vector<uint64_t> order{0, 8, 16, 24};
    std::shuffle(order.begin(), order.end(), random_);
    tell(Action::queue, 0, 32);
    bool split = random_() % 2;
    if (split) {
      tell(Action::split, 0, 32);
      events.back().payload = sector_ + 16;
    }
    for (uint64_t offset : order) read(8, offset);
    again(8, order.front());
    again(32);
  }
  void merged() {
    tell(Action::queue, 0, 8);
    tell(Action::queue, 8, 8);
    tell(Action::backMerge, 8, 8);
    read(16, 0);
    again(16);
    again(8, 8);
  }
  void givenBack() {
    tell(Action::queue, 0, 8);
    tell(Action::requeue, 0, 8);
    read(8, 0);
    again(8);
  }

  std::mt19937 random_;
  uint64_t now_ = 0;
  uint64_t sector_ = 0;
};

}  // namespace

TEST_CASE("without issues, a completion of what was completed is surplus, and one of what was in flight is a read") {
  auto times = [](std::initializer_list<Action> actions, uint64_t step) {
    std::vector<Event> events;
    for (uint64_t i = 1; i <= 20; ++i) {
      for (Action action : actions) events.push_back(event(action, 8 * (i % 10), 8, i * step + events.size()));
    }
    return events;
  };
  using enum Action;
  for (uint64_t step : {1'000, 1'000'000}) {
    Counted twice = counted(times({queue, complete, complete}, step));
    CHECK(twice.reads == 20);
    CHECK(twice.unique == 80);
    CHECK(twice.unmatched == 20);
    CHECK(twice.rows == 20);
    CHECK(twice.open == 0);
    CHECK(counted(times({queue, complete, complete, complete}, step)).reads == 20);
    CHECK(counted(times({complete, queue}, step)).reads == 20);  // by another processor's clock
    CHECK(counted(times({complete, queue}, step)).open == 0);
    CHECK(counted(times({complete, queue, complete}, step)).reads == 20);
    CHECK(counted(times({complete}, step)).reads == 20);  // nobody asked for Q
  }
  std::vector<Event> inFlight;
  for (uint64_t i = 0; i < 5; ++i) inFlight.push_back(event(complete, 800 + 8 * i, 8, 10 + i));
  std::vector<Event> queued = times({queue, complete}, 1000);
  inFlight.insert(inFlight.begin() + 2, queued.begin(), queued.end());
  for (size_t i = 0; i < inFlight.size(); ++i) inFlight[i].time = 10 * i;
  CHECK(counted(inFlight).reads == 25);
  CHECK(counted(inFlight).unmatched == 5);
}

TEST_CASE("a bio that device mapper takes pieces off is one read of all its sectors, though its last piece alone is told") {
  std::vector<Event> events;
  auto add = [&](Action action, uint64_t sector, uint32_t sectors, uint64_t time) {
    events.push_back(event(action, sector, sectors, time));
    if (action == Action::split) events.back().payload = sector;
  };
  for (uint64_t i = 1; i <= 10; ++i) {
    uint64_t at = 1'000'000 * i;
    uint64_t sector = 1000 + 512 * (i % 3);
    add(Action::queue, sector, 512, at);
    for (uint32_t taken : {100, 228, 356}) add(Action::split, sector + taken, 512 - taken, at + taken);
    add(Action::queue, sector + 4096, 8, at + 400);  // another one, which is not cut
    add(Action::complete, sector + 4096, 8, at + 450);
    add(Action::complete, sector + 356, 156, at + 500);
    add(Action::complete, sector + 356, 156, at + 600);
  }
  Counted result = counted(events);
  CHECK(result.reads == 20);
  CHECK(result.sectors == 10 * 520);
  CHECK(result.unique == 3 * 520);
  CHECK(result.unmatched == 10);
  CHECK(result.open == 0);
  CHECK(result.rows == 20);
}

TEST_CASE("a completion of which the driver left nothing is that of the bio that ended there") {
  std::vector<Event> events;
  for (uint64_t i = 1; i <= 20; ++i) {
    uint64_t at = 1'000'000 * i;
    uint64_t sector = 16 * (i % 5);
    events.push_back(event(Action::queue, sector, 16, at));
    events.push_back(event(Action::queue, sector + 800, 8, at + 10));
    events.push_back(event(Action::complete, sector + 16, 0, at + 100));
    events.push_back(event(Action::complete, sector + 808, 0, at + 110));
    events.push_back(event(Action::complete, sector + 808, 0, at + 120));  // what ends nothing is nothing
  }
  Counted result = counted(events);
  CHECK(result.reads == 40);
  CHECK(result.sectors == 20 * 24);
  CHECK(result.unique == 5 * 24);
  CHECK(result.open == 0);
  // Where what was queued is not known, nothing is said to have completed.
  Analysis analysis({}, 7, 0);
  Event unknown[] = {event(Action::queue, 0, 8, 10), event(Action::complete, 512, 0, 20)};
  analysis.consume(unknown);
  CHECK(analysis.withoutCompletions(1000).size() == 1);
}

TEST_CASE("without issues, a failed read is one error, however often it completes") {
  std::vector<Event> events;
  for (uint64_t i = 1; i <= 3; ++i) {
    events.push_back(event(Action::queue, 8 * i, 8, 1'000'000 * i));
    for (uint64_t after : {500, 600}) {
      events.push_back(event(Action::complete, 8 * i, 8, 1'000'000 * i + after));
      events.back().error = 5;
    }
  }
  Analysis analysis({}, 7, 0);
  analysis.consume(events);
  CHECK(analysis.reads().errors == 3);
  CHECK(analysis.reads().count == 0);
}

TEST_CASE("reads of a device without issues are counted as the device that made them knows them") {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    QueueingDevice device(seed);
    device.run();
    Counted result = counted(device.events, 1 + seed);
    CHECK(result.reads == device.reads);
    CHECK(result.sectors == device.sectors);
    CHECK(result.unmatched == device.surplus + device.early);
    CHECK(result.rows == device.reads);
    CHECK(result.open == 0);
  }
}

TEST_CASE("sectors that several files own count for each of them") {
  // Two files share 1000 to 1007, as reflinks do; the first is named twice; a long extent lies around all.
  TracedFile one{16 * 512, {{0, 1000, 8}, {8 * 512, 2000, 8}}};
  TracedFile other{16 * 512, {{0, 3000, 8}, {8 * 512, 1000, 8}}};
  TracedFile around{4000 * 512, {{0, 0, 4000}}};
  Analysis analysis({one, other, one, around}, 7, 0);
  std::vector<Event> events;
  uint64_t now = 0;
  for (uint64_t sector : {1000, 2000, 1000, 3000, 1004, 996}) {
    events.push_back(event(Action::issue, sector, 8, ++now));
    events.push_back(event(Action::complete, sector, 8, ++now));
  }
  analysis.consume(events);
  analysis.finish(100);
  auto files = analysis.files();
  CHECK(files[0].reads == 5);
  CHECK(files[0].readBytes == (8 + 8 + 8 + 4 + 4) * 512);
  CHECK(files[0].uniqueBytes == 16 * 512);
  CHECK(files[2].readBytes == files[0].readBytes);
  CHECK(files[2].uniqueBytes == files[0].uniqueBytes);
  CHECK(files[1].reads == 5);
  CHECK(files[1].readBytes == (8 + 8 + 8 + 4 + 4) * 512);
  CHECK(files[1].uniqueBytes == 16 * 512);
  CHECK(files[3].reads == 6);
  CHECK(files[3].readBytes == 6 * 8 * 512);
  CHECK(analysis.fileGaps().total() <= 2 * 6 - 1);
  const FileReads& all = analysis.allFiles();
  CHECK(all.bytes == 4000 * 512);
  CHECK(all.reads == 6);
  CHECK(all.readBytes == 6 * 8 * 512);
  CHECK(all.uniqueBytes == 32 * 512);
}

TEST_CASE("of all files together each byte of the disk counts once, to the end of the longest file that holds it") {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<TracedFile> files(1 + random() % 4);
    std::set<uint64_t> held;  // bytes of the disk
    for (TracedFile& file : files) {
      uint64_t offset = 0;
      for (auto extents = 1 + random() % 4; extents > 0; --extents) {
        uint64_t sectors = 1 + random() % 6;
        file.extents.push_back({offset, random() % 40, sectors});
        offset += (sectors + random() % 2) << 9;
      }
      file.bytes = offset - random() % std::min<uint64_t>(offset, 1500);
      for (const FileExtent& extent : file.extents) {
        for (uint64_t i = 0; i < extent.sectors << 9; ++i) {
          if (extent.fileOffset + i < file.bytes) held.insert((extent.sector << 9) + i);
        }
      }
    }
    uint64_t holes = 0;  // bytes that lie nowhere
    for (const TracedFile& file : files) {
      uint64_t lie = 0;
      for (const FileExtent& extent : file.extents) {
        uint64_t end = std::min(extent.fileOffset + (extent.sectors << 9), file.bytes);
        lie += end > extent.fileOffset ? end - extent.fileOffset : 0;
      }
      holes += file.bytes - lie;
    }
    Analysis analysis(files, 7, 0);
    std::set<uint64_t> read;
    uint64_t readBytes = 0;
    for (uint64_t i = 1; i <= 20; ++i) {
      uint64_t sector = random() % 45;
      auto sectors = static_cast<uint32_t>(1 + random() % 8);
      Event events[] = {event(Action::issue, sector, sectors, 10 * i), event(Action::complete, sector, sectors, 10 * i + 5)};
      analysis.consume(events);
      for (uint64_t byte = sector << 9; byte < (sector + sectors) << 9; ++byte) {
        if (!held.contains(byte)) continue;
        ++readBytes;
        read.insert(byte);
      }
    }
    analysis.finish(1000);
    CHECK(analysis.allFiles().bytes == held.size() + holes);
    CHECK(analysis.allFiles().readBytes == readBytes);
    CHECK(analysis.allFiles().uniqueBytes == read.size());
  }
}

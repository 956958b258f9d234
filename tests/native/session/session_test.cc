#include "session/session.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <thread>

#include "system/blktrace_abi.h"
#include "system/clock.h"

using namespace blkscope;

namespace {

struct Journal {
  std::string path;
  Journal() {
    char name[] = "/tmp/blkscope-session-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Journal() { std::filesystem::remove_all(path); }
};

/// Makes events of the present on several CPUs, up to 500 a millisecond, until `total` were made on each.
/// Drained by a thread a CPU, or by one for all.
class GeneratedSource final : public Source {
 public:
  GeneratedSource(unsigned cpus, uint64_t total, bool threadPerCpu)
      : made_(cpus), total_(total), threadPerCpu_(threadPerCpu) {
    info_.kind = "ftrace";
    info_.cpus = cpus;
    for (unsigned i = 0; i < cpus; ++i) {
      wake_.emplace_back(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
      const itimerspec everyMs{{0, 1'000'000}, {0, 1'000'000}};
      ::timerfd_settime(wake_.back().get(), 0, &everyMs, nullptr);
    }
  }
  Result<void> start() override { return {}; }
  Result<void> stop() override {
    stopped_ = true;
    return {};
  }
  void close() override {}
  size_t streams() const override { return made_.size(); }
  unsigned cpu(size_t stream) const override { return static_cast<unsigned>(stream); }
  int reader(size_t stream) const override { return threadPerCpu_ ? static_cast<int>(stream) : 0; }
  int pollFd(size_t stream) const override { return wake_[stream].get(); }
  Result<bool> drain(size_t stream, EventSink& sink) override {
    std::vector<Event> out;
    uint64_t expirations;
    (void)!::read(wake_[stream].get(), &expirations, sizeof expirations);  // not readable until the next one
    uint64_t& made = made_[stream];
    for (int i = 0; i < 500 && made < total_; ++i, ++made) {
      Event event;
      event.time = monotonicNs();
      if (stopped_) break;  // after the stamp: nothing is stamped after the stop
      event.sector = made / 2 * 8;
      event.bytes = 4096;
      event.device = 1;
      event.cpu = static_cast<uint16_t>(stream);
      event.action = made % 2 ? Action::complete : Action::issue;
      event.direction = Direction::read;
      out.push_back(event);
    }
    sink.events(out);
    return made < total_ && !stopped_;
  }
  uint64_t dropped() override { return 0; }
  uint64_t sequenceGaps() const override { return 0; }
  Notes notes() override { return {}; }

 private:
  std::vector<uint64_t> made_;
  uint64_t total_;
  bool threadPerCpu_;
  std::vector<Fd> wake_;
  std::atomic<bool> stopped_ = false;
};

/// Gives records as relay does, in pieces that end anywhere: reads that are issued and complete, and a note among them.
class RecordSource final : public Source {
 public:
  explicit RecordSource(uint64_t reads) : wake_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    info_.kind = "relay";
    info_.cpus = 1;
    const itimerspec everyMs{{0, 1'000'000}, {0, 1'000'000}};
    ::timerfd_settime(wake_.get(), 0, &everyMs, nullptr);
    for (uint64_t i = 0; i < reads; ++i) {
      put(7 | abi::kIssue << abi::kCategoryShift, i, 0);
      if (i % 100 == 50) put(abi::kNotify << abi::kCategoryShift, i, 16);
      put(8 | abi::kComplete << abi::kCategoryShift, i, 0);
    }
  }
  Result<void> start() override { return {}; }
  Result<void> stop() override { return {}; }
  void close() override {}
  size_t streams() const override { return 1; }
  unsigned cpu(size_t) const override { return 0; }
  int pollFd(size_t) const override { return wake_.get(); }
  Result<bool> drain(size_t, EventSink& sink) override {
    uint64_t expirations;
    (void)!::read(wake_.get(), &expirations, sizeof expirations);
    if (came_ == bytes_.size()) return false;
    came_ = std::min(came_ + 10'007, bytes_.size());
    used_ += sink.records(std::span(bytes_).first(came_).subspan(used_), decoder_, notes_);
    return true;
  }
  uint64_t dropped() override { return 0; }
  uint64_t sequenceGaps() const override { return decoder_.sequenceGaps(); }
  Notes notes() override { return notes_; }

 private:
  void put(uint64_t action, uint64_t read, uint16_t payload) {
    abi::Record2 record{};
    record.magic = abi::kMagic | 8;
    record.sequence = payload ? 0 : ++sequence_;
    record.time = time_ += 1000;
    record.sector = read * 64 % (1 << 30);
    record.bytes = 4096;
    record.pid = 77;
    record.action = action | (abi::kRead | abi::kFs) << abi::kCategoryShift;
    record.device = 1;
    record.pduLength = payload;
    auto* at = reinterpret_cast<const std::byte*>(&record);
    bytes_.insert(bytes_.end(), at, at + sizeof record);
    for (uint16_t i = 0; i < payload; ++i) bytes_.push_back(i < 4 ? std::byte{'x'} : std::byte{0});
  }

  Fd wake_;
  std::vector<std::byte> bytes_;
  size_t came_ = 0;
  size_t used_ = 0;
  uint32_t sequence_ = 0;
  uint64_t time_ = monotonicNs();
  RecordDecoder decoder_;
  Notes notes_;
};

SessionOptions recorded(const Journal& journal, uint64_t reads) {
  SessionOptions options;
  options.source.devices = {"recorded"};
  options.journalDirectory = journal.path;
  options.openSource = [=](Changes&) -> Result<std::unique_ptr<Source>> {
    return std::unique_ptr<Source>(std::make_unique<RecordSource>(reads));
  };
  return options;
}

constexpr unsigned kCpus = 3;

SessionOptions generated(const Journal& journal, uint64_t total, bool threadPerCpu = true) {
  SessionOptions options;
  options.source.devices = {"generated"};
  options.journalDirectory = journal.path;
  options.openSource = [=](Changes&) -> Result<std::unique_ptr<Source>> {
    return std::unique_ptr<Source>(std::make_unique<GeneratedSource>(kCpus, total, threadPerCpu));
  };
  return options;
}

/// Takes all that is there; `pause` between batches makes a slow taker.
uint64_t takeAll(Session& session, std::chrono::milliseconds pause) {
  uint64_t events = 0;
  for (bool ended = false; !ended;) {
    auto batch = session.take(ended);
    if (batch) events += batch->length();
    if (!batch || pause.count()) std::this_thread::sleep_for(pause + std::chrono::microseconds(200));
  }
  return events;
}

void waitForEvents(const Session& session, uint64_t count) {
  while (session.counters().events < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("a session passes every event on, while others look at its counters") {
  for (bool threadPerCpu : {true, false}) {
    Journal journal;
    constexpr uint64_t kTotal = 60'000;
    std::atomic<int> woken = 0;
    Session session(generated(journal, kTotal, threadPerCpu), [&] { ++woken; });
    REQUIRE(session.start());
    std::atomic<bool> done = false;
    std::thread watcher([&] {
      while (!done) {
        (void)session.counters();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    waitForEvents(session, kCpus * kTotal);
    CHECK(session.stop());
    uint64_t taken = takeAll(session, std::chrono::milliseconds(0));
    done = true;
    watcher.join();
    CHECK(taken == kCpus * kTotal);
    CHECK(session.analysis().events() == kCpus * kTotal);
    CHECK(session.analysis().reads().count == kCpus * kTotal / 2);
    CHECK(session.integrity().dropped == 0);
    CHECK(session.integrity().defects.empty());
    CHECK(woken > 0);
  }
}

TEST_CASE("records that go into the spool as they are count as those that were decoded") {
  for (bool watched : {false, true}) {
    Journal journal;
    constexpr uint64_t kReads = 50'000;
    Session session(recorded(journal, kReads), [] {});
    REQUIRE(session.start());
    uint64_t missed = 0;
    uint64_t seen = 0;
    if (watched) seen += session.takeReads(missed).size();
    while (session.counters().events < 2 * kReads) {
      if (watched) seen += session.takeReads(missed).size();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (watched) CHECK(session.takeReads(missed).size() + seen > 0);
    CHECK(session.stop());
    CHECK(session.counters().readBytes == kReads * 4096);
    CHECK(session.counters().writeBytes == 0);
    CHECK(takeAll(session, std::chrono::milliseconds(0)) == 2 * kReads);
    CHECK(session.analysis().reads().count == kReads);
    CHECK(session.integrity().sequenceGaps == 0);
    CHECK(session.notes().processNames.at(77) == "xxxx");
  }
}

TEST_CASE("records that find the spool full are dropped and counted") {
  Journal journal;
  constexpr uint64_t kReads = 100'000;
  SessionOptions options = recorded(journal, kReads);
  options.spool.memoryBytes = Spool::kChunkBytes;
  Session session(std::move(options), [] {});
  REQUIRE(session.start());
  waitForEvents(session, 2 * kReads);
  CHECK(session.stop());
  uint64_t taken = takeAll(session, std::chrono::milliseconds(0));
  CHECK(session.integrity().dropped > 0);
  CHECK(taken + session.integrity().dropped == 2 * kReads);
  CHECK(!session.integrity().losses.losses().empty());
}

TEST_CASE("the analysis rests until batches are asked for") {
  Journal journal;
  std::atomic<int> woken = 0;
  Session session(generated(journal, 20'000), [&] { ++woken; });
  REQUIRE(session.start());
  waitForEvents(session, kCpus * 20'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(250));  // some publications
  CHECK(woken == 0);
  bool ended = false;
  while (!session.take(ended)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK_FALSE(ended);
  // A batch can be taken just before its taker is woken for it.
  for (int i = 0; i < 5000 && woken == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(woken > 0);
}

TEST_CASE("a slow taker fills the spool, and nothing is lost") {
  Journal journal;
  constexpr uint64_t kTotal = 200'000;  // more than the queue's batches hold
  Session session(generated(journal, kTotal), [] {});
  REQUIRE(session.start());
  waitForEvents(session, kCpus * kTotal);  // all captured, none taken
  CHECK(session.stop());
  CHECK(takeAll(session, std::chrono::milliseconds(2)) == kCpus * kTotal);
  CHECK(session.integrity().dropped == 0);
}

TEST_CASE("a full spool drops by count and time, or ends the capture") {
  for (auto onFull : {Capture::OnFull::drop, Capture::OnFull::stop}) {
    Journal journal;
    SessionOptions options = generated(journal, 400'000);
    options.spool.memoryBytes = kCpus * Spool::kChunkBytes;
    options.onFull = onFull;
    Session session(options, [] {});
    REQUIRE(session.start());
    while (session.counters().dropped == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(session.stop());
    uint64_t taken = takeAll(session, std::chrono::milliseconds(0));
    CHECK(taken + session.integrity().dropped == session.counters().events);
    uint64_t lost = 0;
    for (const Loss& loss : session.integrity().losses.losses()) {
      CHECK(loss.by == Loss::By::spool);
      CHECK(loss.fromNs >= session.startedNs());
      CHECK(loss.toNs <= session.stoppedNs());
      lost += loss.count;
    }
    CHECK(lost == session.integrity().dropped);
    bool told = session.integrity().defects.back().code == "STOPPED_WHEN_FULL";
    CHECK(told == (onFull == Capture::OnFull::stop));
  }
}

TEST_CASE("a session closed at any moment ends its threads") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20; ++i) {
    Journal journal;
    Session session(generated(journal, UINT64_MAX), [] {});
    REQUIRE(session.start());
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    if (i % 3 == 0) CHECK(session.stop());
    bool ended = false;
    if (i % 2 == 0) (void)session.take(ended);
    session.close();
  }
}

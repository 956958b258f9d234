#include "session/session.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <thread>

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
  Result<bool> drain(size_t stream, std::vector<Event>& out) override {
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

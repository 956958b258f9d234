// The figures of random loads against models that are as plain as can be.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "analyse/analysis.h"

using namespace blkscope;

namespace {

constexpr uint32_t kDisk = 7;    // tells of D
constexpr uint32_t kMapper = 8;  // has no D
constexpr uint64_t kStart = 1'000'000'000;

struct Io {
  uint32_t device, pid;
  Direction direction;
  uint64_t sector, sectors;
};

/// Random I/Os on two devices by five processes: Q, D (on one of them), C, in any order between I/Os. One issue in four
/// is given back.
class Load {
 public:
  struct Step {
    Action action;
    uint64_t time;
    Io io;
    bool again = false;  // an issue after a requeue
  };
  std::vector<Step> steps;

  explicit Load(uint32_t seed, uint64_t longestPause) : random_(seed), longestPause_(longestPause) {
    for (int i = 0; i < 4000; ++i) {
      if (random_() % 4 == 0) queue();
      else if (!inFlight_.empty()) advance();
    }
    while (!inFlight_.empty()) advance();
  }

  std::vector<Event> events() const {
    std::vector<Event> all;
    for (const Step& step : steps) {
      Event& e = all.emplace_back();
      e.action = step.action;
      e.time = step.time;
      // A completion comes in whichever process's time; so may an issue.
      e.pid = step.action == Action::queue ? step.io.pid : 99;
      e.device = step.io.device;
      e.direction = step.io.direction;
      e.sector = step.io.sector;
      e.bytes = static_cast<uint32_t>(step.io.sectors) << 9;
    }
    return all;
  }

 private:
  struct Open {
    Io io;
    bool issued;
    bool again = false;
  };

  void add(Action action, const Io& io, bool again = false) {
    // What is under way may not rest for a minute: it would be given up.
    time_ += inFlight_.empty() ? 1 + random_() % longestPause_ : 1 + random_() % 1'000'000;
    steps.push_back({action, time_, io, again});
  }

  void queue() {
    Io io{random_() % 4 ? kDisk : kMapper, static_cast<uint32_t>(1 + random_() % 5),
          random_() % 5 ? Direction::read : Direction::write, random_() % 9000, 1 + random_() % 300};
    if (random_() % 2) io.sector = last_;  // goes on where another ended
    auto same = [&](const Open& open) { return open.io.device == io.device && open.io.sector == io.sector; };
    if (std::any_of(inFlight_.begin(), inFlight_.end(), same)) return;
    last_ = io.sector + io.sectors;
    add(Action::queue, io);
    inFlight_.push_back({io, io.device == kMapper});
  }

  void advance() {
    size_t i = random_() % inFlight_.size();
    Open open = inFlight_[i];
    if (open.issued && open.io.device == kDisk && random_() % 4 == 0) {
      add(Action::requeue, open.io);
      inFlight_[i] = {open.io, false, true};
      return;
    }
    add(open.issued ? Action::complete : Action::issue, open.io, open.again && !open.issued);
    if (open.issued) inFlight_.erase(inFlight_.begin() + static_cast<ptrdiff_t>(i));
    else inFlight_[i].issued = true;
  }

  std::mt19937_64 random_;
  uint64_t longestPause_;
  uint64_t time_ = kStart;
  uint64_t last_ = 0;
  std::vector<Open> inFlight_;
};

using Classes = std::array<uint64_t, 5>;

Classes classesOf(const Gaps& g) { return {g.sequential(), g.small(), g.medium(), g.large(), g.backward()}; }

/// Counts the gaps of I/Os in their order.
class PlainGaps {
 public:
  void add(uint64_t from, uint64_t to) {
    if (end_) {
      auto gap = static_cast<int64_t>(from) - static_cast<int64_t>(*end_);
      ++classes[gap < 0 ? 4 : gap == 0 ? 0 : gap <= 255 ? 1 : gap <= 2047 ? 2 : 3];
    }
    end_ = to;
  }
  Classes classes{};

 private:
  std::optional<uint64_t> end_;
};

/// Two files in pieces that lie in another order on the disk than in the files.
std::vector<TracedFile> someFiles() {
  return {{3000 * 512, {{0, 4000, 1000}, {1000 * 512, 1000, 2000}}}, {900 * 512 - 100, {{0, 3000, 500}, {500 * 512, 7000, 400}}}};
}

/// Where each sector of the disk is in the files, one after the other.
std::map<uint64_t, uint64_t> sectorToOffset(const std::vector<TracedFile>& files) {
  std::map<uint64_t, uint64_t> offsets;
  uint64_t before = 0;
  for (const TracedFile& file : files) {
    for (const FileExtent& extent : file.extents) {
      for (uint64_t i = 0; i < extent.sectors; ++i) offsets[extent.sector + i] = before + extent.fileOffset / 512 + i;
    }
    before += (file.bytes + 511) / 512;
  }
  return offsets;
}

std::unique_ptr<Analysis> analysed(const Load& load, std::vector<TracedFile> files = {}) {
  auto analysis = std::make_unique<Analysis>(std::move(files), kDisk, kStart);
  std::vector<Event> events = load.events();
  analysis->consume(events);
  analysis->finish(events.back().time + 1);
  return analysis;
}

}  // namespace

TEST_CASE("gaps in every order are those of a plain count") {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    Load load(seed, 1'000'000);
    auto offsets = sectorToOffset(someFiles());
    std::map<uint32_t, PlainGaps> demand, device, process;
    PlainGaps file;
    for (const Load::Step& step : load.steps) {
      const Io& io = step.io;
      if (io.direction != Direction::read) continue;
      if (step.action == Action::queue) demand[io.device].add(io.sector, io.sector + io.sectors);
      // A device that tells of no issue is taken in the order of queueing.
      if (step.action != (io.device == kDisk ? Action::issue : Action::queue) || step.again) continue;
      device[io.device].add(io.sector, io.sector + io.sectors);
      if (io.device != kDisk) continue;
      process[io.pid].add(io.sector, io.sector + io.sectors);
      // Sector by sector: what goes on in the file is one run.
      std::vector<std::pair<uint64_t, uint64_t>> runs;
      for (uint64_t s = io.sector; s < io.sector + io.sectors; ++s) {
        auto at = offsets.find(s);
        if (at == offsets.end()) continue;
        if (!runs.empty() && runs.back().second == at->second) ++runs.back().second;
        else runs.push_back({at->second, at->second + 1});
      }
      for (auto [from, to] : runs) file.add(from, to);
    }
    auto analysis = analysed(load, someFiles());
    auto sum = [](const std::map<uint32_t, PlainGaps>& all) {
      Classes total{};
      for (const auto& [_, gaps] : all) std::transform(total.begin(), total.end(), gaps.classes.begin(), total.begin(), std::plus());
      return total;
    };
    CHECK(classesOf(analysis->demandGaps()) == sum(demand));
    CHECK(classesOf(analysis->deviceGaps()) == sum(device));
    CHECK(classesOf(analysis->fileGaps()) == file.classes);
    // A request has one place in device order, however often it was issued.
    std::map<uint32_t, uint64_t> completed;
    uint64_t again = 0;
    for (const Load::Step& step : load.steps) {
      again += step.again;
      completed[step.io.device] += step.action == Action::complete && step.io.direction == Direction::read;
    }
    CHECK(again > 0);
    CHECK(analysis->matcher().counts().requeues == again);
    CHECK(analysis->deviceGaps().total() == completed[kDisk] - 1 + completed[kMapper] - 1);
    REQUIRE(analysis->processes().all().size() == process.size());
    for (const auto& [pid, gaps] : process) CHECK(classesOf(analysis->processes().all().at(pid).gaps()) == gaps.classes);
  }
}

TEST_CASE("the timeline and the queue's depth are those of a plain sum, however coarse the buckets become") {
  // Pauses up to: none to speak of; a minute (over an hour in all); ten minutes (over ten hours).
  for (uint64_t pause : {uint64_t{1'000'000}, uint64_t{60'000'000'000}, uint64_t{600'000'000'000}}) {
    for (uint32_t seed = 1; seed <= 4; ++seed) {
      Load load(seed, pause);
      auto analysis = analysed(load);
      const Timeline& timeline = analysis->timeline();
      uint64_t length = timeline.bucketNs();
      std::vector<Timeline::Bucket> buckets((load.steps.back().time - kStart) / length + 1);
      std::map<uint64_t, uint64_t> nsAtDepth;
      uint64_t depth = 0;
      uint64_t since = 0;
      for (const Load::Step& step : load.steps) {
        const Io& io = step.io;
        bool completes = step.action == Action::complete;
        bool leaves = completes || step.action == Action::requeue;
        if (completes) {
          Timeline::Bucket& bucket = buckets[(step.time - kStart) / length];
          (io.direction == Direction::read ? bucket.readOps : bucket.writeOps) += 1;
          (io.direction == Direction::read ? bucket.readBytes : bucket.writeBytes) += io.sectors * 512;
        }
        if (io.device != kDisk || step.action == Action::queue) continue;
        if (since) nsAtDepth[depth] += step.time - since;
        for (uint64_t at = since; depth && at < step.time;) {
          Timeline::Bucket& bucket = buckets[(at - kStart) / length];
          uint64_t end = std::min(step.time, kStart + ((at - kStart) / length + 1) * length);
          bucket.depthNs += depth * (end - at);
          bucket.maxDepth = std::max(bucket.maxDepth, depth);
          at = end;
        }
        depth = leaves ? depth - 1 : depth + 1;
        since = step.time;
      }
      nsAtDepth[0] += load.steps.back().time + 1 - since;
      REQUIRE(timeline.buckets().size() == buckets.size());
      for (size_t i = 0; i < buckets.size(); ++i) {
        const Timeline::Bucket &own = timeline.buckets()[i], &plain = buckets[i];
        REQUIRE(own.readOps == plain.readOps);
        REQUIRE(own.readBytes == plain.readBytes);
        REQUIRE(own.writeOps == plain.writeOps);
        REQUIRE(own.writeBytes == plain.writeBytes);
        REQUIRE(own.depthNs == plain.depthNs);
        REQUIRE(own.maxDepth == plain.maxDepth);
      }
      const auto& own = analysis->matcher().depth().nsAtDepth();
      for (size_t d = 0; d < own.size(); ++d) CHECK(own[d] == nsAtDepth[d]);
      if (seed == 1) CHECK(length == (pause < 1'000'000'000 ? 1 : pause < 100'000'000'000 ? 10 : 100) * Timeline::kBucketNs);
    }
  }
}

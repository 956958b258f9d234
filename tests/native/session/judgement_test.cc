#include "session/judgement.h"

#include <doctest/doctest.h>

#include "../system/simulated_memory.h"

using namespace blkscope;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 5000 * kSecond;

/// So many reads of 128 KiB, 10 ms apart: 25,600 sectors a second. `apart`: sectors from one start to the next.
void read(Analysis& analysis, size_t count, bool complete = true, uint16_t error = 0, uint64_t apart = 256) {
  for (size_t i = 0; i < count; ++i) {
    Event event;
    event.time = kStart + i * 10'000'000;
    event.sector = i * apart;
    event.bytes = 128 << 10;
    event.device = 1;
    event.action = Action::issue;
    event.direction = Direction::read;
    analysis.consume({&event, 1});
    event.time += 1000;
    event.action = Action::complete;
    event.error = error;
    if (complete) analysis.consume({&event, 1});
  }
}

std::vector<std::string> codes(const std::vector<Defect>& defects) {
  std::vector<std::string> all;
  for (const Defect& defect : defects) all.push_back(defect.code);
  return all;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_SUITE("judgement") {
  TEST_CASE("what the disk counted is compared, beyond what its start and end explain") {
    Analysis analysis({}, 0, kStart);
    read(analysis, 1000);  // 256,000 sectors
    auto judge = [&](uint64_t reads, uint64_t writes = 0, uint64_t edgeNs = 0) {
      return codes(judged(analysis, {{"vda", 1, {reads, writes}, edgeNs}}, kStart + 10 * kSecond, 0));
    };
    CHECK(judge(256'000) == Codes{});
    CHECK(judge(256'000 + 4000) == Codes{});
    CHECK(judge(256'000 - 4000) == Codes{});
    CHECK(judge(256'000 + 5000) == Codes{"COUNTED_MORE"});
    CHECK(judge(256'000 - 5000) == Codes{"COUNTED_LESS"});
    CHECK(judge(256'000 + 5000, 0, kSecond) == Codes{});  // the machine was held up at the start
    CHECK(judge(256'000, 3000) == Codes{"COUNTED_MORE"});
    CHECK(judge(0) == Codes{});  // a device without counters
    CHECK(codes(judged(analysis, {}, kStart, 0)) == Codes{});
  }

  TEST_CASE("reads that the trace shows nothing of are missed, however few") {
    Analysis analysis({}, 0, kStart);
    CHECK(codes(judged(analysis, {{"vda", 1, {12'800, 0}, 0}}, kStart + kSecond, 0)) == Codes{"COUNTED_MORE"});
  }

  TEST_CASE("failed reads are counted by the disk alone") {
    Analysis analysis({}, 0, kStart);
    read(analysis, 100, true, 5);
    CHECK(codes(judged(analysis, {{"vda", 1, {25'600, 0}, 0}}, kStart + kSecond, 0)) == Codes{});
  }

  TEST_CASE("requests of which none completed are a loss, unless the trace has just begun") {
    Analysis analysis({}, 0, kStart);
    read(analysis, 5, false);
    CHECK(codes(judged(analysis, {}, kStart + 2 * kSecond, 0)) == Codes{"NO_COMPLETIONS"});
    CHECK(codes(judged(analysis, {}, kStart + kSecond / 2, 0)) == Codes{});
  }

  TEST_CASE("clocks are told to differ by completions before their issues, unless events were lost") {
    Analysis analysis({}, 0, kStart);
    read(analysis, 3);  // the device tells of issues
    Event event;
    event.time = kStart + kSecond;
    event.sector = 5000;
    event.bytes = 4096;
    event.device = 1;
    event.direction = Direction::read;
    event.action = Action::complete;
    analysis.consume({&event, 1});
    event.time += 1'000'000;
    event.action = Action::issue;
    analysis.consume({&event, 1});
    CHECK(codes(judged(analysis, {}, kStart + kSecond, 0)) == Codes{"CLOCKS_APART"});
    CHECK(codes(judged(analysis, {}, kStart + kSecond, 1)) == Codes{});
  }

  TEST_CASE("without memory for the set of sectors figures are lower bounds, and it is told" * doctest::skip(!kSimulates)) {
    Analysis analysis({}, 0, kStart);
    RefusedMemory refused;
    read(analysis, 10'000, true, 0, 5000);  // one long run would need no memory
    CHECK(codes(judged(analysis, {}, kStart, 0)) == Codes{"SECTOR_SET_FULL"});
    CHECK(analysis.uniqueReadSectors() < 10'000 * 256);
  }
}

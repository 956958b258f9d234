#include "touches/page_account.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "touches/cache_event.h"
#include "touches/trace_point.h"

using namespace blkscope;

namespace {

constexpr uint64_t kPage = 4096;

CacheEvent added(uint64_t time, uint64_t page, uint64_t pages, uint8_t order = 0) {
  return {CacheEventKind::added, time, 0, page, pages, order};
}
CacheEvent asked(uint64_t time, uint64_t page, uint64_t pages = 1) { return {CacheEventKind::asked, time, 0, page, pages}; }
CacheEvent mapped(uint64_t time, uint64_t page, uint64_t pages) {
  return {CacheEventKind::mapped, time, 0, page, pages, 0, 7};
}
CacheEvent faulted(uint64_t time, uint64_t page) { return {CacheEventKind::faulted, time, 0, page, 1, 0, 7}; }

ReadFates accountOf(std::vector<CacheEvent> events, std::vector<AccountedRegion> regions, std::vector<bool> cached = {},
                    bool wholeFolios = false) {
  PageAccount account({{100 * kPage, std::move(cached)}}, regions, {}, kPage, wholeFolios);
  for (const CacheEvent& event : events) account.take(event);
  ReadFates sum;
  for (const ReadFates& each : account.finish()) {
    sum.used += each.used / kPage;
    sum.usedLater += each.usedLater / kPage;
    sum.neverUsed += each.neverUsed / kPage;
    sum.stillCached += each.stillCached / kPage;
    sum.usedAgain += each.usedAgain / kPage;
    sum.unseen += each.unseen / kPage;
  }
  return sum;
}

const std::vector<AccountedRegion> kFile = {{0, 0, 100 * kPage, false}};
const std::vector<AccountedRegion> kTensors = {{0, 0, 20 * kPage, true}, {0, 20 * kPage, 80 * kPage, true}};

}  // namespace

TEST_CASE("each read of a page has one fate") {
  std::vector<bool> cached(100);
  cached[3] = true;
  ReadFates fates = accountOf({added(1, 0, 4), asked(2, 0), added(3, 0, 2), asked(4, 0, 2), added(5, 2, 1)}, kFile, cached);
  CHECK(fates.used == 3);         // page 0 twice, page 1 the second time
  CHECK(fates.usedAgain == 1);    // page 0
  CHECK(fates.usedLater == 1);    // page 1 the first time
  CHECK(fates.neverUsed == 2);    // page 2, twice
  CHECK(fates.stillCached == 1);  // page 3
}

TEST_CASE("what a fault maps beside its page is used where its region is used whole, and else not known") {
  std::vector<CacheEvent> events = {added(1, 0, 32), mapped(2, 16, 16), faulted(3, 22)};
  ReadFates whole = accountOf(events, kTensors);
  CHECK(whole.used == 12);  // pages 20 to 31: 16 to 19 are another region's
  CHECK(whole.neverUsed == 20);
  CHECK(whole.unseen == 4);
  ReadFates rows = accountOf(events, kFile);
  CHECK(rows.used == 1);
  CHECK(rows.unseen == 15);
}

TEST_CASE("pages that a neighbour's fault has mapped are used with their own region") {
  ReadFates fates = accountOf({added(1, 0, 32), mapped(2, 16, 16), faulted(3, 22), mapped(4, 0, 16), faulted(5, 3)}, kTensors);
  CHECK(fates.used == 32);
  CHECK(fates.unseen == 0);
}

TEST_CASE("what was mapped before all pages were unmapped hides nothing that comes after") {
  std::vector<CacheEvent> events = {added(1, 0, 32), mapped(2, 0, 32), mapped(10, 0, 16), faulted(11, 5)};
  CHECK(accountOf(events, kFile).unseen == 31);
  PageAccount account({{100 * kPage}}, kFile, {}, kPage, false);
  account.unmappedAt(9);
  for (const CacheEvent& event : events) account.take(event);
  CHECK(account.finish()[0].unseen == 15 * kPage);
}

TEST_CASE("a fault maps its folio where the kernel does so") {
  std::vector<CacheEvent> events = {added(1, 32, 32, 4), mapped(2, 32, 1), faulted(3, 32)};
  CHECK(accountOf(events, kTensors).used == 1);
  CHECK(accountOf(events, kTensors, {}, true).used == 16);
}

TEST_CASE("what was read in a slot of time is told in it, however late its fate is known") {
  std::vector<uint64_t> slots = {0, 10};
  PageAccount account({{10 * kPage}}, std::vector<AccountedRegion>{{0, 0, 5 * kPage, true}, {0, 5 * kPage, 5 * kPage, true}}, slots,
                      kPage, false);
  for (const CacheEvent& event : {added(1, 6, 1), added(12, 6, 1), asked(13, 6)}) account.take(event);
  std::vector<ReadFates> fates = account.finish();
  REQUIRE(fates.size() == 4);
  CHECK(fates[1].usedLater == kPage);
  CHECK(fates[3].used == kPage);
}

TEST_CASE("random reads and uses have the fates that a plain history of each page tells") {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 rng(seed);
    std::vector<CacheEvent> events;
    std::map<uint64_t, std::vector<bool>> history;  // by page: of each read, whether it was used
    for (uint64_t time = 1; time < 600; ++time) {
      uint64_t page = rng() % 90;
      uint64_t pages = 1 + rng() % 8;
      if (rng() % 2 == 0) {
        events.push_back(added(time, page, pages));
        for (uint64_t at = page; at < page + pages; ++at) history[at].push_back(false);
      } else {
        events.push_back(asked(time, page, pages));
        for (uint64_t at = page; at < page + pages; ++at)
          if (!history[at].empty()) history[at].back() = true;
      }
    }
    std::vector<bool> cached(100);
    for (size_t at = 0; at < 100; ++at) cached[at] = rng() % 2 == 0;
    ReadFates right;
    for (const auto& [page, uses] : history) {
      for (size_t i = 0; i < uses.size(); ++i) {
        bool later = std::find(uses.begin() + static_cast<ptrdiff_t>(i), uses.end(), true) != uses.end();
        bool earlier = std::find(uses.begin(), uses.begin() + static_cast<ptrdiff_t>(i), true) != uses.begin() + static_cast<ptrdiff_t>(i);
        right.used += uses[i];
        right.usedAgain += uses[i] && earlier;
        if (uses[i]) continue;
        if (later) ++right.usedLater;
        else if (i + 1 == uses.size() && cached[page]) ++right.stillCached;
        else ++right.neverUsed;
      }
    }
    CacheLog log;
    for (const CacheEvent& event : events) log.append(event);
    std::vector<CacheEvent> kept;
    log.each([&](const CacheEvent& event) { kept.push_back(event); });
    for (const auto& each : {events, kept}) {
      ReadFates fates = accountOf(each, kFile, cached);
      CHECK(fates.used == right.used);
      CHECK(fates.usedAgain == right.usedAgain);
      CHECK(fates.usedLater == right.usedLater);
      CHECK(fates.neverUsed == right.neverUsed);
      CHECK(fates.stillCached == right.stillCached);
    }
  }
}

TEST_CASE("a log gives back what it was given, pages that come in a row as one event") {
  CacheLog log;
  std::vector<CacheEvent> events = {{CacheEventKind::added, 1'000'000, 2, 1'000'000, 16, 4},
                                    {CacheEventKind::mapped, 1'000'500, 2, 999'990, 16, 0, 4'000'000},
                                    {CacheEventKind::faulted, 1'000'700, 0, 3, 1, 0, 12},
                                    {CacheEventKind::asked, 9'000'000'000, 1, 0, 70'000}};
  for (const CacheEvent& event : events) log.append(event);
  log.append({CacheEventKind::added, 9'000'000'001, 0, 5, 1});
  log.append({CacheEventKind::added, 9'000'000'900, 0, 6, 1});
  events.push_back({CacheEventKind::added, 9'000'000'001, 0, 5, 2});
  size_t at = 0;
  log.each([&](const CacheEvent& event) {
    REQUIRE(at < events.size());
    const CacheEvent& right = events[at++];
    CHECK(event.kind == right.kind);
    CHECK(event.time == right.time);
    CHECK(event.file == right.file);
    CHECK(event.page == right.page);
    CHECK(event.pages == right.pages);
    CHECK(event.order == right.order);
    CHECK(event.thread == right.thread);
  });
  CHECK(at == events.size());
}

TEST_CASE("fields of a tracepoint are where its format says") {
  TracePoint point = TracePoint::parse(
      "name: mm_filemap_fault\nID: 597\nformat:\n"
      "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
      "\tfield:unsigned long i_ino;\toffset:8;\tsize:8;\tsigned:0;\n"
      "\tfield:struct file * file;\toffset:16;\tsize:8;\tsigned:0;\n"
      "\tfield:dev_t s_dev;\toffset:24;\tsize:4;\tsigned:0;\n");
  CHECK(point.id() == 597);
  CHECK(point.has("file"));
  CHECK_FALSE(point.has("order"));
  std::vector<std::byte> fields(28);
  fields[9] = std::byte{2};
  fields[24] = std::byte{7};
  CHECK(point.field("i_ino").of(fields) == 512);
  CHECK(point.field("s_dev").of(fields) == 7);
  CHECK(point.field("order").of(fields) == 0);
}

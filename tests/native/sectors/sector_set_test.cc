#include "sectors/sector_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

using blkscope::SectorRange;
using blkscope::SectorSet;

namespace {

/// The plainest thing that could be right: a byte a sector.
class Plain {
 public:
  explicit Plain(uint64_t span) : in_(span) {}
  void insert(uint64_t start, uint64_t count) {
    for (uint64_t s = start; s < start + count; ++s) {
      size_ += !in_[s];
      in_[s] = 1;
    }
  }
  uint64_t size() const { return size_; }
  bool operator[](uint64_t sector) const { return in_[sector]; }
  uint64_t intersect(uint64_t start, uint64_t count) const {
    return static_cast<uint64_t>(std::count(in_.begin() + start, in_.begin() + start + count, 1));
  }
  std::vector<SectorRange> intervals() const {
    std::vector<SectorRange> intervals;
    for (uint64_t s = 0; s < in_.size(); ++s) {
      if (!in_[s]) continue;
      uint64_t start = s;
      while (s < in_.size() && in_[s]) ++s;
      intervals.push_back({start, s - start});
    }
    return intervals;
  }

 private:
  std::vector<uint8_t> in_;
  uint64_t size_ = 0;
};

/// Disjoint intervals in a map, for spans too large for Plain.
class Intervals {
 public:
  void insert(uint64_t start, uint64_t count) {
    uint64_t end = start + count < start ? UINT64_MAX : start + count;
    if (start >= end) return;
    auto next = ends_.lower_bound(start);  // the first that ends at the start or later
    while (next != ends_.end() && next->second <= end) {
      start = std::min(start, next->second);
      end = std::max(end, next->first);
      next = ends_.erase(next);
    }
    ends_[end] = start;
  }
  std::vector<SectorRange> intervals() const {
    std::vector<SectorRange> intervals;
    for (auto [end, start] : ends_) intervals.push_back({start, end - start});
    return intervals;
  }

 private:
  std::map<uint64_t, uint64_t> ends_;  // end -> start
};

uint64_t total(const std::vector<SectorRange>& ranges) {
  uint64_t sum = 0;
  for (SectorRange range : ranges) sum += range.count;
  return sum;
}

/// More than a chunk keeps as a list, so that what follows goes to cells.
void scatter(SectorSet& set, uint64_t chunkStart) {
  for (uint64_t i = 0; i < 100; ++i) set.insert(chunkStart + 4096 * (200 + i), 8);
}

}  // namespace

TEST_CASE("the ground truth: these five reads cover 36 sectors") {
  SectorSet set;
  for (auto [start, count] : {SectorRange{1000, 8}, {1000, 8}, {1004, 8}, {2000, 16}, {3000, 8}}) {
    set.insert(start, count);
  }
  CHECK(set.size() == 36);
  CHECK(set.intersect(1000, 12) == 12);
  CHECK(set.intersect(0, 2000) == 12);
  CHECK(set.contains(1011));
  CHECK_FALSE(set.contains(1012));
  CHECK(set.intervals() == std::vector<SectorRange>{{1000, 12}, {2000, 16}, {3000, 8}});
}

TEST_CASE("an empty set, and ranges of no sectors") {
  SectorSet set;
  set.insert(0, 0);
  set.insert(77, 0);
  set.insert(UINT64_MAX, 0);
  CHECK(set.size() == 0);
  CHECK(set.intervals().empty());
  CHECK(set.intersect(0, UINT64_MAX) == 0);
  CHECK_FALSE(set.contains(0));
  set.insert(0, 1);
  CHECK(set.size() == 1);
  CHECK(set.contains(0));
}

TEST_CASE("ranges past the end of the space are cut there") {
  SectorSet set;
  set.insert(UINT64_MAX - 4, 100);
  CHECK(set.intervals() == std::vector<SectorRange>{{UINT64_MAX - 4, 4}});
  set.insert(UINT64_MAX, 5);
  set.insert(UINT64_MAX - 1, 1);
  CHECK(set.size() == 4);
  CHECK(set.intersect(UINT64_MAX - 2, UINT64_MAX) == 2);
  CHECK(set.intersect(5, UINT64_MAX) == 4);
}

TEST_CASE("a range of any size costs a few nodes") {
  SectorSet set;
  constexpr uint64_t kTenTiB = uint64_t{10} << 31;
  set.insert(12345, kTenTiB);
  CHECK(set.size() == kTenTiB);
  CHECK(set.memoryBytes() < 64 << 10);
  set.insert(0, uint64_t{1} << 63);
  set.insert(12345, kTenTiB);
  CHECK(set.size() == uint64_t{1} << 63);
  set.insert(0, UINT64_MAX);
  CHECK(set.size() == UINT64_MAX);
  CHECK(set.intervals() == std::vector<SectorRange>{{0, UINT64_MAX}});
  CHECK(set.memoryBytes() < 128 << 10);
}

TEST_CASE("a million mixed ranges give what a byte a sector gives") {
  constexpr uint64_t kSpan = 3 << 20;  // into a second chunk
  std::mt19937_64 random(7);
  SectorSet set;
  Plain plain(kSpan);
  uint64_t last = 0;
  std::vector<SectorRange> block;  // inserted in another order than made
  auto insert = [&](uint64_t start, uint64_t count) {
    start %= kSpan;
    count = std::min(count, kSpan - start);
    block.push_back({start, count});
    last = start + count;
    if (block.size() < 32) return;
    if (random() % 2) std::shuffle(block.begin(), block.end(), random);
    for (SectorRange range : block) {
      set.insert(range.start, range.count);
      plain.insert(range.start, range.count);
    }
    block.clear();
  };
  for (int i = 0; i < 1'000'000; ++i) {
    // Sparse at first, so that every form a cell takes is filled before it is outgrown.
    uint64_t start = i < 20'000 ? random() % kSpan : random() % (kSpan / 4) * (random() % 4);
    switch (random() % 16) {
      case 0:
        insert(last, random() % 600);  // where the last one ended
        break;
      case 1:
        insert(start, random() % 700);
        break;
      case 2:
        insert(start, random() % 500 == 0 ? random() % 300'000 : random() % 40);
        break;
      case 3:
      case 4:
        insert(start, random() % 24);
        break;
      default:
        insert(start & ~uint64_t{7}, 8 * (random() % 5));
    }
    if (i % 50'000 == 0) REQUIRE(set.size() == plain.size());
    if (i % 5'000 == 0) {
      uint64_t from = random() % kSpan;
      uint64_t count = std::min(random() % 50'000, kSpan - from);
      REQUIRE(set.intersect(from, count) == plain.intersect(from, count));
      REQUIRE(set.contains(from) == plain[from]);
    }
    if (i % 100'000 == 0 || i == 20'000) REQUIRE(set.intervals() == plain.intervals());
  }
  for (SectorRange range : block) {
    set.insert(range.start, range.count);
    plain.insert(range.start, range.count);
  }
  CHECK(set.size() == plain.size());
  CHECK(set.intervals() == plain.intervals());
}

TEST_CASE("a cell is exact at every step from empty to full") {
  constexpr uint64_t kCell = 4096;
  for (uint64_t unit : {1, 8}) {
    for (uint64_t longest : {1, 2, 8, 16, 17, 40, 400}) {
      CAPTURE(unit);
      CAPTURE(longest);
      std::mt19937_64 random(unit * 1000 + longest);
      SectorSet set;
      scatter(set, 0);
      uint64_t others = set.size();
      Plain plain(3 * kCell);
      for (int i = 0; plain.size() < 3 * kCell; ++i) {
        uint64_t count = unit * (1 + random() % longest);
        uint64_t start = random() % (3 * kCell) / unit * unit;
        // The rest in order, or the last gaps would take long to hit.
        if (i > 4000) start = unit * (i - 4000);
        start %= 3 * kCell;
        count = std::min(count, 3 * kCell - start);
        set.insert(start, count);
        plain.insert(start, count);
        if (i == 0 || i % 7 == 0) REQUIRE(set.size() == others + plain.size());
        if (i % 61 == 0) {
          uint64_t from = random() % (3 * kCell);
          REQUIRE(set.intersect(from, 3 * kCell - from) == plain.intersect(from, 3 * kCell - from));
        }
        if (i % 301 == 0) {
          auto expected = plain.intervals();
          std::vector<SectorRange> got;
          set.forEach({0, 3 * kCell}, [&](SectorRange range) { got.push_back(range); });
          REQUIRE(got == expected);
        }
      }
      CHECK(set.size() == others + 3 * kCell);
    }
  }
}

TEST_CASE("a cell of blocks takes an odd range at every density") {
  for (int blocks = 0; blocks < 500; blocks += 3) {
    std::mt19937_64 random(static_cast<uint64_t>(blocks));
    SectorSet set;
    scatter(set, 0);
    uint64_t others = set.size();
    Plain plain(4096);
    auto insert = [&](uint64_t start, uint64_t count) {
      set.insert(start, count);
      plain.insert(start, count);
    };
    for (int i = 0; i < blocks; ++i) insert(random() % 512 * 8, 8);
    REQUIRE(set.size() == others + plain.size());
    insert(random() % 4000 | 1, 1 + random() % 90);
    insert(4095, 1);
    REQUIRE(set.size() == others + plain.size());
    REQUIRE(set.intersect(0, 4096) == plain.size());
  }
}

TEST_CASE("the whole 64-bit space agrees with a map of intervals") {
  std::mt19937_64 random(3);
  SectorSet set;
  Intervals intervals;
  for (int i = 0; i < 60'000; ++i) {
    uint64_t start = random() >> random() % 64;
    uint64_t count = random() % 4 == 0 ? random() >> (20 + random() % 44) : random() % 32;
    set.insert(start, count);
    intervals.insert(start, count);
    if (i % 10'000 == 0) REQUIRE(set.intervals() == intervals.intervals());
  }
  auto expected = intervals.intervals();
  CHECK(set.intervals() == expected);
  CHECK(set.size() == total(expected));
  // Again, in order, as one batch: nothing may change.
  set.insert(expected);
  CHECK(set.intervals() == expected);
}

TEST_CASE("reads out of order and from several streams become their union") {
  std::mt19937_64 random(5);
  for (uint64_t length : {5, 8, 256, 2048}) {
    std::vector<SectorRange> reads;
    for (uint64_t i = 0; i < 4000; ++i) {
      for (uint64_t stream : {0, 1, 2}) reads.push_back({(stream << 33) + 2048 + i * length, length});
    }
    for (size_t i = 0; i + 32 <= reads.size(); i += 32) {
      std::shuffle(reads.begin() + i, reads.begin() + i + 32, random);
    }
    SectorSet set;
    set.insert(reads);
    CHECK(set.size() == 3 * 4000 * length);
    CHECK(set.intervals().size() == 3);
    CHECK(set.memoryBytes() < 128 << 10);
  }
}

TEST_CASE("what is read again and again is left alone, and what lies beside it is not lost") {
  std::mt19937_64 random(23);
  constexpr uint64_t kSpan = uint64_t{3} << 21;  // three chunks
  for (bool inCells : {false, true}) {
    SectorSet set;
    Intervals plain;
    auto insert = [&](uint64_t start, uint64_t count) {
      set.insert(start, count);
      plain.insert(start, count);
    };
    for (uint64_t i = 0; inCells && i < 300; ++i) insert(random() % kSpan, 8);
    for (int pass = 0; pass < 8; ++pass) {
      // Ascending as a model is read, most of it many times; a part of every hole is read now and then.
      for (uint64_t at = 0; at < kSpan;) {
        uint64_t count = random() % 4 == 0 ? random() % 20'000 : random() % 64;
        bool hole = at % (kSpan / 7) < 30'000;
        if (!hole || random() % 64 == 0) insert(at, count);
        at += count + random() % 3 * 8;
      }
      REQUIRE(set.intervals() == plain.intervals());
      REQUIRE(set.size() == total(plain.intervals()));
    }
  }
}

TEST_CASE("beside what is known to be there, one sector more is one more") {
  for (uint64_t length : {uint64_t{100}, uint64_t{4096}, uint64_t{1} << 21}) {  // in a list, a cell, a chunk
    for (bool inCells : {false, true}) {
      SectorSet set;
      uint64_t start = uint64_t{1} << 22;
      if (inCells) scatter(set, start - (uint64_t{1} << 21));
      set.insert(start, length);
      set.insert(0, 1);
      uint64_t size = set.size();
      for (int again = 0; again < 3; ++again) {
        set.insert(start + 7, 8);
        set.insert(0, 1);
        CHECK(set.size() == size);
      }
      set.insert(start + length - 1, 2);
      set.insert(start - 1, 2);
      CHECK(set.size() == size + 2);
    }
  }
}

TEST_CASE("union and difference agree with sector by sector") {
  constexpr uint64_t kSpan = 1 << 18;
  std::mt19937_64 random(11);
  for (int reads : {0, 10, 3000, 60'000}) {
    SectorSet a, b;
    Plain inA(kSpan), inB(kSpan), either(kSpan), onlyA(kSpan);
    for (int i = 0; i < reads; ++i) {
      uint64_t start = random() % (kSpan - 400);
      uint64_t count = random() % 50 == 0 ? random() % 400 : random() % 12;
      bool first = random() % 2;
      (first ? a : b).insert(start, count);
      (first ? inA : inB).insert(start, count);
    }
    for (uint64_t s = 0; s < kSpan; ++s) {
      if (inA[s] || inB[s]) either.insert(s, 1);
      if (inA[s] && !inB[s]) onlyA.insert(s, 1);
    }
    CHECK(a.unionWith(b).intervals() == either.intervals());
    CHECK(a.difference(b).intervals() == onlyA.intervals());
    CHECK(a.difference(a).size() == 0);
    CHECK(a.difference(SectorSet()).intervals() == a.intervals());
    CHECK(SectorSet().unionWith(a).size() == a.size());
  }
}

TEST_CASE("sets far apart are joined and taken from one another") {
  SectorSet low, high;
  low.insert(100, 50);
  high.insert((uint64_t{1} << 60) + 1, 9);
  high.insert(120, 10);
  CHECK(low.unionWith(high).size() == 59);
  CHECK(low.difference(high).intervals() == std::vector<SectorRange>{{100, 20}, {130, 20}});
  CHECK(high.difference(low).intervals() == std::vector<SectorRange>{{(uint64_t{1} << 60) + 1, 9}});
}

TEST_CASE("clear empties a set, and moving takes it along") {
  SectorSet set;
  for (uint64_t i = 0; i < 10'000; ++i) set.insert(i * 1000, 3);
  SectorSet moved = std::move(set);
  CHECK(moved.size() == 30'000);
  set = SectorSet();
  CHECK(set.size() == 0);
  moved.clear();
  CHECK(moved.size() == 0);
  CHECK(moved.memoryBytes() < 8192);
  moved.insert(7, 7);
  CHECK(moved.intervals() == std::vector<SectorRange>{{7, 7}});
}

TEST_CASE("memory follows what there is to tell") {
  std::mt19937_64 random(13);
  SectorSet blocks, odd, sparse;
  constexpr uint64_t kSpan = uint64_t{2} << 21;
  for (int i = 0; i < 400'000; ++i) {
    blocks.insert(random() % (kSpan - 8) & ~uint64_t{7}, 8);
    odd.insert(random() % (kSpan - 8), 8);
  }
  for (int i = 0; i < 10'000; ++i) sparse.insert(random() % (uint64_t{1} << 32), 8);
  CHECK(blocks.memoryBytes() < kSpan / 8 / 8 * 3 / 2);  // a bit a block
  CHECK(odd.memoryBytes() < kSpan / 8 * 5 / 4);         // a bit a sector
  CHECK(sparse.memoryBytes() < 10'000 * 24);
}

TEST_CASE("without memory a set says so, and tells no more than it knows") {
  std::mt19937_64 random(17);
  constexpr uint64_t kSpan = 1 << 24;
  for (size_t limit : {size_t{0}, size_t{20} << 10, size_t{100} << 10}) {
    SectorSet set(limit);
    Plain plain(kSpan);
    for (int i = 0; i < 60'000; ++i) {
      uint64_t start = random() % (kSpan - 20);
      uint64_t count = random() % 20;
      set.insert(start, count);
      plain.insert(start, count);
    }
    CHECK_FALSE(set.complete());
    CHECK_FALSE(set.unionWith(SectorSet()).complete());
    CHECK(set.size() < plain.size());
    auto intervals = set.intervals();
    CHECK(set.size() == total(intervals));
    for (SectorRange range : intervals) REQUIRE(plain.intersect(range.start, range.count) == range.count);
    CHECK(set.memoryBytes() < limit + (16 << 10));
  }
  CHECK(SectorSet().complete());
}

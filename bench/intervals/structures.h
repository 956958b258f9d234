// What SectorSet is compared with, behind one shape: insert(range), size(), bytes().
#pragma once

#include <malloc.h>

#include <map>
#include <span>

#include "sectors/sector_set.h"
#ifdef BLKSCOPE_BENCH_ROARING
#include <roaring/roaring.h>
#endif

namespace blkscope::bench {

/// Bytes that malloc has given out.
inline size_t mallocBytes() {
  auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Blkscope's own.
class Own {
 public:
  static constexpr const char* kName = "sectorSet";
  static bool takes(std::span<const SectorRange>) { return true; }
  void insert(std::span<const SectorRange> ranges) { set_.insert(ranges); }
  uint64_t size() { return set_.size(); }
  size_t bytes() const { return set_.memoryBytes(); }

 private:
  SectorSet set_;
};

/// Disjoint intervals in a std::map: what one writes first.
class Map {
 public:
  static constexpr const char* kName = "map";
  static bool takes(std::span<const SectorRange>) { return true; }
  void insert(std::span<const SectorRange> ranges) {
    for (SectorRange range : ranges) insert(range.start, range.start + range.count);
  }
  uint64_t size() const { return size_; }
  size_t bytes() const { return mallocBytes() - before_; }

 private:
  void insert(uint64_t start, uint64_t end) {
    if (start == end) return;
    auto next = ends_.lower_bound(start);  // the first that ends at the start or later
    auto hint = next;
    if (next != ends_.end() && next->second <= end && next->first >= end) {
      if (next->second <= start) return;  // all there
    }
    while (next != ends_.end() && next->second <= end) {
      start = std::min(start, next->second);
      end = std::max(end, next->first);
      size_ -= next->first - next->second;
      next = hint = ends_.erase(next);
    }
    size_ += end - start;
    ends_.emplace_hint(hint, end, start);
  }

  size_t before_ = mallocBytes();
  std::map<uint64_t, uint64_t> ends_;  // end -> start
  uint64_t size_ = 0;
};

#ifdef BLKSCOPE_BENCH_ROARING
/// CRoaring, a value a sector: 32 bits of them are 2 TiB.
class Roaring {
 public:
  static constexpr const char* kName = "roaring";
  static bool takes(std::span<const SectorRange> ranges) {
    for (SectorRange range : ranges) {
      if (range.start + range.count > uint64_t{1} << 32) return false;
    }
    return true;
  }
  Roaring() : before_(mallocBytes()), bitmap_(roaring_bitmap_create()) {}
  ~Roaring() { roaring_bitmap_free(bitmap_); }
  Roaring(const Roaring&) = delete;
  Roaring& operator=(const Roaring&) = delete;
  void insert(std::span<const SectorRange> ranges) {
    for (SectorRange range : ranges) {
      roaring_bitmap_add_range(bitmap_, range.start, range.start + range.count);
    }
  }
  uint64_t size() const { return roaring_bitmap_get_cardinality(bitmap_); }
  size_t bytes() const { return mallocBytes() - before_; }

 private:
  size_t before_;
  roaring_bitmap_t* bitmap_;
};
#endif

}  // namespace blkscope::bench

// What became of every page that was read: docs/account.md has the definitions.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "touches/cache_event.h"

namespace blkscope {

/// A region of a file: sorted by file and offset, without gaps or overlaps.
struct AccountedRegion {
  uint32_t file;
  uint64_t offset;
  uint64_t bytes;
  /// Whoever uses a page of it uses all: what was mapped beside a page that was used is used as well.
  bool whole = false;
};

/// A file by its size, and which of its pages are cached at the end.
struct AccountedFile {
  uint64_t bytes;
  std::vector<bool> cached = {};
};

/// Bytes read, by what became of them. The four first add up to all.
struct ReadFates {
  uint64_t used = 0;
  /// Evicted before they were used, and used after they had been read again.
  uint64_t usedLater = 0;
  /// Evicted before they were used, and not used since.
  uint64_t neverUsed = 0;
  uint64_t stillCached = 0;
  /// Of used: had been used before, were evicted, and read again.
  uint64_t usedAgain = 0;
  /// Of all but used: mapped beside a page that was used, so that their own use would not have been seen.
  uint64_t unseen = 0;
};

class PageAccount {
 public:
  /// `slots`: the times at which slots of time begin, ascending; what was read before the first is in slot 0, as what comes in
  /// its time. `wholeFolios`: one fault maps all of a folio.
  PageAccount(std::vector<AccountedFile> files, std::span<const AccountedRegion> regions, std::span<const uint64_t> slots,
              uint64_t pageBytes, bool wholeFolios);

  /// At this time all pages were taken out of the workload's page tables: what it uses of them from then on shows.
  void unmappedAt(uint64_t time) { unmappedAt_ = time; }

  /// In the order of time.
  void take(const CacheEvent& event);
  /// Once. By slot, and in it by region.
  std::vector<ReadFates> finish();

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// A page: its stay in the cache, if it was read in one, and reads of it that were not used.
  struct Page {
    uint8_t slot = 0;  ///< In which it was read, from 1 on; 0: it was not.
    uint8_t order = 0;
    bool used = false;
    bool mapped = false;
    bool usedEver = false;
    uint32_t waiting = kNone;
  };
  /// A read that was evicted unused.
  struct Waiting {
    uint32_t next;
    uint8_t slot;
    bool mapped;
  };
  struct Range {
    uint32_t file;
    uint64_t from, to;
  };

  void unmapAll();
  void add(const CacheEvent& event);
  void map(const CacheEvent& event);
  void fault(const CacheEvent& event);
  Range takeMappedBy(const CacheEvent& fault);
  void use(uint32_t file, uint64_t page);
  void spread(uint32_t file, uint64_t from, uint64_t to);
  void spreadFromEdges(const AccountedRegion& region);
  void endStay(uint32_t file, uint64_t page, bool evicted);
  Range withFolios(Range range) const;
  bool mappedUnused(uint32_t file, uint64_t page) const;
  uint64_t pagesOf(uint32_t file) const { return pages_[file].size(); }
  uint32_t regionOf(uint32_t file, uint64_t page);
  ReadFates& fates(uint8_t slot, uint32_t region) { return fates_[size_t{slot} * regions_.size() + region]; }
  uint64_t bytesOf(uint32_t file, uint64_t page) const;

  std::vector<AccountedFile> files_;
  std::vector<AccountedRegion> regions_;
  std::vector<uint64_t> slots_;
  uint64_t pageBytes_;
  bool wholeFolios_;
  uint64_t unmappedAt_ = UINT64_MAX;
  uint8_t slot_ = 0;
  uint32_t lastRegion_ = 0;
  std::vector<std::vector<Page>> pages_;
  std::vector<Waiting> waiting_;
  uint32_t freeWaiting_ = kNone;
  std::unordered_map<uint32_t, Range> lastMapped_;
  std::vector<ReadFates> fates_;
};

}  // namespace blkscope

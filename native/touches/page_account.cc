#include "touches/page_account.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace blkscope {

PageAccount::PageAccount(std::vector<AccountedFile> files, std::span<const AccountedRegion> regions,
                         std::span<const uint64_t> slots, uint64_t pageBytes, bool wholeFolios)
    : files_(std::move(files)),
      regions_(regions.begin(), regions.end()),
      slots_(slots.begin(), slots.end()),
      pageBytes_(pageBytes),
      wholeFolios_(wholeFolios),
      fates_(std::max<size_t>(1, slots_.size()) * regions_.size()) {
  for (const AccountedFile& file : files_) pages_.emplace_back((file.bytes + pageBytes - 1) / pageBytes);
}

void PageAccount::take(const CacheEvent& event) {
  while (slot_ + 1u < slots_.size() && slots_[slot_ + 1u] <= event.time) ++slot_;
  if (event.time >= unmappedAt_) unmapAll();
  if (event.file >= pages_.size()) return;
  if (event.kind == CacheEventKind::added) return add(event);
  if (event.kind == CacheEventKind::mapped) return map(event);
  if (event.kind == CacheEventKind::faulted) return fault(event);
  for (uint64_t page = event.page; page < std::min(event.page + event.pages, pagesOf(event.file)); ++page) use(event.file, page);
}

void PageAccount::unmapAll() {
  unmappedAt_ = UINT64_MAX;
  for (std::vector<Page>& pages : pages_) {
    for (Page& page : pages) page.mapped = false;
  }
}

void PageAccount::add(const CacheEvent& event) {
  for (uint64_t at = event.page; at < std::min(event.page + event.pages, pagesOf(event.file)); ++at) {
    endStay(event.file, at, true);
    Page& page = pages_[event.file][at];
    page.slot = static_cast<uint8_t>(slot_ + 1);
    page.order = event.order;
    page.used = page.mapped = false;
  }
}

void PageAccount::map(const CacheEvent& event) {
  Range range{event.file, event.page, std::min(event.page + event.pages, pagesOf(event.file))};
  if (range.from >= range.to) return;
  if (wholeFolios_) range = withFolios(range);
  for (uint64_t page = range.from; page < range.to; ++page) pages_[event.file][page].mapped = true;
  lastMapped_[event.thread] = range;
}

void PageAccount::fault(const CacheEvent& event) {
  if (event.page >= pagesOf(event.file)) return;
  use(event.file, event.page);
  Range beside = takeMappedBy(event);
  uint32_t index = regionOf(event.file, event.page);
  if (index == kNone || !regions_[index].whole) return;
  const AccountedRegion& region = regions_[index];
  uint64_t first = region.offset / pageBytes_;
  uint64_t end = (region.offset + region.bytes + pageBytes_ - 1) / pageBytes_;
  spread(event.file, std::max(beside.from, first), std::min(beside.to, end));
  spreadFromEdges(region);
}

/// What the fault has mapped: the range that its thread told of just before.
PageAccount::Range PageAccount::takeMappedBy(const CacheEvent& fault) {
  Range own{fault.file, fault.page, fault.page + 1};
  auto told = lastMapped_.find(fault.thread);
  if (told == lastMapped_.end()) return wholeFolios_ ? withFolios(own) : own;
  Range mapped = told->second;
  lastMapped_.erase(told);
  bool holds = mapped.file == fault.file && mapped.from <= fault.page && fault.page < mapped.to;
  return holds ? mapped : own;
}

/// What a fault maps beside its own page is used, since its region is.
void PageAccount::spread(uint32_t file, uint64_t from, uint64_t to) {
  for (uint64_t page = from; page < to; ++page) use(file, page);
}

/// A fault of a neighbour may have mapped pages at a region's edges before.
void PageAccount::spreadFromEdges(const AccountedRegion& region) {
  uint64_t first = region.offset / pageBytes_;
  uint64_t end = std::min((region.offset + region.bytes + pageBytes_ - 1) / pageBytes_, pagesOf(region.file));
  for (uint64_t page = first; page < end && mappedUnused(region.file, page); ++page) use(region.file, page);
  for (uint64_t page = end; page > first && mappedUnused(region.file, page - 1); --page) use(region.file, page - 1);
}

bool PageAccount::mappedUnused(uint32_t file, uint64_t page) const {
  const Page& each = pages_[file][page];
  return each.slot != 0 && each.mapped && !each.used;
}

PageAccount::Range PageAccount::withFolios(Range range) const {
  const std::vector<Page>& pages = pages_[range.file];
  uint64_t first = pages[range.from].order;
  uint64_t last = pages[range.to - 1].order;
  uint64_t to = ((range.to - 1) >> last << last) + (uint64_t{1} << last);
  return {range.file, range.from >> first << first, std::min<uint64_t>(std::max(range.to, to), pages.size())};
}

void PageAccount::use(uint32_t file, uint64_t at) {
  Page& page = pages_[file][at];
  if (page.slot == 0 || page.used) return;
  page.used = true;
  uint32_t region = regionOf(file, at);
  while (page.waiting != kNone) {
    Waiting& waiting = waiting_[page.waiting];
    if (region != kNone) {
      fates(waiting.slot, region).usedLater += bytesOf(file, at);
      if (waiting.mapped) fates(waiting.slot, region).unseen += bytesOf(file, at);
    }
    uint32_t next = waiting.next;
    waiting.next = std::exchange(freeWaiting_, page.waiting);
    page.waiting = next;
  }
}

void PageAccount::endStay(uint32_t file, uint64_t at, bool evicted) {
  Page& page = pages_[file][at];
  if (page.slot == 0) return;
  uint8_t slot = static_cast<uint8_t>(page.slot - 1);
  page.slot = 0;
  uint32_t region = regionOf(file, at);
  if (region == kNone) return;
  uint64_t bytes = bytesOf(file, at);
  if (page.used) {
    fates(slot, region).used += bytes;
    if (page.usedEver) fates(slot, region).usedAgain += bytes;
    page.usedEver = true;
  } else if (evicted) {
    uint32_t entry = freeWaiting_;
    if (entry == kNone) {
      entry = static_cast<uint32_t>(waiting_.size());
      waiting_.emplace_back();
    } else {
      freeWaiting_ = waiting_[entry].next;
    }
    waiting_[entry] = {page.waiting, slot, page.mapped};
    page.waiting = entry;
  } else {
    fates(slot, region).stillCached += bytes;
    if (page.mapped) fates(slot, region).unseen += bytes;
  }
}

std::vector<ReadFates> PageAccount::finish() {
  for (uint32_t file = 0; file < pages_.size(); ++file) {
    const std::vector<bool>& cached = files_[file].cached;
    for (uint64_t at = 0; at < pagesOf(file); ++at) {
      endStay(file, at, at >= cached.size() || !cached[at]);
      uint32_t region = regionOf(file, at);
      for (uint32_t i = pages_[file][at].waiting; i != kNone && region != kNone; i = waiting_[i].next) {
        fates(waiting_[i].slot, region).neverUsed += bytesOf(file, at);
        if (waiting_[i].mapped) fates(waiting_[i].slot, region).unseen += bytesOf(file, at);
      }
    }
  }
  return std::move(fates_);
}

/// A page that regions share is that of its first byte.
uint32_t PageAccount::regionOf(uint32_t file, uint64_t page) {
  uint64_t offset = page * pageBytes_;
  auto holds = [&](const AccountedRegion& region) {
    return region.file == file && region.offset <= offset && offset < region.offset + region.bytes;
  };
  if (lastRegion_ < regions_.size() && holds(regions_[lastRegion_])) return lastRegion_;
  auto behind = std::ranges::partition_point(regions_, [&](const AccountedRegion& region) {
    return std::tuple(region.file, region.offset) <= std::tuple(file, offset);
  });
  if (behind == regions_.begin() || !holds(*std::prev(behind))) return kNone;
  return lastRegion_ = static_cast<uint32_t>(behind - regions_.begin() - 1);
}

uint64_t PageAccount::bytesOf(uint32_t file, uint64_t page) const {
  return std::min(pageBytes_, files_[file].bytes - page * pageBytes_);
}

}  // namespace blkscope

#include "touches/seen_touches.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace blkscope {
namespace {

/// The pages that a region has for itself; none where `first` is not below `end`.
struct RegionPages {
  uint64_t first;
  uint64_t end;

  bool none() const { return first >= end; }
  bool hold(uint64_t page) const { return first <= page && page < end; }
};

RegionPages pagesOf(const ModelRegion& region, uint64_t pageBytes) {
  return {(region.offset + pageBytes - 1) / pageBytes, (region.offset + region.bytes) / pageBytes};
}

constexpr uint64_t kPiece = 64 * 1024;

/// Where a process has mapped a piece of a file.
struct Mapped {
  uint64_t pid, start, end, offset;
  uint32_t file;
};

/// Of a file: the pieces between its cuts.
class Pieces {
 public:
  Pieces(const Cuts& cuts, std::vector<bool> watched, uint64_t pageBytes)
      : cuts_(cuts), watched_(std::move(watched)), pageBytes_(pageBytes) {
    for (bool each : watched_) ranks_.push_back((ranks_.empty() ? 0 : ranks_.back()) + each);
  }

  size_t at(uint64_t page) const {
    return static_cast<size_t>(std::ranges::upper_bound(cuts_, page * pageBytes_) - cuts_.begin());
  }
  bool watched(size_t piece) const { return watched_[piece]; }
  /// Of watched pieces, how many there are up to this piece.
  size_t rank(size_t piece) const { return ranks_[piece]; }

 private:
  const Cuts& cuts_;
  std::vector<bool> watched_;
  std::vector<size_t> ranks_;
  uint64_t pageBytes_;
};

/// A fault in a region in a pass. `page`: of the file; `piece`: its rank among the watched ones; `own`: no other region has the page.
struct RegionFault {
  uint32_t region;
  uint64_t page;
  size_t piece;
  uint64_t time;
  bool own;
  bool watched;
};

/// The workload writes the records, and may write anything.
bool isPlausible(const blkscope_record& mapping, size_t files) {
  constexpr uint64_t kMost = 1ull << 62;
  return mapping.where < files && mapping.first < mapping.second && mapping.second < kMost && mapping.third < kMost;
}

class Mappings {
 public:
  explicit Mappings(size_t files) : files_(files) {}

  /// A program maps each file once, or once again for each of its threads; each is looked at for each fault.
  void add(const blkscope_record& record) {
    constexpr size_t kMostMappings = 4096;
    if (all_.size() == kMostMappings || !isPlausible(record, files_)) return;
    all_.push_back({record.pid, record.first, record.second, record.third, record.where});
  }
  bool empty() const { return all_.empty(); }
  /// The latest that holds the address.
  const Mapped* find(uint64_t pid, uint64_t address) const {
    for (size_t i = all_.size(); i-- > 0;) {
      const Mapped& each = all_[i];
      if (each.pid == pid && each.start <= address && address < each.end) return &each;
    }
    return nullptr;
  }

 private:
  size_t files_;
  std::vector<Mapped> all_;
};

class Joiner {
 public:
  Joiner(std::span<const ModelRegion> regions, std::span<const Cuts> cuts, const Mappings& mappings, uint64_t pageBytes)
      : regions_(regions), mappings_(mappings), pageBytes_(pageBytes) {
    for (uint32_t file = 0; file < cuts.size(); ++file)
      pieces_.emplace_back(cuts[file], watchedPieces(regions, file, cuts[file], pageBytes), pageBytes);
  }

  /// The regions of a fault; false: it is no fault in the model.
  bool add(const Fault& fault) {
    const Mapped* mapped = mappings_.find(fault.pid, fault.address);
    if (!mapped) return false;
    uint64_t offset = mapped->offset + (fault.address - mapped->start);
    uint64_t page = offset / pageBytes_;
    const Pieces& pieces = pieces_[mapped->file];
    size_t piece = pieces.at(page);
    for (size_t i = firstReaching(mapped->file, page * pageBytes_); i < regions_.size(); ++i) {
      const ModelRegion& region = regions_[i];
      if (region.file != mapped->file || region.offset >= (page + 1) * pageBytes_) break;
      bool own = pagesOf(region, pageBytes_).hold(page);
      faults_.push_back({static_cast<uint32_t>(i), page, pieces.rank(piece), fault.time, own, pieces.watched(piece)});
    }
    return true;
  }

  /// What was used since the last call, by the time of the first use.
  void finishPass(uint32_t pass, std::vector<SeenTouch>& touches) {
    std::ranges::sort(faults_, {}, [](const RegionFault& fault) { return std::tuple(fault.region, fault.page); });
    size_t begin = touches.size();
    for (size_t from = 0, to = 0; from < faults_.size(); from = to) {
      while (to < faults_.size() && faults_[to].region == faults_[from].region) ++to;
      std::span<const RegionFault> of(&faults_[from], to - from);
      const ModelRegion& region = regions_[of[0].region];
      RegionPages pages = pagesOf(region, pageBytes_);
      // What shares all its pages cannot be told from its neighbours: it is used when they are.
      bool used = pages.none() || std::ranges::any_of(of, &RegionFault::own);
      if (!used) continue;
      uint64_t first = std::ranges::min(of, {}, &RegionFault::time).time;
      touches.push_back({pass, of[0].region, bytesOf(region, pages, of), first});
    }
    std::sort(touches.begin() + static_cast<ptrdiff_t>(begin), touches.end(),
              [](const SeenTouch& a, const SeenTouch& b) { return std::tie(a.firstNs, a.region) < std::tie(b.firstNs, b.region); });
    faults_.clear();
  }

 private:
  size_t firstReaching(uint32_t file, uint64_t offset) const {
    auto at = std::ranges::partition_point(regions_, [&](const ModelRegion& region) {
      return std::tuple(region.file, region.offset + region.bytes) <= std::tuple(file, offset);
    });
    return static_cast<size_t>(at - regions_.begin());
  }

  /// Whole where each piece that is watched was used.
  uint64_t bytesOf(const ModelRegion& region, const RegionPages& pages, std::span<const RegionFault> faults) const {
    if (pages.none()) return region.bytes;
    size_t used = 0;
    const RegionFault* last = nullptr;
    for (const RegionFault& fault : faults) {
      if (!fault.own || !fault.watched) continue;
      if (!last || last->piece != fault.piece) ++used;
      last = &fault;
    }
    const Pieces& pieces = pieces_[region.file];
    size_t first = pieces.at(pages.first);
    size_t all = pieces.rank(pieces.at(pages.end - 1)) - pieces.rank(first) + pieces.watched(first);
    return used == all ? region.bytes : std::min(region.bytes, partOf(faults) * pageBytes_);
  }

  /// Pages, where not all is used. Neighbouring pieces were used one after another, from the first fault on; of a
  /// piece that stands alone only the pages that faulted are known.
  static uint64_t partOf(std::span<const RegionFault> faults) {
    uint64_t sum = 0;
    for (size_t from = 0, to = 0; from < faults.size(); from = to) {
      for (to = from + 1; to < faults.size() && faults[to].piece - faults[to - 1].piece <= 1;) ++to;
      bool alone = faults[to - 1].piece == faults[from].piece;
      sum += alone ? to - from : faults[to - 1].page - faults[from].page + 1;
    }
    return sum;
  }

  std::span<const ModelRegion> regions_;
  std::vector<Pieces> pieces_;
  const Mappings& mappings_;
  uint64_t pageBytes_;
  std::vector<RegionFault> faults_;
};

/// A pass and the process that made it.
struct MadePass {
  Pass pass;
  uint64_t pid;
};

/// A process makes one pass after another: what is told otherwise is none of them.
std::vector<MadePass> passesIn(std::span<const blkscope_record> records) {
  std::vector<MadePass> passes;
  std::map<uint64_t, size_t> last;  // by process
  for (const blkscope_record& record : records) {
    auto found = last.find(record.pid);
    Pass* before = found == last.end() ? nullptr : &passes[found->second].pass;
    if (record.kind == BLKSCOPE_BEGIN) {
      if (before && (before->end == 0 || record.second < before->end)) continue;
      last[record.pid] = passes.size();
      passes.push_back({{record.second, 0, 0, record.where != 0, 0}, record.pid});
    } else if (record.kind == BLKSCOPE_END && before && before->end == 0 && before->begin <= record.second) {
      before->end = record.second;
      before->readyNs = record.third;
    }
  }
  return passes;
}

/// By process, in order of time: a pass looks at its own alone.
std::map<uint64_t, std::vector<Fault>> faultsByProcess(const Faults& faults) {
  std::map<uint64_t, std::vector<Fault>> all;
  for (const Fault& fault : faults.all) all[fault.pid].push_back(fault);
  for (auto& [pid, of] : all) std::ranges::sort(of, {}, &Fault::time);
  return all;
}

/// Before and behind each page in which a region of at most `largest` bytes begins or ends: such a page belongs to several, and
/// none of them may be mapped by a fault of another page.
std::vector<Cuts> regionCuts(std::span<const ModelRegion> regions, uint32_t files, uint64_t pageBytes, uint64_t largest) {
  std::vector<Cuts> all(files);
  for (const ModelRegion& region : regions) {
    if (region.bytes > largest) continue;
    Cuts& cuts = all[region.file];
    for (uint64_t border : {region.offset, region.offset + region.bytes}) {
      uint64_t before = border / pageBytes * pageBytes;
      uint64_t behind = (border + pageBytes - 1) / pageBytes * pageBytes;
      for (uint64_t cut : {before, behind}) {
        if (cut > (cuts.empty() ? 0 : cuts.back())) cuts.push_back(cut);
      }
    }
  }
  return all;
}

size_t countOf(const std::vector<Cuts>& all) {
  size_t count = 0;
  for (const Cuts& cuts : all) count += cuts.size();
  return count;
}

}  // namespace

std::vector<Cuts> cutsAroundRegions(std::span<const ModelRegion> regions, uint32_t files, uint64_t pageBytes, size_t most) {
  std::vector<Cuts> all = regionCuts(regions, files, pageBytes, UINT64_MAX);
  if (countOf(all) > most) all = regionCuts(regions, files, pageBytes, 4 * kPiece);
  if (countOf(all) > most) return std::vector<Cuts>(files);
  return all;
}

std::vector<Cuts> cutsFor(std::span<const ModelRegion> regions, uint32_t files, uint64_t pageBytes, size_t most) {
  std::vector<Cuts> all = cutsAroundRegions(regions, files, pageBytes, most);
  uint64_t bytes = 0;
  for (const ModelRegion& region : regions) bytes += region.bytes;
  uint64_t step = std::max(kPiece, pageBytes);
  while (countOf(all) + bytes / step > most && step < bytes) step *= 2;
  if (step >= bytes) return all;
  for (const ModelRegion& region : regions) {
    uint64_t end = region.offset + region.bytes;
    for (uint64_t cut = (region.offset / step + 1) * step; cut < end; cut += step) all[region.file].push_back(cut);
  }
  for (Cuts& cuts : all) {
    std::ranges::sort(cuts);
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  }
  return all;
}

std::vector<bool> watchedPieces(std::span<const ModelRegion> regions, uint32_t file, const Cuts& cuts, uint64_t pageBytes) {
  constexpr size_t kLeast = 8;
  constexpr size_t kStep = 4;
  std::vector<bool> watched(cuts.size() + 1, true);
  auto pieceAt = [&](uint64_t page) {
    return static_cast<size_t>(std::ranges::upper_bound(cuts, page * pageBytes) - cuts.begin());
  };
  for (const ModelRegion& region : regions) {
    RegionPages pages = pagesOf(region, pageBytes);
    if (region.file != file || !region.whole || pages.none()) continue;
    size_t first = pieceAt(pages.first);
    size_t last = pieceAt(pages.end - 1);
    if (last - first < kLeast) continue;
    for (size_t piece = first + 1; piece < last; ++piece) watched[piece] = (piece - first) % kStep == 0;
  }
  return watched;
}

std::vector<bool> alwaysUsedPieces(std::span<const ModelRegion> regions, uint32_t file, const Cuts& cuts) {
  std::vector<bool> always(cuts.size() + 1, true);
  for (const ModelRegion& region : regions) {
    if (region.file != file || region.always || region.bytes == 0) continue;
    auto first = std::ranges::upper_bound(cuts, region.offset) - cuts.begin();
    auto last = std::ranges::upper_bound(cuts, region.offset + region.bytes - 1) - cuts.begin();
    std::fill(always.begin() + first, always.begin() + last + 1, false);
  }
  return always;
}

SeenTouches seenTouches(std::span<const blkscope_record> records, const Faults& faults, std::span<const ModelRegion> regions,
                        std::span<const Cuts> cuts, uint64_t pageBytes) {
  SeenTouches seen;
  Mappings mappings(cuts.size());
  for (const blkscope_record& record : records) {
    if (record.kind == BLKSCOPE_MAPPING) mappings.add(record);
    if (record.kind == BLKSCOPE_REFUSED) seen.refused = record.where;
  }
  std::vector<MadePass> passes = passesIn(records);
  seen.called = !passes.empty();
  seen.mapped = !mappings.empty();
  std::map<uint64_t, std::vector<Fault>> byProcess = faultsByProcess(faults);
  Joiner joiner(regions, cuts, mappings, pageBytes);
  for (MadePass& made : passes) {
    Pass& pass = made.pass;
    uint64_t end = pass.end == 0 ? UINT64_MAX : pass.end;
    const std::vector<Fault>& own = byProcess[made.pid];
    auto from = std::ranges::lower_bound(own, pass.begin, {}, &Fault::time);
    for (; from != own.end() && from->time <= end; ++from) {
      if (pass.profiled && joiner.add(*from)) ++pass.faults;
    }
    joiner.finishPass(static_cast<uint32_t>(seen.passes.size()), seen.touches);
    seen.passes.push_back(pass);
  }
  return seen;
}

}  // namespace blkscope

#include "sectors/sector_set.h"

namespace blkscope {
namespace {

Interval intervalOf(uint64_t start, uint64_t count) {
  uint64_t end = start + count;
  return {start, end < start ? UINT64_MAX : end};
}

}  // namespace

void SectorSet::settle() const {
  batch_.drainInto(tree_);
  if (open_.from != open_.to) tree_.insert(open_);
}

uint64_t SectorSet::size() const {
  settle();
  return tree_.size();
}

uint64_t SectorSet::intersect(uint64_t start, uint64_t count) const {
  settle();
  return tree_.count(intervalOf(start, count));
}

void SectorSet::forEach(SectorRange within, const Visit& visit) const {
  settle();
  // The tree's runs end where its nodes do.
  Interval whole;
  tree_.forEach(intervalOf(within.start, within.count), [&](Interval part) {
    if (part.from == whole.to) {
      whole.to = part.to;
      return;
    }
    if (whole.from != whole.to) visit({whole.from, whole.to - whole.from});
    whole = part;
  });
  if (whole.from != whole.to) visit({whole.from, whole.to - whole.from});
}

std::vector<SectorRange> SectorSet::intervals() const {
  std::vector<SectorRange> intervals;
  forEach([&](SectorRange range) { intervals.push_back(range); });
  return intervals;
}

SectorSet SectorSet::unionWith(const SectorSet& other) const {
  SectorSet result;
  auto add = [&](SectorRange range) { result.insert(range.start, range.count); };
  forEach(add);
  other.forEach(add);
  result.complete_ = complete() && other.complete();
  return result;
}

SectorSet SectorSet::difference(const SectorSet& other) const {
  SectorSet result;
  forEach([&](SectorRange range) {
    uint64_t from = range.start;
    other.forEach(range, [&](SectorRange hole) {
      result.insert(from, hole.start - from);
      from = hole.start + hole.count;
    });
    result.insert(from, range.start + range.count - from);
  });
  result.complete_ = complete() && other.complete();
  return result;
}

}  // namespace blkscope

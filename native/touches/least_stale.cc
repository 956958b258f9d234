#include "touches/least_stale.h"

#include <algorithm>
#include <tuple>

namespace blkscope {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// The held items of each layer, in a list from the longest ago to the latest touch.
class LayerLists {
 public:
  LayerLists(std::span<const uint32_t> layers, uint32_t items)
      : layers_(layers), links_(items), lists_(layers.empty() ? 0 : std::ranges::max(layers) + 1) {}

  bool holds(uint32_t item) const { return links_[item].held; }
  void touch(uint32_t item, uint32_t when, uint32_t pass) {
    if (holds(item)) remove(item);
    List& list = lists_[layers_[item]];
    links_[item] = {list.latest, kNone, when, pass, true};
    (list.latest == kNone ? list.oldest : links_[list.latest].after) = item;
    list.latest = item;
  }
  void remove(uint32_t item) {
    Link& link = links_[item];
    List& list = lists_[layers_[item]];
    (link.before == kNone ? list.oldest : links_[link.before].after) = link.after;
    (link.after == kNone ? list.latest : links_[link.after].before) = link.before;
    link.held = false;
  }
  /// What goes first while `layer` of `pass` is computed. The oldest of a layer is stale if any of it is.
  uint32_t victim(uint32_t layer, uint32_t pass) const {
    uint32_t best = kNone;
    std::tuple<bool, bool, uint32_t> bestKey;
    for (uint32_t each = 0; each < lists_.size(); ++each) {
      uint32_t item = lists_[each].oldest;
      if (item == kNone) continue;
      bool current = links_[item].pass == pass;
      std::tuple key(current, !current && each >= layer, links_[item].when);
      if (best == kNone || key < bestKey) std::tie(best, bestKey) = std::tuple(item, key);
    }
    return best;
  }

 private:
  struct Link {
    uint32_t before = kNone;
    uint32_t after = kNone;
    uint32_t when = 0;
    uint32_t pass = 0;
    bool held = false;
  };
  struct List {
    uint32_t oldest = kNone;
    uint32_t latest = kNone;
  };

  std::span<const uint32_t> layers_;
  std::vector<Link> links_;
  std::vector<List> lists_;
};

}  // namespace

uint64_t leastStaleReads(const TouchTrace& trace, std::span<const uint32_t> layers, uint64_t capacity) {
  LayerLists held(layers, trace.itemCount);
  uint64_t heldBytes = 0;
  uint64_t read = 0;
  uint32_t pass = 0;  // counted from 1; 0: before the first
  for (size_t i = 0; i < trace.items.size(); ++i) {
    while (pass < trace.passes.size() && trace.passes[pass] <= i) ++pass;
    uint32_t item = trace.items[i];
    uint64_t bytes = trace.bytesOf(item);
    if (!held.holds(item)) {
      if (i >= trace.counted) read += bytes;
      if (bytes > capacity) continue;
      while (heldBytes + bytes > capacity) {
        uint32_t victim = held.victim(layers[item], pass);
        held.remove(victim);
        heldBytes -= trace.bytesOf(victim);
      }
      heldBytes += bytes;
    }
    held.touch(item, static_cast<uint32_t>(i), pass);
  }
  return read;
}

}  // namespace blkscope

#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <set>

#include "touches/belady.h"
#include "touches/least_often.h"
#include "touches/least_stale.h"
#include "touches/pins.h"
#include "touches/reuse.h"
#include "touches/stack_distance.h"

using namespace blkscope;

namespace {

/// A random trace that owns its columns.
struct Random {
  std::vector<uint32_t> items;
  std::vector<uint64_t> bytes;
  std::vector<uint32_t> passes;
  std::vector<uint32_t> layers;
  TouchTrace trace;

  Random(unsigned seed, uint32_t itemCount, size_t touches, bool sized) {
    std::mt19937 rng(seed);
    // Some items much more often than others, with walks in between.
    std::geometric_distribution<uint32_t> skewed(4.0 / itemCount);
    while (items.size() < touches) {
      if (rng() % 8 == 0) passes.push_back(static_cast<uint32_t>(items.size()));
      if (rng() % 4 == 0) {
        uint32_t from = rng() % itemCount;
        for (uint32_t i = from; i < std::min(itemCount, from + 20); ++i) items.push_back(i);
      } else {
        items.push_back(skewed(rng) % itemCount);
      }
    }
    if (sized) {
      for (uint32_t i = 0; i < itemCount; ++i) bytes.push_back(1 + rng() % 9);
    }
    for (uint32_t i = 0; i < itemCount; ++i) layers.push_back(i * 5 / itemCount);
    trace = {items, itemCount, bytes, passes, rng() % 3 == 0 ? 0 : items.size() / 2};
  }
};

/// The plainest cache there can be: held items by the key that the policy gives them, the smallest evicted first.
template <class Key, class KeyOf>
uint64_t plainReads(const TouchTrace& trace, uint64_t capacity, bool mayBypass, KeyOf keyOf) {
  std::set<uint32_t> held;
  std::map<uint32_t, size_t> last;
  uint64_t read = 0;
  auto sizeOf = [&] {
    uint64_t sum = 0;
    for (uint32_t item : held) sum += trace.bytesOf(item);
    return sum;
  };
  for (size_t i = 0; i < trace.items.size(); ++i) {
    uint32_t item = trace.items[i];
    bool hit = held.contains(item);
    if (!hit && i >= trace.counted) read += trace.bytesOf(item);
    if (!hit && !mayBypass && trace.bytesOf(item) > capacity) {
      keyOf(item, i);
      continue;
    }
    held.insert(item);
    keyOf(item, i);
    while (sizeOf() > capacity) {
      uint32_t victim = UINT32_MAX;
      Key least{};
      for (uint32_t each : held) {
        if (each == item && !mayBypass) continue;
        Key key = keyOf(each, SIZE_MAX);
        if (victim == UINT32_MAX || key < least) {
          victim = each;
          least = key;
        }
      }
      held.erase(victim);
    }
  }
  return read;
}

const std::vector<uint64_t> capacities = {0, 1, 3, 8, 20, 35, 60, 100, 400};

}  // namespace

TEST_CASE("stack distances are those of a list that is searched") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Random random(seed, 80 + 700 * (seed % 3), 6000, seed % 2 == 1);
    std::list<uint32_t> stack;
    StackDistance<UnitSums> units(random.trace);
    StackDistance<ByteSums> sized(random.trace);
    for (uint32_t item : random.items) {
      uint64_t sum = 0;
      auto at = stack.begin();
      for (; at != stack.end(); ++at) {
        sum += random.trace.bytesOf(*at);
        if (*at == item) break;
      }
      uint64_t expected = at == stack.end() ? UINT64_MAX : sum;
      if (random.bytes.empty()) REQUIRE(units.touch(item) == expected);
      REQUIRE(sized.touch(item) == expected);
      if (at != stack.end()) stack.erase(at);
      stack.push_front(item);
    }
  }
}

TEST_CASE("one pass gives what a cache of each size reads, evicting the least recently used") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Random random(seed, 60, 3000, seed % 2 == 1);
    Reuse reuse = reuseOf(random.trace, capacities);
    std::map<uint32_t, size_t> last;
    for (size_t c = 0; c < capacities.size(); ++c) {
      // A list cut where the sum exceeds the capacity: what is larger than the cache pushes all else out too.
      std::list<uint32_t> stack;
      uint64_t read = 0;
      for (size_t i = 0; i < random.items.size(); ++i) {
        uint32_t item = random.items[i];
        auto at = std::ranges::find(stack, item);
        if (at != stack.end()) stack.erase(at);
        else if (i >= random.trace.counted) read += random.trace.bytesOf(item);
        stack.push_front(item);
        uint64_t sum = 0;
        for (auto each = stack.begin(); each != stack.end(); ++each) {
          if ((sum += random.trace.bytesOf(*each)) > capacities[c]) {
            stack.erase(each, stack.end());
            break;
          }
        }
      }
      CHECK(reuse.lru[c] == read);
    }
    uint64_t all = reuse.firstBytes;
    for (uint64_t bytes : reuse.bytesByDistance) all += bytes;
    CHECK(all == reuse.touchedBytes);
  }
}

TEST_CASE("Belady's optimum is that of a plain simulator, and no policy reads less") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    bool sized = seed % 2 == 1;
    Random random(seed, 60, 2000, sized);
    std::vector<uint32_t> next = nextTouches(random.trace);
    Reuse reuse = reuseOf(random.trace, capacities);
    for (size_t c = 0; c < capacities.size(); ++c) {
      std::map<uint32_t, size_t> nextOf;
      // The latest goes first: the smallest of what is left until the end.
      auto keyOf = [&](uint32_t item, size_t i) -> size_t {
        if (i != SIZE_MAX) {
          size_t found = SIZE_MAX;
          for (size_t k = i + 1; k < random.items.size() && found == SIZE_MAX; ++k) {
            if (random.items[k] == item) found = k;
          }
          nextOf[item] = found;
        }
        return SIZE_MAX - nextOf[item];
      };
      uint64_t optimum = beladyReads(random.trace, next, capacities[c]);
      if (!sized) {
        CHECK(optimum == plainReads<size_t>(random.trace, capacities[c], true, keyOf));
        CHECK(optimum <= reuse.lru[c]);
        CHECK(optimum <= leastOftenReads(random.trace, capacities[c]));
        CHECK(optimum <= leastStaleReads(random.trace, random.layers, capacities[c]));
      } else {
        CHECK(optimum == plainReads<size_t>(random.trace, capacities[c], true, keyOf));
      }
    }
  }
}

TEST_CASE("the optimum of a small trace is that of all choices tried") {
  std::mt19937 rng(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<uint32_t> items;
    for (int i = 0; i < 10; ++i) items.push_back(rng() % 4);
    TouchTrace trace{items, 4, {}, {}, 0};
    uint64_t capacity = 1 + rng() % 2;
    // Held items as bits; what each state costs at least.
    std::map<uint32_t, uint64_t> costs = {{0, 0}};
    for (uint32_t item : items) {
      std::map<uint32_t, uint64_t> after;
      for (auto [held, cost] : costs) {
        uint64_t paid = cost + ((held >> item & 1) ? 0 : 1);
        uint32_t with = held | 1u << item;
        for (uint32_t kept = 0; kept < 16; ++kept) {
          if ((kept & ~with) || static_cast<uint64_t>(std::popcount(kept)) > capacity) continue;
          auto [at, fresh] = after.try_emplace(kept, paid);
          if (!fresh) at->second = std::min(at->second, paid);
        }
      }
      costs = after;
    }
    uint64_t least = UINT64_MAX;
    for (auto [held, cost] : costs) least = std::min(least, cost);
    CHECK(beladyReads(trace, nextTouches(trace), capacity) == least);
  }
}

TEST_CASE("a cache that evicts the least often used reads what a plain one does") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Random random(seed, 60, 3000, seed % 2 == 1);
    for (uint64_t capacity : capacities) {
      std::map<uint32_t, std::pair<size_t, size_t>> keys;
      auto keyOf = [&](uint32_t item, size_t i) {
        if (i != SIZE_MAX) keys[item] = {keys[item].first + 1, i};
        return keys[item];
      };
      CHECK(leastOftenReads(random.trace, capacity) ==
            plainReads<std::pair<size_t, size_t>>(random.trace, capacity, false, keyOf));
    }
  }
}

TEST_CASE("a cache that evicts the least stale last reads what a plain one does") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Random random(seed, 60, 3000, seed % 2 == 1);
    for (uint64_t capacity : capacities) {
      std::map<uint32_t, size_t> last;
      size_t now = 0;
      auto passOf = [&](size_t i) {
        return std::ranges::upper_bound(random.passes, static_cast<uint32_t>(i)) - random.passes.begin();
      };
      auto keyOf = [&](uint32_t item, size_t i) {
        if (i != SIZE_MAX) last[item] = now = i;
        bool current = passOf(last[item]) == passOf(now);
        bool ahead = random.layers[item] >= random.layers[random.items[now]];
        return std::tuple(current, !current && ahead, last[item]);
      };
      CHECK(leastStaleReads(random.trace, random.layers, capacity) ==
            plainReads<std::tuple<bool, bool, size_t>>(random.trace, capacity, false, keyOf));
    }
  }
}

TEST_CASE("pins are chosen from the touches before, and hold what is touched most") {
  std::vector<uint32_t> items = {0, 1, 1, 2, 2, 2, 3, /* counted */ 3, 2, 2, 1, 0, 0, 0};
  std::vector<uint64_t> bytes = {1, 10, 100, 1000};
  TouchTrace trace{items, 4, bytes, {}, 7};
  std::vector<uint64_t> rooms = {0, 99, 100, 110, 111, 2000};
  CHECK(pinReads(trace, rooms) == ReadBytes{1213, 1200, 1013, 1003, 1000, 0});
}

TEST_CASE("working sets are those of all windows looked through") {
  for (unsigned seed = 0; seed < 8; ++seed) {
    Random random(seed, 90, 900, seed % 2 == 1);
    const auto& passes = random.passes;
    std::vector<uint32_t> windows = {1, 2, 5, 17, static_cast<uint32_t>(passes.size()),
                                     static_cast<uint32_t>(passes.size() + 1)};
    std::vector<double> sets = workingSets(random.trace, windows);
    for (size_t w = 0; w < windows.size(); ++w) {
      double sum = 0;
      size_t places = 0;
      for (size_t first = 0; first + windows[w] <= passes.size(); ++first, ++places) {
        size_t last = first + windows[w];
        std::set<uint32_t> seen(random.items.begin() + passes[first],
                                last < passes.size() ? random.items.begin() + passes[last] : random.items.end());
        for (uint32_t item : seen) sum += static_cast<double>(random.trace.bytesOf(item));
      }
      CHECK(sets[w] == doctest::Approx(places == 0 ? 0 : sum / static_cast<double>(places)));
    }
  }
}

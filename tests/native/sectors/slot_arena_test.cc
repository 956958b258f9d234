#include "sectors/slot_arena.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "../system/simulated_memory.h"
#include "system/page_size.h"

using blkscope::pageBytes;
using blkscope::SlotArena;

TEST_CASE("slots keep what is written to them while others come and go") {
  struct Held {
    SlotArena::Ref ref;
    int order;
    uint8_t mark;
  };
  SlotArena arena;
  std::mt19937 random(1);
  std::vector<Held> held;
  for (int i = 0; i < 100'000; ++i) {
    if (held.size() > 500 || (!held.empty() && random() % 3 == 0)) {
      std::swap(held[random() % held.size()], held.back());
      Held last = held.back();
      const std::byte* slot = arena.at(last.ref);
      size_t bytes = SlotArena::slotBytes(last.order);
      REQUIRE(std::count(slot, slot + bytes, std::byte{last.mark}) == static_cast<ptrdiff_t>(bytes));
      arena.release(last.ref, last.order);
      held.pop_back();
    } else {
      int order = static_cast<int>(random() % SlotArena::kOrders);
      SlotArena::Ref ref = arena.allocate(order);
      REQUIRE(ref != SlotArena::kNone);
      REQUIRE(reinterpret_cast<uintptr_t>(arena.at(ref)) % SlotArena::slotBytes(order) == 0);
      held.push_back({ref, order, static_cast<uint8_t>(random())});
      std::memset(arena.at(ref), held.back().mark, SlotArena::slotBytes(order));
    }
  }
}

TEST_CASE("free buddies become one slot again") {
  SlotArena arena;
  std::vector<SlotArena::Ref> small;
  for (int i = 0; i < 4096; ++i) small.push_back(arena.allocate(0));
  size_t before = arena.memoryBytes();
  for (SlotArena::Ref ref : small) arena.release(ref, 0);
  for (int i = 0; i < 32; ++i) CHECK(arena.allocate(SlotArena::kOrders - 1) != SlotArena::kNone);
  CHECK(arena.memoryBytes() <= before + 64 * 1024);  // 4096 slots of 16 bytes are 32 of 2 KiB; the rest is lists
  CHECK_FALSE(arena.exhausted());
}

TEST_CASE("an arena stops at its limit") {
  SlotArena arena(64 << 10);
  int slots = 0;
  while (arena.allocate(SlotArena::kOrders - 1) != SlotArena::kNone) ++slots;
  CHECK(slots == 31);  // of 32: a log may be searched past its end, so the last is not given out
  CHECK(arena.exhausted());
}

TEST_CASE("an arena grows by whole pages, whatever their size" * doctest::skip(!kSimulates)) {
  for (size_t page : {size_t{4} << 10, size_t{16} << 10, size_t{64} << 10}) {
    if (page < pageBytes()) continue;
    SimulatedPages pages(page);
    SlotArena arena;
    size_t slots = 0;
    while (slots < 4096 && arena.allocate(SlotArena::kOrders - 1) != SlotArena::kNone) ++slots;
    CHECK(slots == 4096);
    CHECK_FALSE(arena.exhausted());
  }
}

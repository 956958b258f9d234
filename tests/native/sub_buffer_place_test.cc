#include "capture/sub_buffer_place.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "capture/blktrace_abi.h"

using namespace blkscope;

namespace {

/// A record's bytes with a payload of any length; version 1 or 2.
std::vector<std::byte> record(bool second, uint16_t payload) {
  std::vector<std::byte> bytes((second ? sizeof(abi::Record2) : sizeof(abi::Record1)) + payload);
  uint32_t magic = abi::kMagic | (second ? 8 : 7);
  std::memcpy(bytes.data(), &magic, sizeof magic);
  size_t at = second ? offsetof(abi::Record2, pduLength) : offsetof(abi::Record1, pduLength);
  std::memcpy(bytes.data() + at, &payload, sizeof payload);
  return bytes;
}

}  // namespace

TEST_CASE("the place in a sub-buffer follows the kernel's, whatever the pieces that are read") {
  std::mt19937 random(7);
  for (bool second : {false, true}) {
    constexpr size_t kSize = 4096;
    SubBufferPlace place(kSize);
    size_t offset = 0;  // as relay_reserve counts it
    std::vector<std::byte> unread;
    for (int i = 0; i < 20'000; ++i) {
      auto next = record(second, random() % 4 ? 0 : static_cast<uint16_t>(random() % 40));
      offset = offset + next.size() > kSize ? next.size() : offset + next.size();
      unread.insert(unread.end(), next.begin(), next.end());
      size_t piece = random() % 8 ? 0 : random() % (unread.size() + 1);
      place.pass(std::span(unread).first(piece));
      unread.erase(unread.begin(), unread.begin() + static_cast<ptrdiff_t>(piece));
      if (random() % 16) continue;
      place.pass(unread);
      unread.clear();
      REQUIRE(place.left() == kSize - offset);
    }
  }
}

TEST_CASE("a place that is lost, or among bytes that are no records, allows nothing") {
  SubBufferPlace lost(4096);
  lost.lose();
  lost.pass(record(true, 0));
  CHECK(lost.left() == 0);
  SubBufferPlace garbage(4096);
  garbage.pass(std::vector<std::byte>(128));
  CHECK(garbage.left() == 0);
}

// Sums over slots of time, for stack distances: which slots hold the last touch of some item, and how large those items are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace blkscope {

/// A Fenwick tree: sums of a growing prefix, in steps of a logarithm.
class PrefixSums {
 public:
  explicit PrefixSums(size_t count) : sums_(count + 1) {}
  void add(size_t index, uint64_t value) {
    for (size_t i = index + 1; i < sums_.size(); i += i & -i) sums_[i] += value;
  }
  /// The sum of all before `index`.
  uint64_t before(size_t index) const {
    uint64_t sum = 0;
    for (size_t i = index; i > 0; i &= i - 1) sum += sums_[i];
    return sum;
  }

 private:
  std::vector<uint64_t> sums_;
};

/// Slots that hold items of size 1: a bit each, and a tree over blocks of a cache line, small enough for the first cache.
class UnitSums {
 public:
  explicit UnitSums(size_t slots) : bits_(slots / 64 + kWords + 1), blocks_(slots / kBits + 1) {}

  void put(size_t slot, uint64_t) {
    bits_[slot / 64] |= uint64_t{1} << (slot % 64);
    // Slots are put in their order: the block that is being filled needs no place in the tree before it is full.
    if (slot / kBits != open_) close(slot / kBits);
    ++pending_;
  }
  void take(size_t slot, uint64_t) {
    bits_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    if (slot / kBits == open_) {
      --pending_;
    } else {
      blocks_.add(slot / kBits, ~uint64_t{0});
    }
  }
  uint64_t before(size_t slot) const {
    size_t block = slot / kBits;
    uint64_t sum = blocks_.before(block);
    size_t word = block * kWords;
    for (; word < slot / 64; ++word) sum += static_cast<uint64_t>(std::popcount(bits_[word]));
    return sum + static_cast<uint64_t>(std::popcount(bits_[word] & ((uint64_t{1} << (slot % 64)) - 1)));
  }

 private:
  static constexpr size_t kWords = 8;
  static constexpr size_t kBits = kWords * 64;

  void close(size_t next) {
    blocks_.add(open_, pending_);
    pending_ = 0;
    open_ = next;
  }

  std::vector<uint64_t> bits_;
  PrefixSums blocks_;
  size_t open_ = 0;
  uint64_t pending_ = 0;
};

/// Slots that hold items of any size.
class ByteSums {
 public:
  explicit ByteSums(size_t slots) : sums_(slots) {}
  void put(size_t slot, uint64_t bytes) { sums_.add(slot, bytes); }
  void take(size_t slot, uint64_t bytes) { sums_.add(slot, ~bytes + 1); }
  uint64_t before(size_t slot) const { return sums_.before(slot); }

 private:
  PrefixSums sums_;
};

}  // namespace blkscope

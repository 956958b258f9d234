// Where in a relay sub-buffer a reader stands, told from the records that it read.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace blkscope {

/// The kernel puts a record behind the one before it, or at the start of the next sub-buffer where it would not fit;
/// what it leaves over is not read. So the records' lengths alone tell where each lies, until one was dropped: the next
/// then begins a sub-buffer whatever its length.
class SubBufferPlace {
 public:
  explicit SubBufferPlace(size_t subBufferBytes) : size_(subBufferBytes) {}

  /// Goes on over bytes as they were read, in pieces of any size.
  void pass(std::span<const std::byte> bytes);
  /// Not known any more, for good: records were dropped, or nobody wants to know.
  void lose() { known_ = false; }
  bool known() const { return known_; }

  /// Bytes of the sub-buffer from here on, with what was left over at its end; 0 when not known.
  size_t left() const { return known_ ? size_ - at_ : 0; }

 private:
  void enter(size_t recordBytes);

  size_t size_;
  size_t at_ = 0;
  size_t toCome_ = 0;             // bytes of the record that was entered last
  std::vector<std::byte> head_;  // the start of a record that does not tell its length yet
  bool known_ = true;
};

}  // namespace blkscope

// An owned memory mapping.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "system/result.h"

namespace blkscope {

/// Owns an mmap and unmaps it. Empty when default-made.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address_) ::munmap(address_, size_);
  }

  /// Maps `size` bytes of a file, or of fresh memory (fd -1 with MAP_ANONYMOUS). Error: "map <size> bytes: ...".
  static Result<Mapping> map(size_t size, int protection, int flags, int fd = -1, off_t offset = 0) {
    void* address = ::mmap(nullptr, size, protection, flags, fd, offset);
    if (address == MAP_FAILED) return systemError("map " + std::to_string(size) + " bytes");
    return Mapping(address, size);
  }

  std::byte* data() const { return static_cast<std::byte*>(address_); }
  size_t size() const { return size_; }
  bool valid() const { return address_ != nullptr; }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

}  // namespace blkscope

// Pages that must not leave memory while threads capture: their stacks and the code they run.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace blkscope {

/// Locks pages as far as they are in use, until it goes.
///
/// The memory pressure under study evicts code as it evicts a model: a capture thread that waits for its own code to
/// be read again loses events. Best effort: what may not be locked stays as it is.
class ResidentPages {
 public:
  /// The calling thread's stack.
  static ResidentPages ofThisStack();
  /// The loaded object (the addon, or a test program) that holds this code. One at a time: locks of pages do not count.
  static ResidentPages ofThisCode();

  ResidentPages(ResidentPages&&) = default;
  ResidentPages& operator=(ResidentPages&&) = delete;
  ~ResidentPages();

 private:
  ResidentPages() = default;
  void lock(void* start, size_t bytes);

  std::vector<std::pair<void*, size_t>> locked_;
};

}  // namespace blkscope

// Pages that must not leave memory while a thread captures: its stack and the code it runs.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace blkscope {

/// Locks the calling thread's stack and the loaded object that holds this code, as far as they are in use.
///
/// The memory pressure under study evicts code as it evicts a model: a capture thread that waits for its own code to
/// be read again loses events. Best effort: what may not be locked stays as it is.
class ResidentThread {
 public:
  ResidentThread();
  ResidentThread(const ResidentThread&) = delete;
  ResidentThread& operator=(const ResidentThread&) = delete;
  ~ResidentThread();

 private:
  void lock(void* start, size_t bytes);

  std::vector<std::pair<void*, size_t>> locked_;
};

}  // namespace blkscope

// A machine with larger pages, or without memory, for the code under test: the linker leads the core's calls of the
// system here (--wrap, see CMakeLists.txt).
#pragma once

#include <cstddef>

/// False: this linker cannot lead calls elsewhere, and tests that simulate are skipped.
#ifdef BLKSCOPE_LINKER_WRAPS
constexpr bool kSimulates = true;
#else
constexpr bool kSimulates = false;
#endif

/// While it lives, the core sees pages of so many bytes, and the system refuses what is not aligned to them, as a kernel
/// with such pages does. Smaller pages than the machine's own are not simulated.
class SimulatedPages {
 public:
  explicit SimulatedPages(size_t bytes);
  ~SimulatedPages();
  SimulatedPages(const SimulatedPages&) = delete;
  SimulatedPages& operator=(const SimulatedPages&) = delete;

 private:
  [[maybe_unused]] size_t before_;  // where the linker cannot put calls aside, nothing is simulated
};

/// While it lives, no memory can be made writable any more.
class RefusedMemory {
 public:
  RefusedMemory();
  ~RefusedMemory();
  RefusedMemory(const RefusedMemory&) = delete;
  RefusedMemory& operator=(const RefusedMemory&) = delete;
};

// A stay on one CPU.
#pragma once

#include <sched.h>

#include <array>

namespace blkscope {

/// Of a thread: a bit a CPU, as many as Linux can be built for.
class CpuMask {
 public:
  static constexpr unsigned kCpus = 8192;
  explicit CpuMask(unsigned cpu) { bits_[cpu % kCpus / kBits] = 1ul << cpu % kBits; }
  static CpuMask ofThisThread() {
    CpuMask mask(0);
    ::sched_getaffinity(0, sizeof mask.bits_, mask.set());
    return mask;
  }
  CpuMask without(unsigned cpu) const {
    CpuMask rest = *this;
    rest.bits_[cpu % kCpus / kBits] &= ~(1ul << cpu % kBits);
    return rest;
  }
  /// Moves the calling thread. False: it may not run there, or none of them is online.
  bool apply() { return ::sched_setaffinity(0, sizeof bits_, set()) == 0; }

 private:
  static constexpr unsigned kBits = 8 * sizeof(unsigned long);
  cpu_set_t* set() { return reinterpret_cast<cpu_set_t*>(bits_.data()); }
  std::array<unsigned long, kCpus / kBits> bits_{};
};

/// Keeps the calling thread on a CPU for as long as this lives, where it may run there; afterwards it may run where it
/// could before.
class OnCpu {
 public:
  explicit OnCpu(unsigned cpu) : before_(CpuMask::ofThisThread()), moved_(CpuMask(cpu).apply()) {}
  ~OnCpu() {
    if (moved_) before_.apply();
  }
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;

 private:
  CpuMask before_;
  bool moved_;
};

}  // namespace blkscope

#include "touches/perf_reader.h"

#include <utility>

#include "system/clock.h"

namespace blkscope {
namespace {

constexpr int kLookMs = 50;

}  // namespace

PerfReader::PerfReader(PerfRings rings, PerfSink& sink, Looked looked)
    : rings_(std::move(rings)), sink_(sink), looked_(std::move(looked)), thread_([this] { run(); }) {}

Result<void> PerfReader::add(const PerfEvent& event) {
  std::lock_guard lock(mutex_);
  return rings_.add(event);
}

void PerfReader::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    uint64_t now = monotonicNs();
    {
      std::lock_guard lock(mutex_);
      rings_.read(sink_);
    }
    looked_(now);
    rings_.wait(kLookMs);
  }
}

void PerfReader::end() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    rings_.stop();
  }
  stopping_ = true;
  thread_.join();
  rings_.read(sink_);
  looked_(UINT64_MAX);
}

}  // namespace blkscope

#include "touches/fault_reader.h"

#include <atomic>
#include <thread>

#include "touches/perf_rings.h"

namespace blkscope {
namespace {

/// Of each CPU's ring: some hundred thousand faults, many times what comes between two looks.
constexpr size_t kRingBytes = size_t{8} << 20;
constexpr int kLookMs = 50;

class Reader final : public FaultReader, private PerfSink {
 public:
  explicit Reader(PerfRings rings) : rings_(std::move(rings)), thread_([this] { run(); }) {}
  ~Reader() override { end(); }

  Faults stop() override {
    end();
    return std::move(faults_);
  }

 private:
  void sample(const PerfSample& fault) override { faults_.all.push_back({fault.time, fault.address, fault.pid}); }
  void lost(uint64_t count) override { faults_.lost += count; }

  void run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
      rings_.read(*this);
      rings_.wait(kLookMs);
    }
  }
  void end() {
    if (!thread_.joinable()) return;
    rings_.stop();
    stopping_ = true;
    thread_.join();
    rings_.read(*this);
  }

  PerfRings rings_;
  Faults faults_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<FaultReader>> FaultReader::open(int pid) {
  auto rings = PerfRings::open({.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_PAGE_FAULTS, .pid = pid}, kRingBytes);
  if (!rings) return Error{"NO_FAULT_EVENTS", "this kernel does not show page faults: " + rings.error().message};
  return std::unique_ptr<FaultReader>(std::make_unique<Reader>(std::move(*rings)));
}

}  // namespace blkscope

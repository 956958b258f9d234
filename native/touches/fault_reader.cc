#include "touches/fault_reader.h"

#include "touches/perf_reader.h"

namespace blkscope {
namespace {

/// Of each CPU's ring: some hundred thousand faults, many times what comes between two looks.
constexpr size_t kRingBytes = size_t{8} << 20;

class Reader final : public FaultReader, private PerfSink {
 public:
  explicit Reader(PerfRings rings) : reader_(std::move(rings), *this) {}

  Faults stop() override {
    reader_.end();
    return std::move(faults_);
  }

 private:
  void sample(const PerfSample& fault) override { faults_.all.push_back({fault.time, fault.address, fault.pid}); }
  void lost(uint64_t count) override { faults_.lost += count; }

  Faults faults_;
  PerfReader reader_;  // last: its thread uses the others
};

}  // namespace

Result<std::unique_ptr<FaultReader>> FaultReader::open(int pid) {
  auto rings = PerfRings::open({.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_PAGE_FAULTS, .pid = pid}, kRingBytes);
  if (!rings) return Error{"NO_FAULT_EVENTS", "this kernel does not show page faults: " + rings.error().message};
  return std::unique_ptr<FaultReader>(std::make_unique<Reader>(std::move(*rings)));
}

}  // namespace blkscope

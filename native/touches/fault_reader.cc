#include "touches/fault_reader.h"

#include <linux/perf_event.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <thread>

#include "system/cpus.h"
#include "system/fd.h"
#include "system/mapping.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

/// Of each CPU's ring, beside its head page: some hundred thousand faults, many times what comes between two looks.
constexpr size_t kRingBytes = size_t{8} << 20;
constexpr int kLookMs = 5;

perf_event_attr faultEvent() {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_SOFTWARE;
  event.config = PERF_COUNT_SW_PAGE_FAULTS;
  event.sample_period = 1;
  event.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR;
  event.inherit = 1;
  event.use_clockid = 1;
  event.clockid = CLOCK_MONOTONIC;
  return event;
}

/// A sample as faultEvent() asks for it.
struct Sample {
  perf_event_header header;
  uint32_t pid;
  uint32_t tid;
  uint64_t time;
  uint64_t address;
};

struct Lost {
  perf_event_header header;
  uint64_t id;
  uint64_t count;
};

class Ring {
 public:
  static Result<Ring> open(int pid, unsigned cpu) {
    perf_event_attr event = faultEvent();
    Fd fd(static_cast<int>(::syscall(SYS_perf_event_open, &event, pid, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd.valid()) return systemError("open the event of page faults");
    auto mapping = Mapping::map(pageBytes() + kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
    if (!mapping) return mapping.error();
    return Ring(std::move(fd), std::move(*mapping));
  }

  void readInto(Faults& faults) {
    auto& page = *reinterpret_cast<perf_event_mmap_page*>(mapping_.data());
    uint64_t head = __atomic_load_n(&page.data_head, __ATOMIC_ACQUIRE);
    uint64_t at = page.data_tail;
    while (at < head) {
      perf_event_header header{};
      copyOut(at, &header, sizeof header);
      if (header.size < sizeof header) break;  // no ring of the kernel's has such a record
      if (header.type == PERF_RECORD_SAMPLE && header.size >= sizeof(Sample)) {
        Sample sample;
        copyOut(at, &sample, sizeof sample);
        faults.all.push_back({sample.time, sample.address, sample.pid});
      } else if (header.type == PERF_RECORD_LOST && header.size >= sizeof(Lost)) {
        Lost lost;
        copyOut(at, &lost, sizeof lost);
        faults.lost += lost.count;
      }
      at += header.size;
    }
    __atomic_store_n(&page.data_tail, at, __ATOMIC_RELEASE);
  }

  void stop() { ::ioctl(fd_.get(), PERF_EVENT_IOC_DISABLE, 0); }

 private:
  Ring(Fd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}

  void copyOut(uint64_t at, void* to, size_t bytes) const {
    const std::byte* data = mapping_.data() + pageBytes();
    size_t from = at % kRingBytes;
    size_t first = std::min(bytes, kRingBytes - from);
    std::memcpy(to, data + from, first);
    std::memcpy(static_cast<std::byte*>(to) + first, data, bytes - first);
  }

  Fd fd_;
  Mapping mapping_;
};

class Reader final : public FaultReader {
 public:
  explicit Reader(std::vector<Ring> rings) : rings_(std::move(rings)), thread_([this] { run(); }) {}
  ~Reader() override { end(); }

  Faults stop() override {
    end();
    return std::move(faults_);
  }

 private:
  void run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
      look();
      ::poll(nullptr, 0, kLookMs);
    }
  }
  void look() {
    for (Ring& ring : rings_) ring.readInto(faults_);
  }
  void end() {
    if (!thread_.joinable()) return;
    for (Ring& ring : rings_) ring.stop();
    stopping_ = true;
    thread_.join();
    look();
    rings_.clear();
  }

  std::vector<Ring> rings_;
  Faults faults_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

// An inherited event has a ring only if it is of one CPU.
Result<std::unique_ptr<FaultReader>> FaultReader::open(int pid) {
  std::vector<Ring> rings;
  for (unsigned cpu : possibleCpus()) {
    auto ring = Ring::open(pid, cpu);
    if (ring) {
      rings.push_back(std::move(*ring));
    } else if (errno != ENODEV) {  // this CPU is not there now
      return Error{"NO_FAULT_EVENTS", "this kernel does not show page faults: " + ring.error().message};
    }
  }
  return std::unique_ptr<FaultReader>(std::make_unique<Reader>(std::move(rings)));
}

}  // namespace blkscope

#include "touches/perf_rings.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "system/cpus.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

constexpr uint64_t kSampleType =
    PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_RAW;

/// A sample as kSampleType asks for it, up to its fields.
struct SampleHead {
  uint64_t id;
  uint32_t pid, tid;
  uint64_t time, address;
  uint32_t rawBytes;
} __attribute__((packed));

/// What ends every other record, since sample_id_all is set.
struct Trailer {
  uint32_t pid, tid;
  uint64_t time, id;
};

/// PERF_RECORD_MMAP2 up to what is read of it.
struct MmapHead {
  uint32_t pid, tid;
  uint64_t start, bytes, pageOffset;
  uint32_t major, minor;
  uint64_t inode;
};

/// PERF_RECORD_FORK.
struct ForkHead {
  uint32_t pid, parent, tid, parentTid;
  uint64_t time;
};

struct LostBody {
  uint64_t id, count;
};

perf_event_attr attributesOf(const PerfEvent& event, size_t ringBytes) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = event.type;
  attr.config = event.config;
  attr.sample_period = 1;
  attr.sample_type = kSampleType;
  attr.inherit = event.pid >= 0;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = static_cast<uint32_t>(ringBytes / 4);
  attr.sample_id_all = 1;
  if (event.mappings) attr.mmap = attr.mmap2 = attr.mmap_data = attr.task = attr.comm = attr.comm_exec = 1;
  return attr;
}

template <class Value>
bool readAs(std::span<const std::byte> bytes, Value& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  return true;
}

}  // namespace

Result<PerfRings> PerfRings::open(const PerfEvent& first, size_t bytes) {
  PerfRings rings(bytes);
  for (unsigned cpu : possibleCpus()) {
    Ring ring{cpu, -1, {}, {}, {}};
    auto opened = rings.openOn(ring, first);
    if (opened) rings.rings_.push_back(std::move(ring));
    else if (opened.error().code != "ENODEV") return opened.error();  // this CPU is not there now
  }
  return rings;
}

Result<void> PerfRings::add(const PerfEvent& event) {
  for (Ring& ring : rings_) {
    if (auto opened = openOn(ring, event); !opened) return opened;
  }
  return {};
}

Result<void> PerfRings::openOn(Ring& ring, const PerfEvent& event) {
  perf_event_attr attr = attributesOf(event, bytes_);
  attr.disabled = 1;
  Fd fd(static_cast<int>(
      ::syscall(SYS_perf_event_open, &attr, event.pid, static_cast<int>(ring.cpu), -1, PERF_FLAG_FD_CLOEXEC)));
  if (!fd.valid()) return systemError("open a perf event");
  if (!event.filter.empty() && ::ioctl(fd.get(), PERF_EVENT_IOC_SET_FILTER, event.filter.c_str()) != 0)
    return systemError("filter a perf event");
  if (ring.fds.empty()) {
    auto mapping = Mapping::map(pageBytes() + bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
    if (!mapping) return mapping.error();
    ring.mapping = std::move(*mapping);
    ring.polled = fd.get();
  } else if (::ioctl(fd.get(), PERF_EVENT_IOC_SET_OUTPUT, ring.fds.front().get()) != 0) {
    return systemError("give a perf event its ring");
  }
  uint64_t id = 0;
  if (::ioctl(fd.get(), PERF_EVENT_IOC_ID, &id) != 0 || ::ioctl(fd.get(), PERF_EVENT_IOC_ENABLE, 0) != 0)
    return systemError("begin a perf event");
  ring.fds.push_back(std::move(fd));
  ring.ids.push_back(id);
  return {};
}

void PerfRings::read(PerfSink& sink) {
  for (Ring& ring : rings_) readRing(ring, sink);
}

void PerfRings::readRing(Ring& ring, PerfSink& sink) {
  auto& page = *reinterpret_cast<perf_event_mmap_page*>(ring.mapping.data());
  const std::byte* data = ring.mapping.data() + pageBytes();
  auto copyOut = [&](uint64_t at, void* to, size_t bytes) {
    size_t from = at % bytes_;
    size_t first = std::min(bytes, bytes_ - from);
    std::memcpy(to, data + from, first);
    std::memcpy(static_cast<std::byte*>(to) + first, data, bytes - first);
  };
  uint64_t head = __atomic_load_n(&page.data_head, __ATOMIC_ACQUIRE);
  uint64_t at = page.data_tail;
  while (at < head) {
    perf_event_header header{};
    copyOut(at, &header, sizeof header);
    if (header.size < sizeof header) break;  // no ring of the kernel's has such a record
    record_.resize(header.size - sizeof header);
    copyOut(at + sizeof header, record_.data(), record_.size());
    tell(ring, header, record_, sink);
    at += header.size;
  }
  __atomic_store_n(&page.data_tail, at, __ATOMIC_RELEASE);
}

void PerfRings::tell(const Ring& ring, const perf_event_header& header, std::span<const std::byte> body,
                     PerfSink& sink) const {
  Trailer trailer{};
  if (header.type != PERF_RECORD_SAMPLE && body.size() >= sizeof trailer) readAs(body.last(sizeof trailer), trailer);
  if (header.type == PERF_RECORD_SAMPLE) {
    SampleHead sample;
    if (!readAs(body, sample)) return;
    auto event = std::ranges::find(ring.ids, sample.id);
    if (event == ring.ids.end()) return;
    auto fields = body.subspan(sizeof sample);
    fields = fields.first(std::min<size_t>(sample.rawBytes, fields.size()));
    sink.sample({static_cast<size_t>(event - ring.ids.begin()), sample.pid, sample.tid, sample.time, sample.address, fields});
  } else if (header.type == PERF_RECORD_LOST) {
    LostBody lost;
    if (readAs(body, lost)) sink.lost(lost.count);
  } else if (header.type == PERF_RECORD_MMAP2) {
    MmapHead mapped;
    if (!readAs(body, mapped)) return;
    sink.mapping({mapped.pid, trailer.time, mapped.start, mapped.bytes, mapped.pageOffset, mapped.inode, mapped.major, mapped.minor});
  } else if (header.type == PERF_RECORD_FORK) {
    ForkHead fork;
    if (readAs(body, fork) && fork.pid != fork.parent) sink.forked(fork.parent, fork.pid, fork.time);
  } else if (header.type == PERF_RECORD_COMM && (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0) {
    sink.executed(trailer.pid, trailer.time);
  }
}

void PerfRings::wait(int milliseconds) const {
  std::vector<pollfd> all;
  for (const Ring& ring : rings_) all.push_back({ring.polled, POLLIN, 0});
  bool over = ::poll(all.data(), all.size(), milliseconds) > 0 &&
              std::ranges::any_of(all, [](const pollfd& each) { return (each.revents & POLLHUP) != 0; });
  if (over) ::poll(nullptr, 0, milliseconds);  // of a process that has ended: it would not wait any more
}

void PerfRings::stop() {
  for (Ring& ring : rings_) {
    for (Fd& fd : ring.fds) ::ioctl(fd.get(), PERF_EVENT_IOC_DISABLE, 0);
  }
}

}  // namespace blkscope

#include "saved/blktrace_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

struct Code {
  uint32_t low;
  uint64_t category;
};

// By Action: the kernel's enum blktrace_act and the category that its trace calls give. 0: none in version 1.
constexpr std::array<Code, kActions> kCodes = {{
    {1, abi::kQueue}, {4, abi::kQueue}, {12, abi::kQueue}, {7, abi::kIssue}, {8, abi::kComplete}, {2, abi::kQueue},
    {3, abi::kQueue}, {13, 0}, {15, abi::kQueue}, {6, abi::kRequeue}, {9, abi::kQueue}, {10, abi::kQueue},
    {11, abi::kQueue}, {14, 0}, {5, abi::kQueue}, {17, abi::kDriverData}, {16, abi::kQueue}, {0, 0}, {0, 0},
}};

uint64_t categoriesOf(const Event& event, const Code& code) {
  uint64_t bits = code.category;
  switch (event.direction) {
    case Direction::read: bits |= abi::kRead; break;
    case Direction::write: bits |= abi::kWrite; break;
    case Direction::discard: bits |= abi::kWrite | abi::kDiscard; break;
    case Direction::flush: bits |= abi::kFlush; break;
    case Direction::none: break;
  }
  // A bio that asks for a flush is a synchronous write of nothing; what goes to the device is an operation of its own.
  if (event.direction == Direction::flush && event.flags & kSync) bits |= abi::kWrite;
  if (event.flags & kSync) bits |= abi::kSync;
  if (event.flags & kAhead) bits |= abi::kAhead;
  if (event.flags & kMeta) bits |= abi::kMeta;
  if (event.flags & kFua) bits |= abi::kFua;
  if (event.flags & kPreflush) bits |= abi::kFlush;
  return bits | (event.flags & kPassthrough ? abi::kPassthrough : abi::kFs);
}

void append(std::vector<std::byte>& to, const void* data, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  to.insert(to.end(), bytes, bytes + size);
}

abi::Record1 recordOf(const Event& event) {
  abi::Record1 record{};
  record.magic = abi::kMagic | 7;
  record.time = event.time;
  record.sector = event.sector;
  record.bytes = event.bytes;
  record.pid = event.pid;
  record.device = event.device;
  record.cpu = event.cpu;
  record.error = static_cast<uint16_t>(-event.error);
  return record;
}

// What blkparse expects behind a remap, split or unplug; big-endian.
size_t payloadOf(const Event& event, std::array<uint64_t, 3>& payload) {
  switch (event.action) {
    case Action::remap: {
      uint32_t devices[2] = {__builtin_bswap32(event.fromDevice), __builtin_bswap32(event.device)};
      std::memcpy(&payload[0], devices, sizeof devices);
      payload[1] = __builtin_bswap64(event.payload);
      return 16;
    }
    case Action::split:
    case Action::unplug:
    case Action::unplugTimer:
      payload[0] = __builtin_bswap64(event.payload);
      return 8;
    default:
      return 0;
  }
}

}  // namespace

Result<void> BlktraceWriter::flush(CpuFile& file) {
  std::span<const std::byte> rest = file.unwritten;
  while (!rest.empty()) {
    ssize_t wrote = ::write(file.fd.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return systemError("write blktrace files");
    rest = rest.subspan(static_cast<size_t>(wrote));
  }
  file.unwritten.clear();
  return {};
}

Result<BlktraceWriter::CpuFile*> BlktraceWriter::file(Device& device, uint16_t cpu) {
  auto found = device.cpus.find(cpu);
  if (found != device.cpus.end()) return &found->second;
  auto fd = openFile(device.base + ".blktrace." + std::to_string(cpu), O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (!fd) return fd.error();
  CpuFile& made = device.cpus[cpu];
  made.fd = std::move(*fd);
  return &made;
}

Result<BlktraceWriter::Device*> BlktraceWriter::device(const Event& first) {
  auto found = devices_.find(first.device);
  if (found != devices_.end()) return &found->second;
  bool only = devices_.empty();
  Device& made = devices_[first.device];
  made.base = only ? base_
                   : base_ + "-" + std::to_string(first.device >> 20) + "-" + std::to_string(first.device & 0xfffff);
  auto leading = file(made, first.cpu);
  if (!leading) return leading.error();
  putNotes(first, **leading);
  return &made;
}

void BlktraceWriter::putNotes(const Event& first, CpuFile& file) {
  auto put = [&](uint32_t kind, uint32_t pid, const void* payload, uint16_t size) {
    abi::Record1 record{};
    record.magic = abi::kMagic | 7;
    record.time = first.time;
    record.action = kind | static_cast<uint32_t>(abi::kNotify << abi::kCategoryShift);
    record.pid = pid;
    record.device = first.device;
    record.cpu = first.cpu;
    record.pduLength = size;
    append(file.unwritten, &record, sizeof record);
    append(file.unwritten, payload, size);
  };
  if (notes_.wallClock) {
    // At the moment of the first event, which is where blkparse's own times begin.
    uint64_t at = notes_.wallClock + (first.time - notes_.wallClockAt);
    uint32_t clock[2] = {static_cast<uint32_t>(at / 1'000'000'000), static_cast<uint32_t>(at % 1'000'000'000)};
    put(abi::kTimestamp, 0, clock, sizeof clock);
  }
  if (makeQueues_.contains(first.device)) put(abi::kMessage, 0, kMadeQueues.data(), kMadeQueues.size());
  for (const auto& [pid, name] : notes_.processNames) {
    char text[16] = {};
    std::memcpy(text, name.data(), std::min(name.size(), sizeof text - 1));
    put(abi::kProcess, pid, text, sizeof text);
  }
}

Result<void> BlktraceWriter::write(std::span<const Event> events) {
  for (const Event& event : events) {
    if (wantsQueue(event)) {
      Event queue = event;
      queue.action = Action::queue;
      if (auto written = writeOne(queue); !written) return written;
    }
    if (auto written = writeOne(event); !written) return written;
  }
  return {};
}

/// A request is queued once, before its first issue. A driver may turn it away before that, too.
bool BlktraceWriter::wantsQueue(const Event& event) {
  if (!makeQueues_.contains(event.device) || event.bytes == 0 || event.flags & kPassthrough) return false;
  Place place{event.device, event.direction, event.sector};
  if (event.action == Action::issue) {
    issued_.insert(place);
    return requeued_.erase(place) == 0;
  }
  bool wasIssued = (event.action == Action::requeue || event.action == Action::complete) && issued_.erase(place) > 0;
  if (wasIssued && event.action == Action::requeue) requeued_.insert(place);
  return false;
}

Result<void> BlktraceWriter::writeOne(const Event& event) {
  constexpr size_t kWriteBytes = 256 << 10;
  const Code& code = kCodes[static_cast<size_t>(event.action)];
  if (code.low == 0) {
    ++leftOut_;
    return {};
  }
  auto to = device(event);
  if (!to) return to.error();
  auto cpu = file(**to, event.cpu);
  if (!cpu) return cpu.error();
  std::array<uint64_t, 3> payload{};
  abi::Record1 record = recordOf(event);
  record.action = code.low | static_cast<uint32_t>(categoriesOf(event, code) << abi::kCategoryShift);
  record.pduLength = static_cast<uint16_t>(payloadOf(event, payload));
  record.sequence = ++(*cpu)->sequence;
  append((*cpu)->unwritten, &record, sizeof record);
  append((*cpu)->unwritten, payload.data(), record.pduLength);
  return (*cpu)->unwritten.size() < kWriteBytes ? Result<void>{} : flush(**cpu);
}

Result<void> BlktraceWriter::finish() {
  for (auto& [number, device] : devices_) {
    uint16_t last = device.cpus.rbegin()->first;
    for (uint16_t cpu = 0; cpu < last; ++cpu) {
      if (auto made = file(device, cpu); !made) return made.error();
    }
    for (auto& [cpu, file] : device.cpus) {
      if (auto flushed = flush(file); !flushed) return flushed;
    }
  }
  return {};
}

}  // namespace blkscope

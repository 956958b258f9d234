#include "source/relay_source.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "source/buffer_size.h"
#include "system/blktrace_abi.h"
#include "system/fd.h"
#include "system/mounts.h"

namespace blkscope {
namespace {

constexpr uint64_t kDefaultBufferBytes = 512 << 10;
constexpr uint64_t kLeastBufferCount = 4;  // blktrace's choice
constexpr size_t kReadBytes = 64 << 10;  // stays in the cache between the kernel's copy and the decoding

struct Device {
  std::string name;
  Fd node;
  std::string folder;  // <debugfs>/block/<name>
};

struct Stream {
  std::string device;
  unsigned cpu;
  Fd file;
  RecordDecoder decoder;
  Notes notes;
  std::vector<std::byte> buffer = std::vector<std::byte>(kReadBytes);
};

class RelaySource final : public Source {
 public:
  RelaySource(SourceOptions options, Changes& changes, std::string debugfs)
      : options_(std::move(options)), changes_(changes), debugfs_(std::move(debugfs)) {
    info_.kind = "relay";
    info_.bufferBytes = options_.bufferBytes ? options_.bufferBytes : kDefaultBufferBytes;
    uint64_t needed = bufferBytesPerCpu(bufferNeed(options_.devices, options_.actions)) / info_.bufferBytes + 1;
    info_.bufferCount = options_.bufferCount ? options_.bufferCount : std::max(needed, kLeastBufferCount);
  }
  ~RelaySource() override { close(); }

  Result<void> start() override;
  Result<void> stop() override;
  void close() override;
  size_t streams() const override { return streams_.size(); }
  unsigned cpu(size_t stream) const override { return streams_[stream].cpu; }
  bool readOnItsCpu() const override { return true; }
  int pollFd(size_t stream) const override { return streams_[stream].file.get(); }
  Result<bool> drain(size_t stream, std::vector<Event>& out) override;
  uint64_t dropped() override;
  uint64_t sequenceGaps() const override;
  Notes notes() override;

 private:
  Result<Device> setUp(const std::string& name);
  Result<std::string> setUpTrace(int node, const std::string& name);
  Result<void> openStreams(const Device& device);

  SourceOptions options_;
  Changes& changes_;
  std::string debugfs_;
  std::vector<Device> devices_;
  std::vector<Stream> streams_;
  size_t keep_ = 0;
  bool open_ = false;
};

Error setUpError(const std::string& name, int number) {
  switch (number) {
    case EBUSY:
    case EEXIST:
      return {"TRACER_BUSY", "/dev/" + name +
                                 " is being traced already (by blktrace?): the kernel allows one trace for each device; "
                                 "stop that one first, or run 'blkscope recover' if a killed session left it"};
    case ENOMEM:
      return {"ENOMEM", "the kernel has no memory for the trace buffers of /dev/" + name + "; give fewer (-n)"};
    case ENOTTY:
      return {"NO_BLK_TRACER", "this kernel has no block tracer (CONFIG_BLK_DEV_IO_TRACE is off)"};
    default:
      return systemError("set up the trace of /dev/" + name, number);
  }
}

// The name of the trace's folder under debugfs.
Result<std::string> RelaySource::setUpTrace(int node, const std::string& name) {
  abi::TraceSetup2 second{};
  second.actMask = actionMask(options_, name);
  second.bufSize = static_cast<uint32_t>(info_.bufferBytes);
  second.bufCount = static_cast<uint32_t>(info_.bufferCount);
  // The kernel takes 0 for "not given": from the start of the disk, or the partition, and to its end.
  second.startLba = options_.firstSector;
  second.endLba = options_.lastSector == UINT64_MAX ? 0 : options_.lastSector;
  second.pid = options_.pid;
  if (::ioctl(node, abi::kBlkTraceSetup2, &second) == 0) {
    info_.protocol = Protocol::v2;
    return std::string(second.name, ::strnlen(second.name, sizeof second.name));
  }
  if (errno != ENOTTY && errno != EINVAL) return setUpError(name, errno);
  abi::TraceSetup first{};
  first.actMask = static_cast<uint16_t>(second.actMask);
  first.bufSize = second.bufSize;
  first.bufCount = second.bufCount;
  first.startLba = second.startLba;
  first.endLba = second.endLba;
  first.pid = second.pid;
  if (::ioctl(node, abi::kBlkTraceSetup, &first) != 0) return setUpError(name, errno);
  return std::string(first.name, ::strnlen(first.name, sizeof first.name));
}

Result<Device> RelaySource::setUp(const std::string& name) {
  std::string path = "/dev/" + name;
  auto node = openFile(path, O_RDONLY | O_NONBLOCK);
  if (!node) return node.error();
  // Journaled first; but a trace that was there before is not ours to tear down.
  size_t before = changes_.size();
  if (auto noted = changes_.willChange({Undo::Kind::teardown, path, ""}); !noted) return noted.error();
  auto folder = setUpTrace(node->get(), name);
  if (!folder) {
    changes_.forget(before);
    return folder.error();
  }
  return Device{name, std::move(*node), debugfs_ + "/block/" + *folder};
}

Result<void> RelaySource::openStreams(const Device& device) {
  long cpus = ::sysconf(_SC_NPROCESSORS_CONF);
  for (unsigned cpu = 0; cpu < static_cast<unsigned>(cpus); ++cpu) {
    std::string path = device.folder + "/trace" + std::to_string(cpu);
    if (::access(path.c_str(), F_OK) != 0) continue;  // a CPU that is not online has no buffer
    auto file = openFile(path, O_RDONLY | O_NONBLOCK);
    if (!file && file.error().code == "EPERM") {
      return Error{"LOCKDOWN", "the kernel refuses relay files (" + path +
                                   ": EPERM, kernel lockdown as on Secure Boot machines); use --source ftrace"};
    }
    if (!file) return file.error();
    streams_.push_back({device.name, cpu, std::move(*file), RecordDecoder(), {}});
  }
  if (streams_.empty()) {
    return Error{"NO_DEBUGFS", "no relay files in " + device.folder + ": is debugfs mounted at " + debugfs_ + "?"};
  }
  return {};
}

Result<void> RelaySource::start() {
  keep_ = changes_.size();
  open_ = true;
  for (const std::string& name : options_.devices) {
    auto device = setUp(name);
    if (!device) return device.error();
    devices_.push_back(std::move(*device));
    if (auto opened = openStreams(devices_.back()); !opened) return opened;
  }
  info_.cpus = static_cast<unsigned>(streams_.size() / devices_.size());
  info_.kernelBytes = info_.bufferBytes * info_.bufferCount * streams_.size();
  for (const Device& device : devices_) {
    if (::ioctl(device.node.get(), abi::kBlkTraceStart) != 0) return systemError("start the trace of " + device.name);
  }
  return {};
}

Result<void> RelaySource::stop() {
  Result<void> result;
  for (const Device& device : devices_) {
    if (::ioctl(device.node.get(), abi::kBlkTraceStop) == 0 || !result) continue;
    result = systemError("stop the trace of " + device.name);
    if (!deviceNumber(device.name)) result = vanished(device.name);
  }
  return result;
}

void RelaySource::close() {
  if (!open_) return;
  open_ = false;
  streams_.clear();
  devices_.clear();
  changes_.undo(keep_);
}

// The kernel makes room for a record, moving the buffer's end, and fills it in afterwards, with interrupts off on the
// buffer's CPU. A read includes the sub-buffer being filled, so a reader elsewhere can get a record whose bytes are not
// there yet; a reader on that CPU cannot run in between.
// A CPU that refuses is offline and writes nothing. Where a cpuset forbids it, a torn record shows as a sequence gap.
void moveTo(unsigned cpu) {
  if (static_cast<unsigned>(::sched_getcpu()) == cpu) return;
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> mask(cpu / kBits + 1);
  mask.back() = 1ul << cpu % kBits;
  ::sched_setaffinity(0, mask.size() * sizeof(unsigned long), reinterpret_cast<cpu_set_t*>(mask.data()));
}

Result<bool> RelaySource::drain(size_t stream, std::vector<Event>& out) {
  Stream& s = streams_[stream];
  moveTo(s.cpu);
  ssize_t got = ::read(s.file.get(), s.buffer.data(), s.buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0 && errno == EIO) return vanished(s.device);
  if (got < 0) return systemError("read relay file of CPU " + std::to_string(s.cpu));
  if (got == 0) return false;
  s.decoder.decode({s.buffer.data(), static_cast<size_t>(got)}, out, s.notes);
  return true;
}

uint64_t RelaySource::dropped() {
  uint64_t total = 0;
  for (const Device& device : devices_) {
    auto text = readText(device.folder + "/dropped");
    if (text) total += std::strtoull(text->c_str(), nullptr, 10);
  }
  return total;
}

uint64_t RelaySource::sequenceGaps() const {
  uint64_t total = 0;
  for (const Stream& s : streams_) total += s.decoder.sequenceGaps();
  return total;
}

Notes RelaySource::notes() {
  Notes all;
  for (Stream& s : streams_) all.merge(std::move(s.notes));
  return all;
}

}  // namespace

std::string debugfsPath() { return mountPoint("debugfs", "/sys/kernel/debug"); }

Result<std::unique_ptr<Source>> openRelaySource(const SourceOptions& options, Changes& changes) {
  std::string debugfs = debugfsPath();
  if (debugfs.empty()) {
    return Error{"NO_DEBUGFS", "debugfs is not mounted: mount -t debugfs nodev /sys/kernel/debug (or give --mount)"};
  }
  for (const std::string& device : options.devices) {
    if (auto number = deviceNumber(device); !number) return number.error();
  }
  return std::unique_ptr<Source>(std::make_unique<RelaySource>(options, changes, debugfs));
}

}  // namespace blkscope

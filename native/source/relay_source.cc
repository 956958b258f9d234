#include "source/relay_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

#include "source/buffer_size.h"
#include "source/traced_queues.h"
#include "system/blktrace_abi.h"
#include "system/clock.h"
#include "system/cpus.h"
#include "system/fd.h"
#include "system/mounts.h"

namespace blkscope {
namespace {

constexpr uint64_t kDefaultBufferBytes = 512 << 10;
constexpr uint64_t kLeastBufferCount = 4;  // blktrace's choice
constexpr uint64_t kLookNs = 2'000'000;   // less than what the capture lets events settle
constexpr int kReaderOfLateCpus = -1;
constexpr size_t kReadBytes = 64 << 10;  // stays in the cache between the kernel's copy and the decoding
constexpr size_t kMostRecordBytes = sizeof(abi::Record2) + UINT16_MAX;

// A CPU gets its file when it comes online for the first time, before anything runs on it.
class TraceFiles {
 public:
  explicit TraceFiles(std::string folder) : folder_(std::move(folder)) {}

  std::string path(unsigned cpu) const { return folder_ + "/trace" + std::to_string(cpu); }

  /// Looked up at most every 2 ms. One thread at a time.
  bool has(unsigned cpu) {
    uint64_t now = monotonicNs();
    if (lookedNs_ == 0 || now - lookedNs_ > kLookNs) look(now);
    return std::ranges::find(cpus_, cpu) != cpus_.end();
  }

 private:
  void look(uint64_t now) {
    lookedNs_ = now;
    cpus_.clear();
    DIR* entries = ::opendir(folder_.c_str());
    if (!entries) return;
    while (dirent* entry = ::readdir(entries)) {
      if (unsigned cpu; std::sscanf(entry->d_name, "trace%u", &cpu) == 1) cpus_.push_back(cpu);
    }
    ::closedir(entries);
  }

  std::string folder_;
  std::vector<unsigned> cpus_;
  uint64_t lookedNs_ = 0;
};

struct Device {
  std::string name;
  Fd node;
  std::string folder;  // <debugfs>/block/<name>
  std::unique_ptr<TraceFiles> files;
};

struct RelayStream {
  std::string device;
  TraceFiles* files;
  unsigned cpu;
  bool late;  // its CPU was not online at the start
  Fd file;    // none as long as its CPU has never been online
  RecordDecoder decoder;
  Notes notes;
  std::vector<std::byte> buffer = std::vector<std::byte>(kMostRecordBytes + kReadBytes);
  size_t held = 0;  // at the buffer's start: of a record whose end has not come
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
  int reader(size_t stream) const override {
    return streams_[stream].late ? kReaderOfLateCpus : static_cast<int>(streams_[stream].cpu);
  }
  int pollFd(size_t stream) const override { return streams_[stream].file.get(); }
  Result<bool> drain(size_t stream, EventSink& sink) override;
  uint64_t dropped() override;
  uint64_t sequenceGaps() const override;
  std::vector<Defect> defects() override;
  Notes notes() override;

 private:
  Result<Device> setUp(const TracedQueue& queue);
  Result<std::string> setUpTrace(int node, const TracedQueue& queue);
  Result<void> openStreams(const Device& device);
  Result<void> openStream(RelayStream& stream);

  SourceOptions options_;
  Changes& changes_;
  std::string debugfs_;
  std::vector<Device> devices_;
  std::vector<RelayStream> streams_;
  size_t keep_ = 0;
  bool open_ = false;
};

/// Names of the kernel hold an exclamation mark where those in /dev have a folder.
std::string nodeOf(std::string name) {
  std::ranges::replace(name, '!', '/');
  return "/dev/" + name;
}

Error setUpError(const std::string& name, int number) {
  switch (number) {
    case EBUSY:
    case EEXIST:
      return tracedAlready(name);
    case ENOMEM:
      return {"ENOMEM", "the kernel has no memory for the trace buffers of " + nodeOf(name) + "; give fewer (-n)"};
    case ENOTTY:
      return {"NO_BLK_TRACER", "this kernel has no block tracer (CONFIG_BLK_DEV_IO_TRACE is off)"};
    default:
      return systemError("set up the trace of " + nodeOf(name), number);
  }
}

// The name of the trace's folder under debugfs.
Result<std::string> RelaySource::setUpTrace(int node, const TracedQueue& queue) {
  abi::TraceSetup2 second{};
  second.actMask = queue.actions;
  second.bufSize = static_cast<uint32_t>(info_.bufferBytes);
  second.bufCount = static_cast<uint32_t>(info_.bufferCount);
  // The kernel takes 0 for "not given": from the start of the disk, or the partition, and to its end.
  if (queue.filtered) {
    second.startLba = options_.firstSector;
    second.endLba = options_.lastSector == UINT64_MAX ? 0 : options_.lastSector;
    second.pid = options_.pid;
  }
  if (::ioctl(node, abi::kBlkTraceSetup2, &second) == 0) {
    info_.protocol = Protocol::v2;
    return std::string(second.name, ::strnlen(second.name, sizeof second.name));
  }
  if (errno != ENOTTY && errno != EINVAL) return setUpError(queue.name, errno);
  abi::TraceSetup first{};
  first.actMask = static_cast<uint16_t>(second.actMask);
  first.bufSize = second.bufSize;
  first.bufCount = second.bufCount;
  first.startLba = second.startLba;
  first.endLba = second.endLba;
  first.pid = second.pid;
  if (::ioctl(node, abi::kBlkTraceSetup, &first) != 0) return setUpError(queue.name, errno);
  return std::string(first.name, ::strnlen(first.name, sizeof first.name));
}

Result<Device> RelaySource::setUp(const TracedQueue& queue) {
  std::string path = nodeOf(queue.name);
  auto node = openFile(path, O_RDONLY | O_NONBLOCK);
  if (!node) return node.error();
  // Journaled first; but a trace that was there before is not ours to tear down.
  size_t before = changes_.size();
  if (auto noted = changes_.willChange({Undo::Kind::teardown, path, ""}); !noted) return noted.error();
  auto folder = setUpTrace(node->get(), queue);
  if (!folder) {
    changes_.forget(before);
    return folder.error();
  }
  std::string traces = debugfs_ + "/block/" + *folder;
  return Device{queue.name, std::move(*node), traces, std::make_unique<TraceFiles>(traces)};
}

Result<void> RelaySource::openStreams(const Device& device) {
  size_t before = streams_.size();
  for (unsigned cpu : possibleCpus()) {
    streams_.push_back({device.name, device.files.get(), cpu, true, {}, RecordDecoder(), {}});
    if (!device.files->has(cpu)) continue;
    streams_.back().late = false;
    if (auto opened = openStream(streams_.back()); !opened) return opened;
  }
  if (std::all_of(streams_.begin() + static_cast<ptrdiff_t>(before), streams_.end(), std::mem_fn(&RelayStream::late))) {
    return Error{"NO_DEBUGFS", "no relay files in " + device.folder + ": is debugfs mounted at " + debugfs_ + "?"};
  }
  return {};
}

Result<void> RelaySource::openStream(RelayStream& stream) {
  std::string path = stream.files->path(stream.cpu);
  auto file = openFile(path, O_RDONLY | O_NONBLOCK);
  if (!file && file.error().code == "EPERM") {
    return Error{"LOCKDOWN", "the kernel refuses relay files (" + path +
                                 ": EPERM, kernel lockdown as on Secure Boot machines); use --source ftrace"};
  }
  if (!file) return file.error();
  stream.file = std::move(*file);
  return {};
}

Result<void> RelaySource::start() {
  keep_ = changes_.size();
  open_ = true;
  for (const TracedQueue& queue : tracedQueues(options_)) {
    auto device = setUp(queue);
    if (!device) return device.error();
    devices_.push_back(std::move(*device));
    if (auto opened = openStreams(devices_.back()); !opened) return opened;
  }
  auto open = static_cast<size_t>(std::ranges::count(streams_, false, &RelayStream::late));
  info_.cpus = static_cast<unsigned>(open / devices_.size());
  info_.kernelBytes = info_.bufferBytes * info_.bufferCount * open;
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

Result<bool> RelaySource::drain(size_t stream, EventSink& sink) {
  RelayStream& s = streams_[stream];
  if (!s.file.valid()) {
    if (!s.files->has(s.cpu)) return false;
    if (auto opened = openStream(s); !opened) return opened.error();
  }
  moveTo(s.cpu);
  ssize_t got = ::read(s.file.get(), s.buffer.data() + s.held, kReadBytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0 && errno == EIO) return vanished(s.device);
  if (got < 0) return systemError("read relay file of CPU " + std::to_string(s.cpu));
  if (got == 0) return false;
  size_t there = s.held + static_cast<size_t>(got);
  size_t used = sink.records({s.buffer.data(), there}, s.decoder, s.notes);
  s.held = there - used;
  std::memmove(s.buffer.data(), s.buffer.data() + used, s.held);
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
  for (const RelayStream& s : streams_) total += s.decoder.sequenceGaps();
  return total;
}

std::vector<Defect> RelaySource::defects() {
  uint64_t bytes = 0;
  uint64_t impossible = 0;
  for (const RelayStream& s : streams_) {
    bytes += s.decoder.garbageBytes() + s.held;
    impossible += s.decoder.impossibleTimes();
  }
  std::vector<Defect> found;
  if (bytes) found.push_back({"NO_RECORDS", {{"bytes", bytes}}});
  if (impossible) found.push_back({"NOT_UNDERSTOOD", {{"events", impossible}}});
  return found;
}

Notes RelaySource::notes() {
  Notes all;
  for (RelayStream& s : streams_) all.merge(std::move(s.notes));
  return all;
}

}  // namespace

std::string debugfsPath() { return mountPoint("debugfs", "/sys/kernel/debug"); }

Result<std::unique_ptr<Source>> openRelaySource(const SourceOptions& options, Changes& changes) {
  std::string debugfs = debugfsPath();
  if (debugfs.empty()) {
    return Error{"NO_DEBUGFS", "debugfs is not mounted: mount -t debugfs nodev /sys/kernel/debug (or give --mount)"};
  }
  if (auto fit = checkDevices(options.devices); !fit) return fit.error();
  for (const TracedQueue& queue : tracedQueues(options)) {
    if (queue.hidden) {
      return Error{"HIDDEN_PATHS", "relay cannot trace " + queue.name +
                                       ", a path of NVMe multipath, which the kernel hides: use --source ftrace"};
    }
  }
  return std::unique_ptr<Source>(std::make_unique<RelaySource>(options, changes, debugfs));
}

}  // namespace blkscope

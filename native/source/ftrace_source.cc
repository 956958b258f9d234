#include "source/ftrace_source.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "decode/ring_page.h"
#include "source/buffer_size.h"
#include "source/ring_reader.h"
#include "source/traced_queues.h"
#include "system/cpus.h"
#include "system/fd.h"
#include "system/mounts.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

constexpr uint64_t kLeastBufferBytes = 4 << 20;  // per CPU

struct Stream {
  unsigned cpu;
  std::unique_ptr<RingReader> ring;
  Notes notes;
  std::vector<Event> events = {};  // of a sub-buffer
};

// The number of TRACE_BLK is the kernel's internal enum. It has no format file of its own, but its neighbours have:
// the enum runs user_stack, blk, bputs.
Result<uint16_t> findBlkType(const std::string& tracefs) {
  auto idOf = [&](const char* event) -> int {
    auto text = readText(tracefs + "/events/ftrace/" + event + "/format");
    if (!text) return -1;
    size_t at = text->find("ID: ");
    return at == std::string::npos ? -1 : std::atoi(text->c_str() + at + 4);
  };
  int before = idOf("user_stack");
  int after = idOf("bputs");
  if (before < 0 || after - before != 2) {
    return Error{"NO_BLK_TRACER", "cannot tell the block tracer's entry type from " + tracefs +
                                      "/events/ftrace (user_stack and bputs are not two apart); use --source relay"};
  }
  return static_cast<uint16_t>(before + 1);
}

// Linux 6.19 changed the entries to the second record format.
Protocol kernelProtocol() {
  utsname name{};
  ::uname(&name);
  int major = 0;
  int minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  return major > 6 || (major == 6 && minor >= 19) ? Protocol::v2 : Protocol::v1;
}

// "1408", or "7 (expanded: 1408)" before the first use: what the next user of the ring would have found.
std::string sizeToRestore(const std::string& text) {
  size_t expanded = text.find(": ");
  std::string number = expanded == std::string::npos ? text : text.substr(expanded + 2);
  return number.substr(0, number.find_first_not_of("0123456789"));
}

class FtraceSource final : public Source {
 public:
  FtraceSource(SourceOptions options, Changes& changes, std::string tracefs, uint16_t blkType)
      : options_(std::move(options)), heads_(options_.devices), changes_(changes), tracefs_(std::move(tracefs)), blkType_(blkType) {
    info_.kind = "ftrace";
    info_.protocol = kernelProtocol();
    uint64_t needed = bufferBytesPerCpu(bufferNeed(options_.devices, options_.actions));
    info_.bufferBytes = options_.bufferBytes ? options_.bufferBytes : std::max(needed, kLeastBufferBytes);
    info_.bufferCount = options_.bufferCount ? options_.bufferCount : 1;
  }
  ~FtraceSource() override { close(); }

  Result<void> start() override;
  Result<void> stop() override;
  void close() override;
  size_t streams() const override { return streams_.size(); }
  unsigned cpu(size_t stream) const override { return streams_[stream].cpu; }
  int pollFd(size_t stream) const override { return streams_[stream].ring->pollFd(); }
  Result<bool> drain(size_t stream, EventSink& sink) override {
    Stream& s = streams_[stream];
    if (!s.ring->exists() && !stopped_ && !online_.has(s.cpu)) return false;
    s.events.clear();
    auto more = s.ring->read(s.events, s.notes);
    heads_.apply(s.events, 0);
    sink.events(s.events);
    return more;
  }
  uint64_t dropped() override;
  std::vector<CpuDrops> drops() override;
  uint64_t sequenceGaps() const override { return 0; }
  std::vector<Defect> defects() override;
  Notes notes() override;

 private:
  Result<void> lockTracer();
  Result<void> refuseForeignTracer();
  Result<void> setBuffer();
  Result<void> setFilters(const TracedQueue& queue, const std::string& folder);
  Result<void> setQueue(const TracedQueue& queue);
  Result<void> openStreams();
  std::string statsOf(const Stream& stream) const;
  std::string file(const char* name) const { return tracefs_ + "/" + name; }

  SourceOptions options_;
  MultipathHeads heads_;
  Changes& changes_;
  std::string tracefs_;
  uint16_t blkType_;
  std::vector<Stream> streams_;
  OnlineCpus online_;
  Fd lock_;          // of the tracer, which is one for the machine
  size_t keep_ = 0;  // changes made before ours
  bool open_ = false;
  std::atomic<bool> stopped_ = false;
};

// Two sessions that start together would each find the tracer free, and undo each other's settings.
Result<void> FtraceSource::lockTracer() {
  auto folder = openFile(tracefs_, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{"TRACER_BUSY", "another blkscope session traces through ftrace, whose buffer is one for the machine (" +
                                    tracefs_ + "): wait for its end, or use --source relay"};
  }
  lock_ = std::move(*folder);
  return {};
}

Result<void> FtraceSource::refuseForeignTracer() {
  auto tracer = readText(file("current_tracer"));
  if (!tracer) return tracer.error();
  if (*tracer != "nop") {
    return Error{"TRACER_BUSY", "the kernel's '" + *tracer + "' tracer is active (" + file("current_tracer") +
                                    "), and there is one buffer for all: stop that tracer first (echo nop > " +
                                    file("current_tracer") + ")"};
  }
  auto events = readText(file("set_event"));
  if (events && !events->empty()) {
    return Error{"TRACER_BUSY", "trace events are enabled in the global buffer (" + file("set_event") +
                                    "): disable them first (echo > set_event), because they would mix with the block trace"};
  }
  return {};
}

Result<void> FtraceSource::setBuffer() {
  auto size = readText(file("buffer_size_kb"));
  auto clock = readText(file("trace_clock"));
  if (!size) return size.error();
  if (!clock) return clock.error();
  size_t open = clock->find('[');
  std::string clockBefore = clock->substr(open + 1, clock->find(']') - open - 1);
  uint64_t kib = info_.bufferBytes * info_.bufferCount / 1024;

  if (auto r = changes_.writeSetting(file("tracing_on"), "0"); !r) return r;
  if (auto r = changes_.writeSetting(file("buffer_size_kb"), std::to_string(kib), sizeToRestore(*size)); !r) {
    return Error{r.error().code, "the kernel has no memory for " + std::to_string(kib) +
                                     " KiB of trace buffer per CPU: " + r.error().message};
  }
  if (auto r = changes_.writeSetting(file("options/overwrite"), "0"); !r) return r;
  return changes_.writeSetting(file("trace_clock"), "mono", clockBefore);
}

// The first write sets the trace up, with no filter yet.
Result<void> FtraceSource::setFilters(const TracedQueue& queue, const std::string& folder) {
  struct Filter {
    const char* name;
    uint64_t value;
    uint64_t any;
  };
  const Filter filters[] = {{"act_mask", queue.actions, 0},
                            {"start_lba", queue.filtered ? options_.firstSector : 0, 0},
                            {"end_lba", queue.filtered ? options_.lastSector : UINT64_MAX, UINT64_MAX},
                            {"pid", queue.filtered ? options_.pid : 0, 0}};
  for (const Filter& filter : filters) {
    if (filter.value == filter.any) continue;
    auto written = writeText(folder + filter.name, std::to_string(filter.value));
    if (written) continue;
    if (written.error().code != "EBUSY") return written;
    return tracedAlready(queue.name);
  }
  return {};
}

Result<void> FtraceSource::setQueue(const TracedQueue& queue) {
  std::string folder = "/sys/class/block/" + queue.name + "/trace/";
  auto enabled = readText(folder + "enable");
  if (!enabled) {
    return Error{"NO_BLK_TRACER", "the kernel cannot trace " + queue.name + " through ftrace: " + enabled.error().message};
  }
  if (*enabled != "0") return tracedAlready(queue.name);
  // Writing any filter sets the trace up; enable=0 removes it with its filters.
  if (auto r = changes_.willChange({Undo::Kind::write, folder + "enable", "0"}); !r) return r;
  return setFilters(queue, folder);
}

Result<void> FtraceSource::openStreams() {
  auto subBuffer = readText(file("buffer_subbuf_size_kb"));  // Linux 6.8 on
  size_t subBufferBytes = subBuffer ? std::stoul(*subBuffer) * 1024 : pageBytes();
  for (unsigned cpu : possibleCpus()) {
    // What is not there yet cannot be mapped; the kernel gives it a buffer when it comes online.
    RingAccess access = online_.has(cpu) ? options_.ring : RingAccess::pages;
    auto ring = openRing(file("per_cpu/cpu") + std::to_string(cpu), access, subBufferBytes,
                         RingPageDecoder(cpu, blkType_, info_.protocol));
    if (!ring) return ring.error();
    streams_.push_back({cpu, std::move(*ring), {}});
    info_.cpus += online_.has(cpu);
  }
  info_.kernelBytes = info_.bufferBytes * info_.bufferCount * info_.cpus;
  return {};
}

Result<void> FtraceSource::start() {
  keep_ = changes_.size();
  open_ = true;
  if (auto r = lockTracer(); !r) return r;
  if (auto r = refuseForeignTracer(); !r) return r;
  if (auto r = setBuffer(); !r) return r;
  // Choosing the tracer empties the buffer; the devices come after, so that their first notes are kept.
  if (auto r = changes_.writeSetting(file("current_tracer"), "blk"); !r) return r;
  if (auto r = openStreams(); !r) return r;
  if (auto r = writeText(file("tracing_on"), "1"); !r) return r;
  for (const TracedQueue& queue : tracedQueues(options_)) {
    if (auto r = setQueue(queue); !r) return r;
  }
  return {};
}

Result<void> FtraceSource::stop() {
  if (auto r = writeText(file("tracing_on"), "0"); !r) return r;
  stopped_ = true;
  // The ring does not tell that a device went; its events just end.
  for (const std::string& device : options_.devices) {
    if (!deviceNumber(device)) return vanished(device);
  }
  return {};
}

void FtraceSource::close() {
  if (!open_) return;
  open_ = false;
  streams_.clear();  // an open trace_pipe_raw holds the tracer
  changes_.undo(keep_);
  lock_ = Fd();
}

/// One of a ring's own statistics; 0 where it has none.
uint64_t statistic(const std::string& stats, std::string_view name) {
  std::istringstream lines(stats);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size(), nullptr, 10);
  }
  return 0;
}

// "dropped events" with overwrite off; "overrun" should stay 0 and is counted in case someone switched it on.
uint64_t droppedIn(const std::string& stats) {
  return statistic(stats, "dropped events: ") + statistic(stats, "overrun: ");
}

uint64_t FtraceSource::dropped() {
  uint64_t total = 0;
  for (const CpuDrops& cpu : drops()) total += cpu.events;
  return total;
}

/// Empty where there is no ring.
std::string FtraceSource::statsOf(const Stream& stream) const {
  if (!stream.ring->exists()) return {};
  auto stats = readText(tracefs_ + "/per_cpu/cpu" + std::to_string(stream.cpu) + "/stats");
  return stats ? *stats : std::string();
}

std::vector<CpuDrops> FtraceSource::drops() {
  std::vector<CpuDrops> all;
  for (const Stream& s : streams_) all.push_back({static_cast<int>(s.cpu), droppedIn(statsOf(s))});
  return all;
}

// The ring counts what was read of it by anyone: what is more than came here, another reader took.
std::vector<Defect> FtraceSource::defects() {
  uint64_t taken = 0;
  uint64_t garbled = 0;
  uint64_t overwritten = 0;
  for (const Stream& s : streams_) {
    std::string stats = statsOf(s);
    const RingPageDecoder& decoder = s.ring->decoder();
    uint64_t read = statistic(stats, "read events: ");
    uint64_t overruns = statistic(stats, "overrun: ");
    if (read > decoder.entries()) taken += read - decoder.entries();
    if (decoder.missed() > overruns) overwritten += decoder.missed() - overruns;
    garbled += decoder.garbled();
  }
  std::vector<Defect> found;
  if (taken) found.push_back({"RING_SHARED", {{"events", taken}}});
  if (overwritten) found.push_back({"RING_OVERWRITTEN", {{"events", overwritten}}});
  if (garbled) found.push_back({"NOT_UNDERSTOOD", {{"events", garbled}}});
  return found;
}

Notes FtraceSource::notes() {
  Notes all;
  for (Stream& s : streams_) all.merge(std::move(s.notes));
  // Names that no note told: the scheduler's cache of the last few, "PID NAME" a line.
  std::ifstream saved(file("saved_cmdlines"));
  uint32_t pid = 0;
  std::string name;
  while (saved >> pid && std::getline(saved >> std::ws, name)) all.processNames.emplace(pid, name);
  return all;
}

}  // namespace

std::string tracefsPath() { return mountPoint("tracefs", "/sys/kernel/tracing"); }

Result<std::unique_ptr<Source>> openFtraceSource(const SourceOptions& options, Changes& changes) {
  std::string tracefs = tracefsPath();
  if (tracefs.empty()) {
    return Error{"NO_TRACEFS",
                 "tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing (or give --mount)"};
  }
  auto tracers = readText(tracefs + "/available_tracers");
  if (!tracers) return tracers.error();
  if ((" " + *tracers + " ").find(" blk ") == std::string::npos) {
    return Error{"NO_BLK_TRACER", "this kernel has no 'blk' tracer (CONFIG_BLK_DEV_IO_TRACE is off)"};
  }
  auto type = findBlkType(tracefs);
  if (!type) return type.error();
  if (auto fit = checkDevices(options.devices); !fit) return fit.error();
  return std::unique_ptr<Source>(std::make_unique<FtraceSource>(options, changes, tracefs, *type));
}

}  // namespace blkscope

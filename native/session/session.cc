#include "session/session.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "merge/merger.h"
#include "source/ftrace_source.h"
#include "source/relay_source.h"
#include "system/clock.h"
#include "system/peak_memory.h"

namespace blkscope {
namespace {

constexpr int kAnalysisNice = 19;
constexpr size_t kMergedEvents = 512;  // analysed at a time

Result<std::unique_ptr<Source>> openAndStart(Result<std::unique_ptr<Source>> opened) {
  if (!opened) return opened;
  if (auto started = (*opened)->start(); !started) {
    (*opened)->close();
    return started.error();
  }
  return opened;
}

// Refusals of relay that ftrace does not share.
bool ftraceMayHelp(const std::string& code) {
  return code == "LOCKDOWN" || code == "NO_DEBUGFS" || code == "EPERM" || code == "EACCES" || code == "ENOENT" ||
         code == "HIDDEN_PATHS";
}

}  // namespace

Result<std::unique_ptr<Source>> startSource(SourceKind kind, const SourceOptions& options, Changes& changes) {
  if (kind == SourceKind::ftrace) return openAndStart(openFtraceSource(options, changes));
  auto relay = openAndStart(openRelaySource(options, changes));
  if (relay || kind == SourceKind::relay || !ftraceMayHelp(relay.error().code)) return relay;
  auto ftrace = openAndStart(openFtraceSource(options, changes));
  if (ftrace) (*ftrace)->because("relay was refused: " + relay.error().message);
  return ftrace;
}

Session::Session(SessionOptions options, std::function<void()> onReady)
    : options_(std::move(options)), changes_(options_.journalDirectory), queue_(std::move(onReady)) {}

std::vector<std::optional<DiskCounters>> Session::readAllCounters() const {
  std::vector<std::optional<DiskCounters>> counters;
  for (const std::string& device : options_.source.devices) counters.push_back(readDiskCounters(device));
  return counters;
}

Result<void> Session::openSource() {
  auto source = options_.openSource ? openAndStart(options_.openSource(changes_))
                                    : startSource(options_.kind, options_.source, changes_);
  if (!source) return source.error();
  source_ = std::move(*source);
  return {};
}

Result<void> Session::findDevices() {
  const std::vector<std::string> none;
  const auto& names = options_.openSource ? none : options_.source.devices;
  BlockDevices system;
  for (const std::string& name : names) {
    auto device = system.find(name);
    if (!device) return device.error();
    devices_.push_back(std::move(*device));
  }
  bcache_ = std::make_unique<BcacheCompletions>(names, system);
  return {};
}

Result<void> Session::start() {
  resetPeakMemory();
  recover(options_.journalDirectory);  // what a killed session left would be in the way
  if (auto found = findDevices(); !found) return found;
  if (!options_.spool.directory.empty()) {
    if (auto usable = checkSpoolDirectory(options_.spool.directory); !usable) return usable;
  }
  uint64_t opening = monotonicNs();
  if (auto opened = openSource(); !opened) return opened;
  countersBefore_ = readAllCounters();
  startedNs_ = monotonicNs();
  edgeNs_ = startedNs_ - opening;
  info_ = source_->info();
  std::vector<unsigned> cpus;
  for (size_t i = 0; i < source_->streams(); ++i) cpus.push_back(source_->cpu(i));
  spool_ = std::make_unique<Spool>(cpus, options_.spool);
  analysis_ = std::make_unique<Analysis>(std::move(options_.files), devices_.empty() ? 0 : devices_.front().number, startedNs_);
  for (const BlockDevice& device : devices_) {
    if (device.zoneSectors) analysis_->setZones(device.number, device.zoneSectors);
  }
  analysis_->setLayered(layered());
  return startThreads();
}

Result<void> Session::startThreads() {
  try {
    capture_ = std::make_unique<Capture>(*source_, *spool_, options_.onFull, [this] { countTraced(); });
    analysisThread_ = std::thread([this] { analyse(); });
    return {};
  } catch (const std::system_error& error) {
    return systemError("start the threads of a capture", error.code().value());
  }
}

bool Session::isLayered(const BlockDevice& device) const {
  return std::ranges::any_of(devices_, [&](const BlockDevice& other) {
    return other.number != device.number && std::ranges::find(device.liesOn, other.number) != device.liesOn.end();
  });
}

std::vector<uint32_t> Session::layered() const {
  std::vector<uint32_t> numbers;
  for (const BlockDevice& device : devices_) {
    if (isLayered(device)) numbers.push_back(device.number);
  }
  return numbers;
}

// By the devices' own counters, from the start until the source has stopped.
void Session::countTraced() {
  uint64_t counting = monotonicNs();
  std::vector<std::optional<DiskCounters>> after = readAllCounters();
  edgeNs_ += monotonicNs() - counting;
  for (size_t i = 0; i < after.size(); ++i) counted_.push_back(countedBetween(countersBefore_[i], after[i]));
  integrity_.counted = countedByAll();
}

/// A filter leaves out what the disks count.
bool Session::comparable() const {
  const SourceOptions& asked = options_.source;
  return asked.firstSector == 0 && asked.lastSector == UINT64_MAX && asked.pid == 0;
}

/// None where one of the disks does not tell.
std::optional<DiskCounters> Session::countedByAll() const {
  if (!comparable()) return {};
  DiskCounters all;
  for (size_t i = 0; i < counted_.size(); ++i) {
    if (i < devices_.size() && isLayered(devices_[i])) continue;
    if (!counted_[i]) return {};
    all.readSectors += counted_[i]->readSectors;
    all.writtenSectors += counted_[i]->writtenSectors;
  }
  return all;
}

/// The disks that can be compared with the trace: where all was asked for, and no loss that is known explains the rest.
std::vector<CountedByDisk> Session::counted() const {
  if (capture_->kernelDropped() + spool_->droppedEvents() > 0) return {};
  if (options_.openSource || !comparable()) return {};
  std::vector<CountedByDisk> all;
  for (size_t i = 0; i < devices_.size() && i < counted_.size(); ++i) {
    if (counted_[i]) all.push_back({devices_[i].name, devices_[i].number, *counted_[i], edgeNs_});
  }
  return all;
}

Result<void> Session::stop() {
  if (!capture_ || stopped_) return {};
  stopped_ = true;
  capture_->stop();
  integrity_.dropped = capture_->kernelDropped() + spool_->droppedEvents();
  integrity_.losses = capture_->outcome().losses;
  integrity_.sequenceGaps = source_->sequenceGaps();
  listDefects();
  notes_ = source_->notes();
  source_->close();
  UndoReport report = changes_.undo();  // also tries again what the source could not put back
  if (report.failed.empty()) return {};
  std::string all;
  for (const std::string& failure : report.failed) all += (all.empty() ? "" : "; ") + failure;
  return Error{"NOT_UNDONE", "could not undo every change: " + all + "; try 'blkscope recover'"};
}

void Session::listDefects() {
  auto& defects = integrity_.defects;
  const CaptureOutcome& outcome = capture_->outcome();
  if (uint64_t dropped = capture_->kernelDropped()) {
    defects.push_back({"KERNEL_DROPPED",
                       {{"events", dropped},
                        {"buffers", info_.bufferCount},
                        {"kib", info_.bufferBytes >> 10},
                        {"moreBuffers", info_.bufferCount * 4}}});
  }
  if (uint64_t dropped = spool_->droppedEvents()) defects.push_back({"SPOOL_FULL", {{"events", dropped}}});
  if (integrity_.sequenceGaps) defects.push_back({"SEQUENCE_GAPS", {{"events", integrity_.sequenceGaps}}});
  if (outcome.fullNs && options_.onFull == Capture::OnFull::stop) {
    defects.push_back({"STOPPED_WHEN_FULL", {{"ms", (outcome.fullNs - startedNs_) / 1'000'000}}});
  }
  for (Defect& defect : source_->defects()) defects.push_back(std::move(defect));
  if (!outcome.error.empty()) defects.push_back({"CAPTURE_FAILED", {{"reason", outcome.error}}});
}

void Session::close() {
  queue_.abandon();
  if (spool_) spool_->cancel();
  (void)stop();  // what could not be undone stays in the journal
  if (analysisThread_.joinable()) analysisThread_.join();
}

std::unique_ptr<ColumnBatch> Session::take(bool& ended) {
  auto batch = queue_.take(ended);
  if (ended) {
    for (Defect& defect : std::exchange(judged_, {})) integrity_.defects.push_back(std::move(defect));
  }
  if (!batch && !ended && spool_) spool_->ask();
  return batch;
}

/// Nothing happens after the end: what bears such a time is left out, and counted.
std::span<Event> Session::withoutLater(std::span<Event> events, uint64_t endNs) {
  constexpr uint64_t kSkewNs = 1'000'000'000;  // of the CPUs' clocks, far more than there is
  size_t count = events.size();
  while (count > 0 && events[count - 1].time > endNs + kSkewNs) --count;
  later_ += events.size() - count;
  return events.first(count);
}

void Session::analyse() {
  ::pthread_setname_np(::pthread_self(), "blkscope-anly");
  // While the workload runs, it goes first: what nobody asks for waits in the spool.
  ::setpriority(PRIO_PROCESS, 0, kAnalysisNice);  // the calling thread's, on Linux
  Merger<Spool> merger(*spool_, spool_->streams());
  std::vector<Event> events(kMergedEvents);
  bool wanted = options_.deliver;
  if (wanted) analysis_->keepRows();
  for (uint64_t watermark = 0; watermark != UINT64_MAX && !spool_->cancelled();) {
    watermark = spool_->waitForWatermark();
    if (watermark == UINT64_MAX) ::setpriority(PRIO_PROCESS, 0, 0);  // tracing has ended
    while (size_t count = merger.read(events, watermark)) {
      auto merged = std::span<Event>(events).first(count);
      if (watermark == UINT64_MAX) merged = withoutLater(merged, capture_->stoppedNs());
      if (bcache_->any()) merged = bcache_->apply(merged);
      analysis_->consume(merged);
      if (wanted) wanted = batches_.add(analysis_->rows(), merged);
      analysis_->rows().clear();
    }
    if (wanted) wanted = batches_.passOn();
    if (wanted && !batches_.passedOn()) spool_->ask();
  }
  // The source had stopped before the last publication.
  analysis_->finish(capture_->stoppedNs());
  if (wanted && batches_.add(analysis_->rows(), {})) (void)batches_.passOn();  // what waited for its issue
  judged_ = judged(*analysis_, counted(), capture_->stoppedNs(), counters().dropped);
  if (later_) judged_.push_back({"NOT_UNDERSTOOD", {{"events", later_}}});
  analysisCpuNs_ = threadCpuNs();
  queue_.end();
}

SessionCounters Session::counters() const {
  if (!capture_) return {};
  const CaptureTotals& totals = capture_->totals();
  return {totals.events, capture_->kernelDropped() + spool_->droppedEvents(), totals.readBytes, totals.writeBytes,
          spool_->bytes(), spool_->peakMemoryBytes() + spool_->peakFileBytes()};
}

TracerCost Session::cost() const {
  return {capture_->outcome().cpuNs, analysisCpuNs_, info_.kernelBytes, spool_->peakMemoryBytes(), spool_->peakFileBytes(),
          spool_->totalBytes()};
}

}  // namespace blkscope

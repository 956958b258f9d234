#include "capture/session.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "capture/ftrace_source.h"
#include "capture/relay_source.h"
#include "merge/merger.h"
#include "system/clock.h"
#include "system/resident.h"

namespace blkscope {
namespace {

// How long an event may wait in the kernel while little happens; a filling buffer wakes the capture thread sooner.
constexpr int kSweepMs = 100;
// An event is stamped before it can be read; nothing older than this can still be on its way.
constexpr uint64_t kSettleNs = 5'000'000;
// How closely losses in the kernel are placed in time.
constexpr uint64_t kLossCheckNs = 250'000'000;
constexpr int kAnalysisNice = 19;
constexpr size_t kScratchEvents = 8192;

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
  return code == "LOCKDOWN" || code == "NO_DEBUGFS" || code == "EPERM" || code == "EACCES" || code == "ENOENT";
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
    : options_(std::move(options)), changes_(options_.journalDirectory), queue_(std::move(onReady)) {
  scratch_.reserve(kScratchEvents);
}

std::vector<DiskCounters> Session::readAllCounters() const {
  std::vector<DiskCounters> counters;
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

Result<void> Session::start() {
  recover(options_.journalDirectory);  // what a killed session left would be in the way
  auto fileDevice = options_.openSource ? Result<uint32_t>(0) : deviceNumber(options_.source.devices.front());
  if (!fileDevice) return fileDevice.error();
  if (!options_.spool.directory.empty()) {
    if (auto usable = checkSpoolDirectory(options_.spool.directory); !usable) return usable;
  }
  if (auto opened = openSource(); !opened) return opened;
  countersBefore_ = readAllCounters();
  startedNs_ = monotonicNs();
  info_ = source_->info();
  std::vector<unsigned> cpus;
  for (size_t i = 0; i < source_->streams(); ++i) cpus.push_back(source_->cpu(i));
  ended_.assign(cpus.size(), false);
  spool_ = std::make_unique<Spool>(cpus, options_.spool);
  analysis_ = std::make_unique<Analysis>(std::move(options_.files), *fileDevice, startedNs_);
  stopEvent_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  started_ = true;
  captureThread_ = std::thread([this] { capture(); });
  analysisThread_ = std::thread([this] { analyse(); });
  return {};
}

void Session::waitForEvents() {
  std::vector<pollfd> fds{{stopEvent_.get(), POLLIN, 0}};
  // poll passes over a descriptor of -1: a stream that has failed would be ready for ever.
  for (size_t i = 0; i < source_->streams(); ++i) fds.push_back({ended_[i] ? -1 : source_->pollFd(i), POLLIN, 0});
  ::poll(fds.data(), fds.size(), kSweepMs);
}

void Session::count(const std::vector<Event>& events) {
  uint64_t read = 0;
  uint64_t written = 0;
  for (const Event& event : events) {
    if (event.action != Action::complete || event.error) continue;
    if (event.direction == Direction::read) read += event.bytes;
    if (event.direction == Direction::write) written += event.bytes;
  }
  events_ += events.size();
  readBytes_ += read;
  writeBytes_ += written;
}

// Drains one stream until it is empty, or until its events are younger than the sweep: then all older ones are in.
void Session::sweepStream(size_t stream, uint64_t& watermark) {
  if (ended_[stream]) return;
  uint64_t sweepBegan = watermark;
  for (;;) {
    scratch_.clear();
    auto more = source_->drain(stream, scratch_);
    if (!scratch_.empty()) {
      count(scratch_);
      append(stream);
    }
    if (!more) {
      ended_[stream] = true;
      if (captureError_.empty()) captureError_ = more.error().message;
      return;
    }
    if (!*more) return;
    // A source that runs can go on for ever; one that was stopped is drained to its end.
    if (!sourceStopped_ && !scratch_.empty() && scratch_.back().time >= sweepBegan) return;
  }
}

void Session::append(size_t stream) {
  size_t kept = spool_->append(stream, scratch_);
  if (kept == scratch_.size()) return;
  integrity_.losses.add({scratch_[kept].time, scratch_.back().time, scratch_.size() - kept,
                         static_cast<int>(source_->cpu(stream)), Loss::By::spool});
  if (options_.onFull == SessionOptions::OnFull::stop && !stopping_.exchange(true)) fullNs_ = scratch_[kept].time;
}

// What the kernel dropped since the last check, it dropped between the two.
void Session::checkLosses() {
  uint64_t now = monotonicNs();
  std::vector<CpuDrops> drops = source_->drops();
  uint64_t total = 0;
  for (size_t i = 0; i < drops.size(); ++i) {
    uint64_t before = i < knownDrops_.size() ? knownDrops_[i].events : 0;
    total += drops[i].events;
    if (drops[i].events > before) {
      integrity_.losses.add(
          {lossesCheckedNs_, now, drops[i].events - before, drops[i].cpu, Loss::By::kernel});
    }
  }
  knownDrops_ = std::move(drops);
  kernelDropped_ = total;
  lossesCheckedNs_ = now;
}

void Session::sweep() {
  uint64_t watermark = monotonicNs();
  for (size_t i = 0; i < source_->streams(); ++i) sweepStream(i, watermark);
  spool_->publish(watermark - kSettleNs);
}

void Session::capture() {
  ::pthread_setname_np(::pthread_self(), "blkscope-capt");
  ResidentThread resident;
  lossesCheckedNs_ = startedNs_;
  while (!stopping_) {
    waitForEvents();
    sweep();
    if (monotonicNs() >= lossesCheckedNs_ + kLossCheckNs) checkLosses();
  }
  if (auto stopped = source_->stop(); !stopped && captureError_.empty()) captureError_ = stopped.error().message;
  sourceStopped_ = true;
  stoppedNs_ = monotonicNs();
  finishIntegrity(countersBefore_);
  sweep();
  checkLosses();
  spool_->publish(UINT64_MAX);
  captureCpuNs_ = threadCpuNs();
}

void Session::finishIntegrity(const std::vector<DiskCounters>& before) {
  std::vector<DiskCounters> after = readAllCounters();
  for (size_t i = 0; i < after.size(); ++i) {
    if (after[i].readSectors < before[i].readSectors) continue;  // a device that has vanished took its counters along
    integrity_.traced.readSectors += after[i].readSectors - before[i].readSectors;
    integrity_.traced.writtenSectors += after[i].writtenSectors - before[i].writtenSectors;
  }
}

Result<void> Session::stop() {
  if (!started_ || stopped_) return {};
  stopped_ = true;
  stopping_ = true;
  ::eventfd_write(stopEvent_.get(), 1);
  captureThread_.join();
  integrity_.dropped = kernelDropped_ + spool_->droppedEvents();
  integrity_.sequenceGaps = source_->sequenceGaps();
  listDefects();
  notes_ = std::move(source_->notes());
  source_->close();
  UndoReport report = changes_.undo();  // also tries again what the source could not put back
  if (report.failed.empty()) return {};
  std::string all;
  for (const std::string& failure : report.failed) all += (all.empty() ? "" : "; ") + failure;
  return Error{"NOT_UNDONE", "could not put everything back: " + all + "; try 'blkscope recover'"};
}

void Session::listDefects() {
  auto& defects = integrity_.defects;
  if (kernelDropped_) {
    defects.push_back("the kernel dropped " + std::to_string(kernelDropped_) +
                      " events for want of buffers; give larger ones (-b, -n)");
  }
  if (spool_->droppedEvents()) {
    defects.push_back("the spool reached its limit and dropped " + std::to_string(spool_->droppedEvents()) +
                      " events; give it more room");
  }
  if (integrity_.sequenceGaps) {
    defects.push_back(std::to_string(integrity_.sequenceGaps) + " events are missing by their sequence numbers");
  }
  if (fullNs_) {
    defects.push_back("the capture ended " + std::to_string((fullNs_ - startedNs_) / 1'000'000) +
                      " ms after its start, when the spool was full");
  }
  if (!captureError_.empty()) defects.push_back("a part of the capture ended early: " + captureError_);
}

void Session::close() {
  queue_.abandon();
  if (spool_) spool_->cancel();
  (void)stop();  // what could not be undone stays in the journal
  if (analysisThread_.joinable()) analysisThread_.join();
}

bool Session::deliver(std::span<const Event> events) {
  for (const IoRow& row : analysis_->rows()) {
    if (!batch_) batch_ = std::make_unique<ColumnBatch>();
    batch_->ios().push(row);
    if (batch_->ios().full() && !queue_.push(std::move(batch_))) return false;
  }
  for (const Event& event : events) {
    if (!batch_) batch_ = std::make_unique<ColumnBatch>();
    batch_->push(event);
    if (batch_->full() && !queue_.push(std::move(batch_))) return false;
  }
  return true;
}

void Session::analyse() {
  ::pthread_setname_np(::pthread_self(), "blkscope-anly");
  // While the workload runs, it goes first: what is not analysed yet waits in the spool.
  ::setpriority(PRIO_PROCESS, 0, kAnalysisNice);  // the calling thread's, on Linux
  Merger<Spool> merger(*spool_, spool_->streams());
  bool wanted = options_.deliver;
  if (wanted) analysis_->keepRows();
  for (uint64_t watermark = 0; watermark != UINT64_MAX && !spool_->cancelled();) {
    watermark = spool_->waitForWatermark();
    if (watermark == UINT64_MAX) ::setpriority(PRIO_PROCESS, 0, 0);  // tracing has ended
    merger.mergeUntil(watermark, [&](std::span<const Event> events) {
      analysis_->consume(events);
      if (wanted) wanted = deliver(events);
      analysis_->rows().clear();
    });
    if (wanted && batch_) wanted = queue_.push(std::move(batch_));
  }
  // stoppedNs_ was written before the last publication.
  analysis_->finish(stoppedNs_);
  analysisCpuNs_ = threadCpuNs();
  queue_.end();
}

SessionCounters Session::counters() const {
  if (!spool_) return {};
  return {events_, kernelDropped_ + spool_->droppedEvents(), readBytes_, writeBytes_, spool_->bytes(),
          spool_->peakMemoryBytes() + spool_->peakFileBytes()};
}

TracerCost Session::cost() const {
  return {captureCpuNs_, analysisCpuNs_, info_.kernelBytes, spool_->peakMemoryBytes(), spool_->peakFileBytes(),
          spool_->totalBytes()};
}

}  // namespace blkscope

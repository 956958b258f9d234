#include "session/capture.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <map>

#include "system/clock.h"
#include "system/resident.h"

namespace blkscope {
namespace {

// How closely losses in the kernel are placed in time.
constexpr int kLossCheckMs = 250;

// The streams that one thread reads, a list a thread.
std::vector<std::vector<size_t>> shares(const Source& source) {
  std::map<int, std::vector<size_t>> byReader;
  for (size_t i = 0; i < source.streams(); ++i) byReader[source.reader(i)].push_back(i);
  std::vector<std::vector<size_t>> all;
  for (auto& [reader, streams] : byReader) all.push_back(std::move(streams));
  return all;
}

}  // namespace

Capture::Capture(Source& source, Spool& spool, OnFull onFull, std::function<void()> onStopped)
    : source_(source),
      onStopped_(std::move(onStopped)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      sourceStopped_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      lossesCheckedNs_(monotonicNs()) {
  auto whenFull = [this, onFull] {
    if (onFull == OnFull::stop) ::eventfd_write(stop_.get(), 1);
  };
  for (auto& streams : shares(source)) readers_.emplace_back(source, spool, totals_, tap_, std::move(streams), whenFull);
  try {
    for (CaptureThread& reader : readers_) {
      readerThreads_.emplace_back([this, &reader] { reader.run(sourceStopped_.get()); });
    }
    watcher_ = std::thread([this] { watch(); });
  } catch (...) {  // no more threads are to be had: those that were started must not outlive this
    ::eventfd_write(sourceStopped_.get(), 1);
    for (std::thread& reader : readerThreads_) reader.join();
    throw;
  }
}

void Capture::stop() {
  if (!watcher_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  watcher_.join();
}

void Capture::watch() {
  ::pthread_setname_np(::pthread_self(), "blkscope-wtch");
  auto code = ResidentPages::ofThisCode();  // the readers', too
  auto stack = ResidentPages::ofThisStack();
  pollfd stop{stop_.get(), POLLIN, 0};
  while (::poll(&stop, 1, kLossCheckMs) <= 0) checkLosses();
  auto stopped = source_.stop();
  stoppedNs_ = monotonicNs();
  onStopped_();
  ::eventfd_write(sourceStopped_.get(), 1);
  for (std::thread& reader : readerThreads_) reader.join();
  checkLosses();
  if (!stopped) outcome_.error = stopped.error().message;
  gather();
  outcome_.cpuNs += threadCpuNs();
}

// What the kernel dropped since the last check, it dropped between the two.
void Capture::checkLosses() {
  uint64_t now = monotonicNs();
  std::vector<CpuDrops> drops = source_.drops();
  uint64_t total = 0;
  for (size_t i = 0; i < drops.size(); ++i) {
    uint64_t before = i < knownDrops_.size() ? knownDrops_[i].events : 0;
    total += drops[i].events;
    if (drops[i].events > before) {
      outcome_.losses.add({lossesCheckedNs_, now, drops[i].events - before, drops[i].cpu, Loss::By::kernel});
    }
  }
  knownDrops_ = std::move(drops);
  kernelDropped_ = total;
  lossesCheckedNs_ = now;
}

void Capture::gather() {
  for (const CaptureThread& reader : readers_) {
    const CaptureOutcome& its = reader.outcome();
    for (const Loss& loss : its.losses.losses()) outcome_.losses.add(loss);
    if (outcome_.error.empty()) outcome_.error = its.error;
    if (its.fullNs && (!outcome_.fullNs || its.fullNs < outcome_.fullNs)) outcome_.fullNs = its.fullNs;
    outcome_.cpuNs += its.cpuNs;
  }
}

}  // namespace blkscope

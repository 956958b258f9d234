#include "session/capture_thread.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "system/clock.h"
#include "system/resident.h"

namespace blkscope {
namespace {

// How long an event may wait in the kernel while little happens; a filling buffer wakes the thread sooner.
constexpr int kSweepMs = 100;
// An event is stamped before it can be read; nothing older than this can still be on its way.
constexpr uint64_t kSettleNs = 5'000'000;
// Small buffers wake the thread a thousand times a second; the analysis need not be woken as often.
constexpr uint64_t kPublishNs = 20'000'000;
// A buffer in the kernel that overflows is a loss: its reader goes before a workload that takes all processors.
constexpr int kCaptureNice = -10;
constexpr size_t kScratchEvents = 2048;

}  // namespace

void CaptureTotals::add(std::span<const Event> added) {
  uint64_t read = 0;
  uint64_t written = 0;
  for (const Event& event : added) {
    if (!event.ends() || event.error) continue;
    if (event.direction == Direction::read) read += event.bytes;
    if (event.direction == Direction::write) written += event.bytes;
  }
  events += added.size();
  readBytes += read;
  writeBytes += written;
}

CaptureThread::CaptureThread(Source& source, Spool& spool, CaptureTotals& totals, ReadTap& tap,
                             std::vector<size_t> streams, std::function<void()> onFull)
    : source_(source), spool_(spool), totals_(totals), tap_(tap), indices_(std::move(streams)), onFull_(std::move(onFull)) {
  for (size_t index : indices_) streams_.push_back({index});
  scratch_.reserve(kScratchEvents);
}

void CaptureThread::run(int sourceStopped) {
  ::pthread_setname_np(::pthread_self(), "blkscope-capt");
  ::setpriority(PRIO_PROCESS, 0, kCaptureNice);  // the calling thread's, on Linux; as far as it is allowed
  auto stack = ResidentPages::ofThisStack();
  while (!waitForEvents(sourceStopped)) sweep(false);
  sweep(true);
  outcome_.cpuNs = threadCpuNs();
}

// True: the source has stopped.
bool CaptureThread::waitForEvents(int sourceStopped) {
  std::vector<pollfd> fds{{sourceStopped, POLLIN, 0}};
  // poll passes over a descriptor of -1: a stream that has failed would be ready for ever.
  for (const Stream& stream : streams_) fds.push_back({stream.ended ? -1 : source_.pollFd(stream.index), POLLIN, 0});
  ::poll(fds.data(), fds.size(), kSweepMs);
  return fds[0].revents & POLLIN;
}

void CaptureThread::sweep(bool last) {
  uint64_t began = monotonicNs();
  for (Stream& stream : streams_) drain(stream, began, last);
  if (last) {
    spool_.end(indices_);
  } else if (began >= publishedNs_ + kPublishNs && spool_.publish(indices_, began - kSettleNs)) {
    publishedNs_ = began;
  }
}

// Until the stream is empty, or its events are younger than the sweep: then all older ones are in.
void CaptureThread::drain(Stream& stream, uint64_t sweepBegan, bool last) {
  while (!stream.ended) {
    scratch_.clear();
    auto more = source_.drain(stream.index, scratch_);
    if (!scratch_.empty()) append(stream);
    if (!more) {
      stream.ended = true;
      if (outcome_.error.empty()) outcome_.error = more.error().message;
    }
    if (!more || !*more) return;
    // A source that runs can go on for ever; one that has stopped is drained to its end.
    if (!last && !scratch_.empty() && scratch_.back().time >= sweepBegan) return;
  }
}

void CaptureThread::append(const Stream& stream) {
  totals_.add(scratch_);
  tap_.add(scratch_);
  size_t kept = spool_.append(stream.index, scratch_);
  if (kept == scratch_.size()) return;
  uint64_t firstLost = scratch_[kept].time;
  outcome_.losses.add({firstLost, scratch_.back().time, scratch_.size() - kept,
                       static_cast<int>(source_.cpu(stream.index)), Loss::By::spool});
  if (outcome_.fullNs) return;
  outcome_.fullNs = firstLost;
  onFull_();
}

}  // namespace blkscope

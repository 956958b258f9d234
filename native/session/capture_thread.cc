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

void CaptureSum::add(std::span<const Event> added) {
  for (const Event& event : added) {
    if (!event.ends() || event.error) continue;
    if (event.direction == Direction::read) readBytes += event.bytes;
    if (event.direction == Direction::write) writeBytes += event.bytes;
  }
  events += added.size();
}

void CaptureSum::add(const EncodedRecords& added) {
  events += added.count;
  readBytes += added.readBytes;
  writeBytes += added.writtenBytes;
}

void CaptureTotals::add(const CaptureSum& sum) {
  events += sum.events;
  readBytes += sum.readBytes;
  writeBytes += sum.writeBytes;
}

CaptureThread::CaptureThread(Source& source, Spool& spool, CaptureTotals& totals, ReadTap& tap,
                             std::vector<size_t> streams, std::function<void()> onFull)
    : source_(source), spool_(spool), totals_(totals), tap_(tap), indices_(std::move(streams)), onFull_(std::move(onFull)) {
  for (size_t index : indices_) streams_.push_back({index});
  scratch_.resize(kScratchEvents);
}

// Takes what a stream gives into the spool.
class CaptureThread::Taker final : public EventSink {
 public:
  Taker(CaptureThread& thread, Stream& stream) : thread_(thread), stream_(stream) {}

  void events(std::span<const Event> events) override {
    CaptureSum sum;
    take(events, sum);
    thread_.totals_.add(sum);
  }

  // Records that are like earlier ones go into the spool as they are, and the first that is not is decoded. A live view wants
  // all decoded; and what finds no room is decoded to be counted, many at once.
  size_t records(std::span<const std::byte> bytes, RecordDecoder& decoder, Notes& notes) override {
    CaptureSum sum;
    auto rest = bytes;
    while (true) {
      bool one = !thread_.tap_.isOpen() && !stream_.full;
      if (one) rest = rest.subspan(pass(rest, decoder, sum));
      auto scratch = std::span(thread_.scratch_).first(one ? 1 : kScratchEvents);
      auto done = decoder.decode(rest, scratch, notes);
      if (done.used == 0) break;
      take(scratch.first(done.events), sum);
      if (done.events == 1 && !stream_.full) thread_.spool_.learn(stream_.index, rest.first(done.used));
      rest = rest.subspan(done.used);
    }
    thread_.totals_.add(sum);
    return bytes.size() - rest.size();
  }

  /// Of the newest event that was taken; 0: none was.
  uint64_t lastNs() const { return lastNs_; }

 private:
  /// Returns how many bytes the records had that went into the spool.
  size_t pass(std::span<const std::byte> bytes, RecordDecoder& decoder, CaptureSum& sum) {
    EncodedRecords passed = thread_.spool_.appendRecords(stream_.index, bytes, decoder);
    if (passed.count) lastNs_ = passed.lastNs;
    sum.add(passed);
    return passed.bytes;
  }

  void take(std::span<const Event> events, CaptureSum& sum) {
    if (events.empty()) return;
    lastNs_ = events.back().time;
    sum.add(events);
    thread_.tap_.add(events);
    thread_.append(stream_, events);
  }

  CaptureThread& thread_;
  Stream& stream_;
  uint64_t lastNs_ = 0;
};

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
  Taker taker(*this, stream);
  while (!stream.ended) {
    auto more = source_.drain(stream.index, taker);
    if (!more) {
      stream.ended = true;
      if (outcome_.error.empty()) outcome_.error = more.error().message;
    }
    if (!more || !*more) return;
    // A source that runs can go on for ever; one that has stopped is drained to its end.
    if (!last && taker.lastNs() >= sweepBegan) return;
  }
}

void CaptureThread::append(Stream& stream, std::span<const Event> events) {
  size_t kept = spool_.append(stream.index, events);
  stream.full = kept != events.size();
  if (!stream.full) return;
  uint64_t firstLost = events[kept].time;
  outcome_.losses.add({firstLost, events.back().time, events.size() - kept, static_cast<int>(source_.cpu(stream.index)),
                       Loss::By::spool});
  if (outcome_.fullNs) return;
  outcome_.fullNs = firstLost;
  onFull_();
}

}  // namespace blkscope

// The one interface of everything that events come from: raw bytes per stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "decode/defect.h"
#include "decode/event.h"
#include "decode/record.h"
#include "source/loss_log.h"
#include "source/ring_reader.h"
#include "system/result.h"

namespace blkscope {

/// What a source turned out to be, for reports. `reason` says in words why it was chosen.
struct SourceInfo {
  std::string kind;  // "relay" or "ftrace"
  Protocol protocol = Protocol::v1;
  std::string reason;
  unsigned cpus = 0;
  uint64_t bufferBytes = 0;  // of a sub-buffer, per CPU
  uint64_t bufferCount = 0;
  uint64_t kernelBytes = 0;  // all that the kernel set aside
};

/// Which categories of events the kernel is asked for.
enum class ActionChoice { needed, all };

/// What a live source is asked to trace.
struct SourceOptions {
  std::vector<std::string> devices;  // kernel names, "vda"
  ActionChoice actions = ActionChoice::needed;
  uint64_t bufferBytes = 0;  // 0: by the rate that the devices can make
  uint64_t bufferCount = 0;
  // Filters of the kernel's own. It looks at the sector where an I/O starts (sector 0 always passes), and at the thread
  // that runs when an event happens: a completion comes in an interrupt, in whichever thread's time.
  uint64_t firstSector = 0;
  uint64_t lastSector = UINT64_MAX;  // included
  uint32_t pid = 0;                  // 0: any thread
  RingAccess ring = RingAccess::pages;  // ftrace
};

/// Events that the kernel dropped on one CPU, or on all (Loss::kAnyCpu).
struct CpuDrops {
  int cpu;
  uint64_t events;
};

/// Takes what comes of a stream.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void events(std::span<const Event> events) = 0;
  /// The kernel's records of one device and CPU, which `decoder` understands. Returns how many bytes were used; the others
  /// are to come again, with more behind them.
  virtual size_t records(std::span<const std::byte> bytes, RecordDecoder& decoder, Notes& notes) = 0;
};

/// A live capture: a set of streams (one per CPU, for relay per device and CPU), each in time order.
///
/// Life: start, drain any number of times, stop (the kernel traces no more; what it holds can still be drained),
/// close (everything undone). start, stop, close, drops and notes are called by one thread at a time; each stream is
/// drained by one thread, several streams may be drained at once.
class Source {
 public:
  virtual ~Source() = default;
  const SourceInfo& info() const { return info_; }
  /// Notes why this source was chosen.
  void because(std::string reason) { info_.reason = std::move(reason); }
  virtual Result<void> start() = 0;
  virtual Result<void> stop() = 0;
  /// Undoes what start changed on the machine; idempotent.
  virtual void close() = 0;

  virtual size_t streams() const = 0;
  virtual unsigned cpu(size_t stream) const = 0;
  /// Streams with the same number are drained by one thread, those with others by threads of their own.
  virtual int reader(size_t /*stream*/) const { return 0; }
  /// A file descriptor that polls readable when a good deal has come; -1: none, the stream is looked at now and then.
  virtual int pollFd(size_t stream) const = 0;
  /// Hands some of what the kernel holds for a stream to `sink`. False: nothing is left for now.
  virtual Result<bool> drain(size_t stream, EventSink& sink) = 0;

  /// Events that the kernel could not store so far.
  virtual uint64_t dropped() = 0;
  /// The same by CPU, where the kernel counts so; always as many entries, in the same order.
  virtual std::vector<CpuDrops> drops() { return {{Loss::kAnyCpu, dropped()}}; }
  /// Records missing by sequence number; 0 where records carry none.
  virtual uint64_t sequenceGaps() const = 0;
  /// What of the kernel's events came in a form not understood, or went elsewhere; when nothing is drained any more.
  virtual std::vector<Defect> defects() { return {}; }
  /// Process names and the like, when nothing is drained any more.
  virtual Notes notes() = 0;

 protected:
  SourceInfo info_;
};

/// Somebody else traces a device; the kernel allows one trace for each.
inline Error tracedAlready(const std::string& device) {
  return {"TRACER_BUSY", device + " is being traced already, and the kernel allows one trace for each disk: end the other "
                                  "trace; one whose blktrace was killed ends by 'echo 0 > /sys/class/block/" +
                             device + "/trace/enable'"};
}

/// What became of a device that is not there any more.
inline Error vanished(const std::string& device) {
  return {"NO_DEVICE", "/dev/" + device + " vanished while it was traced"};
}

}  // namespace blkscope

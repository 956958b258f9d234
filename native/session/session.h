// A tracing session: capture -> spool -> analysis thread -> batches.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "analyse/analysis.h"
#include "decode/defect.h"
#include "session/batch_filler.h"
#include "session/batch_queue.h"
#include "session/capture.h"
#include "session/judgement.h"
#include "source/disk_counters.h"
#include "source/bcache_completions.h"
#include "source/block_device.h"
#include "source/source.h"
#include "spool/spool.h"
#include "system/changes.h"

namespace blkscope {

enum class SourceKind { automatic, relay, ftrace };

struct SessionOptions {
  SourceKind kind = SourceKind::automatic;
  SourceOptions source;
  std::vector<TracedFile> files;  // on source.devices[0]
  SpoolLimits spool;
  /// At the spool's limit: drop what comes and count it, or end the capture.
  Capture::OnFull onFull = Capture::OnFull::drop;
  bool deliver = true;  // false: events are analysed and dropped
  std::string journalDirectory = "/run/blkscope";
  /// In place of the kernel's sources, which `kind` chooses from; the files' device is then 0.
  std::function<Result<std::unique_ptr<Source>>(Changes&)> openSource = nullptr;
};

/// Opens and starts a source. `automatic` takes relay, and ftrace where relay is refused, and says why.
Result<std::unique_ptr<Source>> startSource(SourceKind kind, const SourceOptions& options, Changes& changes);

/// Running counters, cheap to take from any thread.
struct SessionCounters {
  uint64_t events = 0;
  uint64_t dropped = 0;  // by the kernel and by the spool
  uint64_t readBytes = 0;
  uint64_t writeBytes = 0;
  uint64_t spoolBytes = 0;
  uint64_t spoolPeakBytes = 0;
};

/// What the session itself cost.
struct TracerCost {
  uint64_t captureCpuNs = 0;
  uint64_t analysisCpuNs = 0;
  uint64_t kernelBufferBytes = 0;
  uint64_t spoolPeakBytes = 0;      // in memory
  uint64_t spoolFilePeakBytes = 0;  // in the user's directory
  uint64_t spoolTotalBytes = 0;
};

/// How far the trace can be trusted.
struct Integrity {
  uint64_t dropped = 0;
  uint64_t sequenceGaps = 0;
  /// By the own counters of devices that lie on no other, over the same window; none: they do not count just what is traced.
  std::optional<DiskCounters> counted;
  LossLog losses;               // where in time events are missing
  std::vector<Defect> defects;  // one a cause of loss; empty: complete
};

/// One session. start, take batches at will, stop, take the rest, read the figures; close at any time.
///
/// start, stop, take and close are called from one thread. The capture drains the kernel and encodes; the
/// analysis thread decodes, merges by time, analyses and fills batches. It rests until batches are asked for, the spool
/// has grown, or tracing has ended, and waits when nobody takes them: then the spool holds what comes.
class Session {
 public:
  Session(SessionOptions options, std::function<void()> onReady);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { close(); }

  Result<void> start();
  /// Ends tracing, drains the kernel and undoes every change. What was captured can still be taken.
  /// Error NOT_UNDONE: a change could not be undone; it stays in the journal for `recover`.
  Result<void> stop();
  void close();

  /// The next batch; null with `ended` false: none yet, and from now on one is worked on while tracing goes on.
  std::unique_ptr<ColumnBatch> take(bool& ended);
  SessionCounters counters() const;
  /// Completed reads since the last call, for a live view; none before the first. `missed`: how many were left out.
  std::vector<TappedRead> takeReads(uint64_t& missed) { return capture_->tap().take(missed); }

  /// After start.
  const SourceInfo& info() const { return info_; }
  /// The traced devices, in the order of the options, and which lies on which. After start.
  const std::vector<BlockDevice>& devices() const { return devices_; }
  /// Those that lie on another traced one, by their numbers. After start.
  std::vector<uint32_t> layered() const;
  /// After take() has said that it ended.
  const Analysis& analysis() const { return *analysis_; }
  const Integrity& integrity() const { return integrity_; }
  const Notes& notes() const { return notes_; }
  TracerCost cost() const;
  uint64_t startedNs() const { return startedNs_; }
  uint64_t stoppedNs() const { return capture_->stoppedNs(); }

 private:
  Result<void> openSource();
  Result<void> findDevices();
  Result<void> startThreads();
  void listDefects();
  void analyse();
  void countTraced();
  std::vector<CountedByDisk> counted() const;
  bool isLayered(const BlockDevice& device) const;
  std::span<Event> withoutLater(std::span<Event> events, uint64_t endNs);
  std::vector<std::optional<DiskCounters>> readAllCounters() const;
  bool comparable() const;
  std::optional<DiskCounters> countedByAll() const;

  SessionOptions options_;
  Changes changes_;
  std::vector<BlockDevice> devices_;
  std::unique_ptr<BcacheCompletions> bcache_;
  std::unique_ptr<Source> source_;
  SourceInfo info_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<Analysis> analysis_;
  BatchQueue queue_;
  BatchFiller batches_{queue_};
  std::vector<std::optional<DiskCounters>> countersBefore_;
  std::vector<std::optional<DiskCounters>> counted_;  // by each device, over the trace
  uint64_t edgeNs_ = 0;  // between the counters' readings and the trace's start and end
  Integrity integrity_;
  std::vector<Defect> judged_;  // by the analysis thread, after all was analysed
  uint64_t later_ = 0;          // events that were left out
  Notes notes_;
  std::unique_ptr<Capture> capture_;
  std::thread analysisThread_;
  bool stopped_ = false;
  uint64_t startedNs_ = 0;
  std::atomic<uint64_t> analysisCpuNs_ = 0;
};

}  // namespace blkscope

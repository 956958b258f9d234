// An import: saved trace -> merge -> analysis -> batches, on two threads of its own and without a spool.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "analyse/analysis.h"
#include "saved/event_blocks.h"
#include "saved/file_source.h"
#include "session/batch_filler.h"
#include "session/batch_queue.h"
#include "session/session.h"

namespace blkscope {

struct ImportOptions {
  std::vector<SavedTrace> traces;
  std::vector<TracedFile> files;
  uint32_t fileDevice = 0;  // the kernel's number of the disk that `files` lie on
  bool deliver = true;      // false: events are analysed and dropped
  MixedCpus mixed = MixedCpus::split;
};

/// One import. start, take batches until the end, read the figures; close at any time. Called from one thread.
class ImportSession {
 public:
  ImportSession(ImportOptions options, std::function<void()> onReady)
      : options_(std::move(options)), queue_(std::move(onReady)) {}
  ImportSession(const ImportSession&) = delete;
  ImportSession& operator=(const ImportSession&) = delete;
  ~ImportSession() { close(); }

  void start();
  std::unique_ptr<ColumnBatch> take(bool& ended) { return queue_.take(ended); }
  uint64_t events() const { return events_; }
  /// Ends the reading, from any thread; what was read is analysed, in a moment's time.
  void stop() { cancel_.request(); }
  void close();

  // After take() has said that it ended. failure: why nothing could be imported, null if it could.
  const Error* failure() const { return failure_.get(); }
  const Analysis& analysis() const { return *analysis_; }
  const Integrity& integrity() const { return integrity_; }
  const Notes& notes() const { return notes_; }
  TracerCost cost() const { return {.analysisCpuNs = cpuNs_}; }
  Protocol protocol() const { return protocol_; }
  const std::vector<uint32_t>& devices() const { return devices_; }
  uint64_t startedNs() const { return analysis_->firstNs(); }
  uint64_t stoppedNs() const { return analysis_->lastNs(); }

 private:
  void import();
  Result<void> importAll();
  void read(FileSource& source, EventBlocks& blocks);
  Result<void> requireOrder() const;
  bool consume(std::span<Event> events);

  ImportOptions options_;
  BatchQueue queue_;
  BatchFiller batches_{queue_};
  std::unique_ptr<Analysis> analysis_;
  std::unique_ptr<Error> failure_;
  Integrity integrity_;
  Notes notes_;
  Protocol protocol_ = Protocol::v1;
  std::vector<uint32_t> devices_;
  uint64_t cpuNs_ = 0;  // of both threads
  std::atomic<uint64_t> events_ = 0;
  // Of the reading thread, and once that has ended of all: how far an event is before its predecessor, of what is said to be in order.
  uint64_t backNs_ = 0;
  Cancel cancel_;
  std::atomic<bool> closed_ = false;
  std::thread thread_;
};

}  // namespace blkscope

// The bounded buffer between the capture thread and the analysis thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "decode/event.h"
#include "spool/spool_codec.h"
#include "system/mapping.h"
#include "system/result.h"

namespace blkscope {

/// How much the spool may hold: in locked memory, and beyond that in files of a directory ("": none).
struct SpoolLimits {
  uint64_t memoryBytes = 256 << 20;
  std::string directory;
  uint64_t fileBytes = 0;
};

/// Whether chunks can be made in the directory. Error: why not, naming the directory.
Result<void> checkSpoolDirectory(const std::string& directory);

/// Encoded events of all streams, in chunks locked in memory and then in a directory's files, bounded in size.
///
/// Each stream has one writer thread, which may write several; one thread reads. A writer encodes into chunks of its own
/// and publishes them once a sweep, so the lock is taken a few times a second, not once an event. A publication carries
/// a watermark: no event older than it will come any more on its streams. The spool's watermark is the least of all.
class Spool {
 public:
  static constexpr size_t kChunkBytes = 256 << 10;

  /// The limits reached, events are dropped and counted.
  Spool(std::span<const unsigned> cpus, SpoolLimits limits);

  /// Writer: encodes events into the stream's open chunk. Returns how many; the rest was dropped, the limit is reached.
  size_t append(size_t stream, std::span<const Event> events);
  /// Writer: encodes the records that `bytes` begin with, as far as SpoolEncoder::encodeRecords() goes, and tells `decoder`,
  /// which is the stream's. An event that it leaves is to be decoded and appended; `learn` its record after that.
  EncodedRecords appendRecords(size_t stream, std::span<const std::byte> bytes, RecordDecoder& decoder);
  void learn(size_t stream, std::span<const std::byte> record) { writers_[stream].encoder.learn(record); }
  /// Writer: hands over all that was appended to its streams. `watermark` in ns. Never waits: false, and nothing is
  /// handed over, where the reader has the lock; it may run at the lowest priority and not get on.
  bool publish(std::span<const size_t> streams, uint64_t watermark);
  /// Writer: hands over all that was appended; nothing comes after it.
  void end(std::span<const size_t> streams);

  /// Reader: waits for a watermark beyond the last one seen that is asked for, or until much is in the spool, for its
  /// end (UINT64_MAX), or for `cancel()`. Returns the watermark; nothing older comes later. What was asked for is done
  /// with that: the reader asks again if it came to nothing.
  uint64_t waitForWatermark();
  /// Reader: decodes up to `out.size()` published events of a stream; returns how many.
  size_t read(size_t stream, std::span<Event> out);
  /// Any thread: somebody waits for what can be read. Until then the reader rests, so that it takes no time from the
  /// workload that is traced.
  void ask();
  /// Any thread: wakes the reader, whose waits return at once from now on.
  void cancel();
  bool cancelled() const { return cancelled_; }

  /// Any thread.
  /// Held now, in memory and in files, and the most that ever was.
  uint64_t bytes() const { return memory_.held + files_.held; }
  uint64_t peakMemoryBytes() const { return memory_.peak; }
  uint64_t peakFileBytes() const { return files_.peak; }
  /// All bytes ever encoded.
  uint64_t totalBytes() const { return total_; }
  /// Events that found the spool at its limit.
  uint64_t droppedEvents() const { return dropped_; }
  size_t streams() const { return writers_.size(); }

 private:
  struct Place {  // where chunks lie: how much there is, and may be
    uint64_t limit = 0;
    std::atomic<uint64_t> held = 0;
    std::atomic<uint64_t> peak = 0;

    bool reserve();
    void release() { held -= kChunkBytes; }
  };
  struct Chunk {
    Chunk(Mapping mapping, Place& place) : memory(std::move(mapping)), place_(place) {}
    ~Chunk() { place_.release(); }
    Mapping memory;

   private:
    Place& place_;  // where it was reserved
  };
  struct Piece {  // a published part of a chunk
    std::shared_ptr<Chunk> chunk;
    const std::byte* at;
    const std::byte* end;
  };
  struct Writer {
    SpoolEncoder encoder;
    std::shared_ptr<Chunk> chunk;
    std::byte* unpublished = nullptr;  // from here on the chunk's bytes are ours alone
    std::byte* at = nullptr;
    std::byte* end = nullptr;
    std::vector<Piece> pieces;  // full chunks not yet published
  };
  struct Reader {
    SpoolDecoder decoder;
    std::deque<Piece> pieces;
  };

  bool openChunk(Writer& writer);
  bool hasRoom(const Writer& writer) const { return static_cast<size_t>(writer.end - writer.at) >= kMaxEncodedEvent; }
  std::shared_ptr<Chunk> makeChunk();
  bool readerIsNeeded() const;
  static void cut(Writer& writer);
  void handOver(std::span<const size_t> streams, uint64_t watermark);

  // First: the chunks count themselves out of their place when they go.
  Place memory_;
  Place files_;
  const std::string directory_;
  std::vector<Writer> writers_;
  std::vector<Reader> readers_;
  std::atomic<uint64_t> total_ = 0;
  std::atomic<uint64_t> dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<Piece>> published_;  // by stream, not yet taken by the reader
  std::vector<uint64_t> watermarks_;           // by stream
  uint64_t watermark_ = 0;                     // the least of them
  uint64_t seen_ = 0;                          // by the reader
  bool asked_ = false;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace blkscope

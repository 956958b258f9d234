// Raw block trace records (version 7 "v1" and version 8 "v2") to Events.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "decode/event.h"
#include "decode/sequence_check.h"

namespace blkscope {

/// What notify records tell beside the I/O: names of processes, the wall clock, messages.
struct Notes {
  std::unordered_map<uint32_t, std::string> processNames;  // by pid (a thread's id)
  /// Wall clock at the start of the trace, ns since the epoch, and the trace's clock at that moment; 0: not told.
  /// Of several the earliest.
  uint64_t wallClock = 0;
  uint64_t wallClockAt = 0;
  /// The most, in ns, by which the wall clock moved against the trace's clock from one such note to another.
  uint64_t clockMoved = 0;
  /// The queue events were made by an export, at the time of issue: see kMadeQueues.
  bool madeQueues = false;

  /// Adds what another stream's notes tell.
  void merge(Notes other);
  void addWallClock(uint64_t wall, uint64_t at);
};

/// The message with which an export marks queue events that it made itself.
inline constexpr std::string_view kMadeQueues = "blkscope: queue events (Q) were made at the time of issue";

/// No event is later on the trace's clock, which starts when the machine does: 100 years.
inline constexpr uint64_t kLatestNs = 3'153'600'000ull * 1'000'000'000;

enum class Protocol : uint8_t { v1 = 1, v2 = 2 };

/// The kernel keeps a failure as a negative errno in an unsigned field.
inline uint16_t errnoOf(uint16_t stored) {
  auto number = static_cast<int16_t>(stored);
  return static_cast<uint16_t>(number < 0 ? -number : number);
}

/// The body of a record after its header fields are known: action, payload, notes.
/// Shared by relay records and ftrace entries, which carry the same struct.
/// `payload` is the bytes after the record. Returns false for a note, which is no event.
bool finishEvent(uint64_t actionWord, std::span<const std::byte> payload, bool swapped, Event& event, Notes& notes);

/// What the start of some bytes is.
struct RecordShape {
  enum Kind { record, garbage, incomplete } kind = incomplete;
  bool swapped = false;  // written on a machine of the other byte order
  bool second = false;   // version 8
  size_t bytes = 0;      // header and payload
};

/// Looks at the record that `bytes` begin with. incomplete: its end has not come. A record whose payload would hold
/// another record's magic number is garbage: its length is wrong, and what follows is not to be lost with it.
RecordShape shapeOf(std::span<const std::byte> bytes);

/// Whose records a stream holds.
enum class StreamOf : uint8_t {
  oneCpu,   // of one device
  several,  // CPUs or devices, mixed
};

/// An action word, and what it comes to: the last four bytes of an Event.
struct KnownWord {
  uint32_t word = 0;  // none of a record's is 0 where it has a meaning that is kept
  uint32_t meaning = UINT32_MAX;
  static size_t placeOf(uint32_t word) { return word * 0x9e3779b1u >> 26; }
};
using KnownWords = std::array<KnownWord, 64>;

/// Decodes one stream of raw records, fed in pieces of any size.
class RecordDecoder {
 public:
  explicit RecordDecoder(StreamOf of = StreamOf::oneCpu) : of_(of) {}

  struct Progress {
    size_t used = 0;    // bytes
    size_t events = 0;  // written
  };

  /// Decodes whole records from the start of `bytes` until `out` is full or a record's end has not come.
  /// What is not used must come again, with more behind it.
  Progress decode(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes);

  /// For who reads plain records of one CPU himself: the number that the next one has, if none is missing, and that he read
  /// `count` of them, which bore such numbers.
  uint32_t nextSequence() const { return sequence_.next(); }
  void passed(uint64_t count, uint64_t bytes) {
    sequence_.follow(count);
    records_ += count;
    used_ += bytes;
  }

  /// Version of the records seen so far; v1 before the first.
  Protocol protocol() const { return protocol_; }
  uint64_t records() const { return records_; }
  /// Records that the sequence numbers say are missing.
  uint64_t sequenceGaps() const;
  /// Bytes that belong to no record and were skipped to find the next one, and where in the stream the first was.
  uint64_t garbageBytes() const { return garbage_; }
  uint64_t firstGarbageAt() const { return firstGarbageAt_; }
  /// Records that took bytes of the one after them, since they were cut, and were taken out again. One shows only where what
  /// follows comes by the same call; where it does not, the record after it is lost, as garbage.
  uint64_t takenOut() const { return takenOut_; }
  /// Events that were left out because no time can be theirs (beyond kLatestNs).
  uint64_t impossibleTimes() const { return impossibleTimes_; }
  /// When the first note was made; kLatestNs: there was none.
  uint64_t firstNoteNs() const { return firstNoteNs_; }

 private:
  template <class Record>
  size_t decodePlainRun(const std::byte* at, Event* event, size_t most);
  template <class Record>
  Progress decodeNative(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes);
  Progress decodeRun(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes);
  bool decodeSwapped(std::span<const std::byte> record, const RecordShape& shape, Event& event, Notes& notes);
  void skipGarbage(uint64_t at);
  void checkSequence(uint32_t sequence, const Event& event) {
    if (of_ == StreamOf::several) return checkOf(event).add(sequence);
    sequence_.add(sequence);
  }
  SequenceCheck& checkOf(const Event& event);
  /// False: the event's time cannot be, and is counted.
  bool possible(const Event& event) {
    if (event.time <= kLatestNs) return true;
    ++impossibleTimes_;
    return false;
  }
  void noted(const Event& note) { firstNoteNs_ = std::min(firstNoteNs_, note.time); }

  Protocol protocol_ = Protocol::v1;
  uint64_t records_ = 0;
  uint64_t used_ = 0;
  uint64_t garbage_ = 0;
  uint64_t takenOut_ = 0;
  uint64_t firstGarbageAt_ = 0;
  uint64_t impossibleTimes_ = 0;
  uint64_t firstNoteNs_ = kLatestNs;
  bool lastGave_ = false;  // an event, the last record
  StreamOf of_;
  KnownWords known_{};
  SequenceCheck sequence_;
  // Of several CPUs, by device and CPU, and the one that came last.
  std::map<std::pair<uint32_t, uint16_t>, SequenceCheck> sequences_;
  SequenceCheck* lastCheck_ = nullptr;
  uint32_t lastDevice_ = 0;
  uint16_t lastCpu_ = 0;
};

}  // namespace blkscope

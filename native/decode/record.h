// Raw block trace records (version 7 "v1" and version 8 "v2") to Events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// What notify records tell beside the I/O: names of processes, the wall clock, messages.
struct Notes {
  std::unordered_map<uint32_t, std::string> processNames;  // by pid (a thread's id)
  /// Wall clock at the start of the trace, ns since the epoch, and the trace's clock at that moment; 0: not told.
  uint64_t wallClock = 0;
  uint64_t wallClockAt = 0;
};

enum class Protocol : uint8_t { v1 = 1, v2 = 2 };

/// Splits the action word of either version into action, direction and flags of `event`.
void decodeAction(uint64_t word, Event& event);

/// The body of a record after its header fields are known: action, payload, notes.
/// Shared by relay records and ftrace entries, which carry the same struct.
/// `payload` is the bytes after the record. Returns false for a note, which is no event.
bool finishEvent(uint64_t actionWord, std::span<const std::byte> payload, bool swapped, Event& event, Notes& notes);

/// Decodes one stream (one CPU of one device) of raw records, fed in pieces of any size.
class RecordDecoder {
 public:
  /// Appends the events of all whole records in `bytes` (after what the last call left over) to `out`.
  void decode(std::span<const std::byte> bytes, std::vector<Event>& out, Notes& notes);

  /// Version of the records seen so far; v1 before the first.
  Protocol protocol() const { return protocol_; }
  uint64_t records() const { return records_; }
  /// Records that the sequence numbers say are missing.
  uint64_t sequenceGaps() const { return gaps_; }
  /// Bytes that belong to no record and were skipped to find the next one.
  uint64_t garbageBytes() const { return garbage_; }
  /// Bytes of a record whose end has not come.
  size_t pendingBytes() const { return pending_.size(); }

 private:
  size_t decodeWhole(std::span<const std::byte> bytes, std::vector<Event>& out, Notes& notes);
  void checkSequence(uint32_t sequence);

  std::vector<std::byte> pending_;
  Protocol protocol_ = Protocol::v1;
  uint64_t records_ = 0;
  uint64_t gaps_ = 0;
  uint64_t garbage_ = 0;
  uint32_t lastSequence_ = 0;
};

}  // namespace blkscope

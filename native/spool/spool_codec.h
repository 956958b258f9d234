// The compact form in which events wait between the capture thread and the analysis: 5 to 10 bytes for most events.
//
// Per event: four bytes (a shape's number, the time since the event before, what follows), and only what else cannot be
// foreseen. A shape is what repeats from event to event (device, action, direction, flags); each shape remembers its last
// pid, size and end sector, so that a sequential stream costs no sector, size or pid at all. Writer and reader keep the same
// state.
//
// Encoding is done on the processors of the workload, so it goes by few instructions. Numbers are stored whole, and the next
// one is put over what of them says nothing. A kernel's record that differs from an earlier one only in time and sector is
// not even decoded: see encodeRecords().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "decode/event.h"
#include "decode/record.h"

namespace blkscope {

/// Room that an event needs: the most bytes that one can take, and what is written and read beyond its end.
inline constexpr size_t kMaxEncodedEvent = 96;
/// How far beyond its end an event's bytes may be looked at. They say nothing, but nobody may be writing them.
inline constexpr size_t kSpoolSlack = 8;

/// What writer and reader both know of a shape; see the file's comment.
struct SpoolShape {
  uint64_t key = UINT64_MAX;  // device, flags, action and direction, as they lie in an Event; no event has this one
  uint64_t endSector = 0;
  uint64_t sizeAndPid = 0;  // bytes below, pid above
};

template <class Shape>
struct SpoolState {
  static constexpr size_t kShapes = 255;
  std::array<Shape, kShapes> shapes;
  size_t known = 0;
  size_t next = 0;  // the slot that a new shape takes
  uint64_t time = 0;
  uint64_t sector = 0;

  /// Takes up a shape in place of the oldest; returns its slot.
  size_t add(uint64_t key) {
    size_t slot = next;
    shapes[slot] = {};
    shapes[slot].key = key;
    next = (slot + 1) % kShapes;
    if (known < kShapes) ++known;
    return slot;
  }
};

/// Records that were encoded without being made Events.
struct EncodedRecords {
  size_t count = 0;
  size_t bytes = 0;     // of the records
  uint64_t lastNs = 0;  // time of the last one
  uint64_t readBytes = 0;  // completed
  uint64_t writtenBytes = 0;
};

/// Encodes one stream's events. The stream's CPU is not stored: the reader is told it.
class SpoolEncoder {
 public:
  SpoolEncoder() { byAction_.fill(&state_.shapes[0]); }
  SpoolEncoder(const SpoolEncoder&) = delete;
  SpoolEncoder& operator=(const SpoolEncoder&) = delete;

  /// Writes events at `to` as long as there is room for kMaxEncodedEvent bytes before `end`, and takes them from `events`.
  /// Returns the end of what was written.
  std::byte* encode(std::span<const Event>& events, std::byte* to, const std::byte* end);

  /// Writes the events of the records that `bytes` begin with, as far as each is plain: of the version and with the number that
  /// `decoder` expects, whole, and like one that was learnt but for time, sector, size and pid. Stops at the first that is not,
  /// which is to be decoded, and where there is no room. Moves `to`.
  EncodedRecords encodeRecords(std::span<const std::byte> bytes, const RecordDecoder& decoder, std::byte*& to,
                               const std::byte* end);
  /// Takes note of what the bytes looked like whose one event was encoded last, if they are one record.
  void learn(std::span<const std::byte> record);

  struct Shape : SpoolShape {
    uint64_t sectors = 0;  // of its size
    // Records that are of this shape, whatever their time, sector, size and pid; none has this action.
    uint64_t action = UINT64_MAX;
    uint64_t origin = 0;
    // Bytes by which such a record adds to what was read and written.
    uint64_t read = 0;
    uint64_t written = 0;
    uint32_t head = 0;  // what an event of it begins with
    bool countsRead = false;
    bool countsWritten = false;

    void setSizeAndPid(uint64_t value);
    /// Its records are counted from now on.
    void count();
  };

 private:
  std::byte* encodeOne(const Event& event, std::byte* to);
  std::byte* encodeOdd(const Event& event, std::byte* to, Shape* shape);
  Shape* findShape(uint64_t key);
  template <class Record>
  EncodedRecords encodeRun(const std::byte* at, size_t most, uint64_t head, std::byte*& to);

  SpoolState<Shape> state_;
  Shape* last_ = nullptr;  // of the event that was encoded last
  std::array<uint8_t, 256> recent_{};  // shape by a hash of its key
  std::array<Shape*, 256> byAction_;   // and by one of its records' action
};

/// Decodes what a SpoolEncoder wrote, in the same order.
class SpoolDecoder {
 public:
  explicit SpoolDecoder(unsigned cpu) : cpu_(static_cast<uint16_t>(cpu)) {}

  /// Reads one event at `from`; returns the end.
  const std::byte* decode(const std::byte* from, Event& event);

 private:
  const std::byte* decodeOdd(const std::byte* from, Event& event);

  SpoolState<SpoolShape> state_;
  uint16_t cpu_;
};

}  // namespace blkscope

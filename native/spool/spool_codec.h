// The compact form in which events wait between the capture thread and the analysis: 5 to 10 bytes for most events.
//
// Per event: a control byte, a shape number, and only what cannot be foreseen. A shape is what repeats from event to
// event (device, action, direction, flags); each shape remembers its last pid, size and end sector, so that a
// sequential stream costs no sector, size or pid at all. Writer and reader keep the same state.
//
// Encoding is done on the processors of the workload, so it goes by few instructions: numbers are stored whole, eight
// bytes at a time, and the next one is put over what of them is zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "decode/event.h"

namespace blkscope {

/// Room that an event needs: the most bytes that one can take, and what is written and read beyond its end.
inline constexpr size_t kMaxEncodedEvent = 96;
/// How far beyond its end an event's bytes may be looked at. They say nothing, but nobody may be writing them.
inline constexpr size_t kSpoolSlack = 8;

/// What writer and reader both know; see the file's comment.
struct SpoolState {
  struct Shape {
    uint64_t key = UINT64_MAX;  // device, flags, action and direction, as they lie in an Event; no event has this one
    uint64_t endSector = 0;
    uint32_t bytes = 0;
    uint32_t pid = 0;
  };
  static constexpr size_t kShapes = 255;
  std::array<Shape, kShapes> shapes;
  size_t known = 0;
  size_t next = 0;  // the slot that a new shape takes
  uint64_t time = 0;
  uint64_t sector = 0;

  /// Takes up a shape in place of the oldest; returns its slot.
  size_t add(uint64_t key);
};

/// Encodes one stream's events. The stream's CPU is not stored: the reader is told it.
class SpoolEncoder {
 public:
  /// Writes events at `to` as long as there is room for kMaxEncodedEvent bytes before `end`, and takes them from `events`.
  /// Returns the end of what was written.
  std::byte* encode(std::span<const Event>& events, std::byte* to, const std::byte* end);

 private:
  std::byte* encodeOne(const Event& event, std::byte* to);
  std::byte* encodeOdd(const Event& event, std::byte* to, size_t slot);
  size_t findShape(uint64_t key);

  SpoolState state_;
  std::array<uint8_t, 256> recent_{};  // shape by a hash of its key
};

/// Decodes what a SpoolEncoder wrote, in the same order.
class SpoolDecoder {
 public:
  explicit SpoolDecoder(unsigned cpu) : cpu_(static_cast<uint16_t>(cpu)) {}

  /// Reads one event at `from`; returns the end.
  const std::byte* decode(const std::byte* from, Event& event);

 private:
  SpoolState state_;
  uint16_t cpu_;
};

}  // namespace blkscope

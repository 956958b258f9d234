// The compact form in which events wait between the capture thread and the analysis: 5 to 10 bytes for most events.
//
// Per event: a control byte, a shape number, and only what cannot be foreseen. A shape is what repeats from event to
// event (device, action, direction, flags); each shape remembers its last pid, size and end sector, so that a
// sequential stream costs no sector, size or pid at all. Writer and reader keep the same state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// The most bytes one event can take.
inline constexpr size_t kMaxEncodedEvent = 96;

/// What writer and reader both know; see the file's comment.
struct SpoolState {
  struct Shape {
    uint32_t device = 0;
    uint16_t flags = 0;
    Action action = Action::other;
    Direction direction = Direction::none;
    uint32_t pid = 0;
    uint32_t bytes = 0;
    uint64_t endSector = 0;
  };
  static constexpr size_t kShapes = 255;  // number 255 announces a new shape
  std::array<Shape, kShapes> shapes;
  size_t known = 0;
  size_t next = 0;  // the slot that a new shape takes
  uint64_t time = 0;
  uint64_t sector = 0;
};

/// Encodes one stream's events. The stream's CPU is not stored: the reader is told it.
class SpoolEncoder {
 public:
  /// Writes `event` at `to`, which has room for kMaxEncodedEvent bytes; returns the end.
  std::byte* encode(const Event& event, std::byte* to);

 private:
  size_t findShape(const Event& event);

  SpoolState state_;
  std::array<uint8_t, 256> recent_{};  // shape by a hash of its fields
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

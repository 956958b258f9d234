#include "spool/spool_codec.h"

#include <cstring>

namespace blkscope {
namespace {

// The control byte.
constexpr uint8_t kSectorMask = 3;
enum : uint8_t {
  kSectorFollows = 0,  // the end of the shape's last I/O: a sequential stream
  kSectorSame = 1,     // the stream's last sector: queue, getrq, issue of one I/O
  kSectorDelta = 2,    // zigzag varint from the shape's end
};
constexpr uint8_t kNewBytes = 1 << 2;
constexpr uint8_t kNewPid = 1 << 3;
constexpr uint8_t kExtra = 1 << 4;  // error, payload, fromDevice
constexpr uint8_t kBackwards = 1 << 5;  // the time delta is negative
constexpr size_t kNewShape = 255;

std::byte* putVarint(std::byte* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

const std::byte* getVarint(const std::byte* from, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint64_t byte = static_cast<uint8_t>(*from++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80 || shift >= 63) return from;
  }
}

uint64_t zigzag(uint64_t delta) { return (delta << 1) ^ (0 - (delta >> 63)); }
uint64_t unzigzag(uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

template <class T>
std::byte* put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

template <class T>
const std::byte* get(const std::byte* from, T& value) {
  std::memcpy(&value, from, sizeof value);
  return from + sizeof value;
}

bool fits(const SpoolState::Shape& shape, const Event& event) {
  return shape.device == event.device && shape.flags == event.flags && shape.action == event.action &&
         shape.direction == event.direction;
}

size_t addShape(SpoolState& state, const SpoolState::Shape& shape) {
  size_t slot = state.next;
  state.shapes[slot] = shape;
  state.next = (slot + 1) % SpoolState::kShapes;
  if (state.known < SpoolState::kShapes) ++state.known;
  return slot;
}

}  // namespace

// A hash first, so that the common case looks at one shape; a full look only on its miss.
size_t SpoolEncoder::findShape(const Event& event) {
  uint32_t key = event.device * 31 + event.flags * 7 + static_cast<uint32_t>(event.action) * 5 +
                 static_cast<uint32_t>(event.direction);
  uint8_t& guess = recent_[(key * 2654435761u) >> 24];
  if (guess < state_.known && fits(state_.shapes[guess], event)) return guess;
  for (size_t i = 0; i < state_.known; ++i) {
    if (fits(state_.shapes[i], event)) return guess = static_cast<uint8_t>(i);
  }
  return kNewShape;
}

std::byte* SpoolEncoder::encode(const Event& event, std::byte* to) {
  std::byte* control = to++;
  size_t slot = findShape(event);
  to = put(to, static_cast<uint8_t>(slot));
  if (slot == kNewShape) {
    slot = addShape(state_, {event.device, event.flags, event.action, event.direction, 0, 0, 0});
    to = put(to, event.device);
    to = put(to, event.flags);
    to = put(to, event.action);
    to = put(to, event.direction);
  }
  SpoolState::Shape& shape = state_.shapes[slot];

  uint8_t bits = 0;
  if (event.time < state_.time) bits |= kBackwards;
  to = putVarint(to, event.time < state_.time ? state_.time - event.time : event.time - state_.time);
  if (event.sector == shape.endSector) {
    bits |= kSectorFollows;
  } else if (event.sector == state_.sector) {
    bits |= kSectorSame;
  } else {
    bits |= kSectorDelta;
    to = putVarint(to, zigzag(event.sector - shape.endSector));
  }
  if (event.bytes != shape.bytes) {
    bits |= kNewBytes;
    // Nearly every size is a multiple of a sector: rotating puts the sector count low and odd bytes high.
    to = putVarint(to, (event.bytes >> 9) | static_cast<uint64_t>(event.bytes & 511) << 23);
  }
  if (event.pid != shape.pid) {
    bits |= kNewPid;
    to = putVarint(to, event.pid);
  }
  if (event.error || event.payload || event.fromDevice) {
    bits |= kExtra;
    to = put(to, event.error);
    to = putVarint(to, event.payload);
    to = putVarint(to, event.fromDevice);
  }
  *control = static_cast<std::byte>(bits);
  state_.time = event.time;
  state_.sector = event.sector;
  shape.bytes = event.bytes;
  shape.pid = event.pid;
  shape.endSector = event.endSector();
  return to;
}

const std::byte* SpoolDecoder::decode(const std::byte* from, Event& event) {
  auto bits = static_cast<uint8_t>(*from++);
  size_t slot = static_cast<uint8_t>(*from++);
  if (slot == kNewShape) {
    SpoolState::Shape shape;
    from = get(from, shape.device);
    from = get(from, shape.flags);
    from = get(from, shape.action);
    from = get(from, shape.direction);
    slot = addShape(state_, shape);
  }
  SpoolState::Shape& shape = state_.shapes[slot];

  uint64_t value;
  from = getVarint(from, value);
  state_.time += bits & kBackwards ? 0 - value : value;
  switch (bits & kSectorMask) {
    case kSectorFollows:
      state_.sector = shape.endSector;
      break;
    case kSectorDelta:
      from = getVarint(from, value);
      state_.sector = shape.endSector + unzigzag(value);
      break;
    default:
      break;  // the last one again
  }
  if (bits & kNewBytes) {
    from = getVarint(from, value);
    shape.bytes = static_cast<uint32_t>((value & 0x7fffff) << 9 | value >> 23);
  }
  if (bits & kNewPid) {
    from = getVarint(from, value);
    shape.pid = static_cast<uint32_t>(value);
  }
  event = Event{};
  if (bits & kExtra) {
    from = get(from, event.error);
    from = getVarint(from, event.payload);
    from = getVarint(from, value);
    event.fromDevice = static_cast<uint32_t>(value);
  }
  event.time = state_.time;
  event.sector = state_.sector;
  event.bytes = shape.bytes;
  event.pid = shape.pid;
  event.device = shape.device;
  event.cpu = cpu_;
  event.flags = shape.flags;
  event.action = shape.action;
  event.direction = shape.direction;
  shape.endSector = event.endSector();
  return from;
}

}  // namespace blkscope

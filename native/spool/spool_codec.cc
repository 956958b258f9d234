#include "spool/spool_codec.h"

#include <bit>
#include <cstring>

namespace blkscope {
namespace {

// The control byte: how many bytes the time has, less one; how the sector is told; what else follows.
constexpr uint8_t kTimeMask = 3;
constexpr unsigned kSectorShift = 2;
constexpr uint8_t kSectorMask = 7;
enum : uint8_t {
  kSectorFollows = 0,  // the end of the shape's last I/O: a sequential stream
  kSectorSame = 1,     // the stream's last sector: queue, getrq, issue of one I/O
  kSectorDelta = 1,    // and the number of bytes, up to 5, of the difference to the shape's end
  kSectorLong = 7,     // a difference of 8 bytes
};
constexpr uint8_t kNewBytes = 1 << 5;
constexpr uint8_t kNewPid = 1 << 6;
constexpr uint8_t kOdd = 1 << 7;  // a byte of these follows:
enum : uint8_t {
  kNewShape = 1 << 0,
  kLongTime = 1 << 1,  // 8 bytes
  kBackwards = 1 << 2,
  kExtra = 1 << 3,  // error, payload, fromDevice
};

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

/// How many bytes a number needs; one for 0.
unsigned bytesOf(uint64_t value) { return (71 - static_cast<unsigned>(std::countl_zero(value | 1))) / 8; }

/// The number in the low `bytes`, 1 to 8, of those that lie here.
uint64_t load(const std::byte* from, unsigned bytes) {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value & ~uint64_t{0} >> (64 - 8 * bytes);
}

/// A field of an event with its neighbour, or its neighbours, up to eight bytes in all.
uint64_t eightBytes(const Event& event, size_t at) {
  uint64_t value;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(&event) + at, sizeof value);
  return value;
}

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

uint64_t keyOf(const Event& event) {
  static_assert(offsetof(Event, flags) == 44 && offsetof(Event, action) == 46 && offsetof(Event, direction) == 47);
  return eightBytes(event, offsetof(Event, cpu)) >> 32 | uint64_t{event.device} << 32;
}

/// Puts the event's size and pid, where they are not the shape's last ones. Returns the control's bits.
[[gnu::noinline]] uint8_t putSizeAndPid(SpoolState::Shape& shape, const Event& event, std::byte*& to) {
  uint8_t control = 0;
  if (event.bytes != shape.bytes) {
    control |= kNewBytes;
    // Nearly every size is a multiple of a sector: rotating puts the sector count low and odd bytes high.
    to = putVarint(to, (event.bytes >> 9) | static_cast<uint64_t>(event.bytes & 511) << 23);
  }
  if (event.pid != shape.pid) {
    control |= kNewPid;
    to = putVarint(to, event.pid);
  }
  shape.bytes = event.bytes;
  shape.pid = event.pid;
  return control;
}

/// Puts the event's sector, size and pid, as far as they are not what the shape foresees. Returns the control's bits.
[[gnu::always_inline]] inline uint8_t putPlace(SpoolState& state, SpoolState::Shape& shape, const Event& event, std::byte*& to) {
  uint8_t control = kSectorFollows;
  if (event.sector != shape.endSector) {
    control = kSectorSame << kSectorShift;
    if (event.sector != state.sector) {
      uint64_t delta = zigzag(event.sector - shape.endSector);
      unsigned bytes = bytesOf(delta);
      if (bytes > 5) bytes = 8;
      control = static_cast<uint8_t>((bytes > 5 ? +kSectorLong : kSectorDelta + bytes) << kSectorShift);
      put(to, delta);
      to += bytes;
    }
  }
  static_assert(offsetof(Event, pid) == offsetof(Event, bytes) + 4);
  static_assert(offsetof(SpoolState::Shape, pid) == offsetof(SpoolState::Shape, bytes) + 4);
  if (eightBytes(event, offsetof(Event, bytes)) != (shape.bytes | uint64_t{shape.pid} << 32)) {
    std::byte* after = to;
    control |= putSizeAndPid(shape, event, after);
    to = after;
  }
  shape.endSector = event.endSector();
  state.time = event.time;
  state.sector = event.sector;
  return control;
}

}  // namespace

size_t SpoolState::add(uint64_t key) {
  size_t slot = next;
  shapes[slot] = {};
  shapes[slot].key = key;
  next = (slot + 1) % kShapes;
  if (known < kShapes) ++known;
  return slot;
}

// A hash first, so that the common case looks at one shape; a full look only on its miss. kShapes: there is none.
inline size_t SpoolEncoder::findShape(uint64_t key) {
  uint8_t& guess = recent_[(key * 0x9e3779b97f4a7c15u) >> 56];
  if (state_.shapes[guess].key == key) return guess;
  for (size_t i = 0; i < state_.known; ++i) {
    if (state_.shapes[i].key == key) return guess = static_cast<uint8_t>(i);
  }
  return SpoolState::kShapes;
}

/// What few events are: of a new shape, long after the last one or before it, or with what other events do not have.
[[gnu::noinline]] std::byte* SpoolEncoder::encodeOdd(const Event& event, std::byte* to, size_t slot) {
  std::byte* head = to;
  to += 3;
  uint8_t odd = kLongTime;
  if (slot == SpoolState::kShapes) {
    odd |= kNewShape;
    slot = state_.add(keyOf(event));
    to = put(to, state_.shapes[slot].key);
  }
  bool backwards = event.time < state_.time;
  if (backwards) odd |= kBackwards;
  to = put(to, backwards ? state_.time - event.time : event.time - state_.time);
  uint8_t control = kOdd | putPlace(state_, state_.shapes[slot], event, to);
  if (event.error || event.payload || event.fromDevice) {
    odd |= kExtra;
    to = put(to, event.error);
    to = putVarint(to, event.payload);
    to = putVarint(to, event.fromDevice);
  }
  head[0] = static_cast<std::byte>(control);
  head[1] = static_cast<std::byte>(slot);
  head[2] = static_cast<std::byte>(odd);
  return to;
}

inline std::byte* SpoolEncoder::encodeOne(const Event& event, std::byte* to) {
  size_t slot = findShape(keyOf(event));
  uint64_t elapsed = event.time - state_.time;  // huge where the event is the earlier one
  uint64_t odd = elapsed >> 32 | event.payload | event.fromDevice | event.error;
  if (odd || slot == SpoolState::kShapes) [[unlikely]] return encodeOdd(event, to, slot);
  std::byte* head = to;
  unsigned bytes = bytesOf(elapsed);
  put(to + 2, elapsed);
  to += 2 + bytes;
  uint8_t control = static_cast<uint8_t>(bytes - 1) | putPlace(state_, state_.shapes[slot], event, to);
  head[0] = static_cast<std::byte>(control);
  head[1] = static_cast<std::byte>(slot);
  return to;
}

std::byte* SpoolEncoder::encode(std::span<const Event>& events, std::byte* to, const std::byte* end) {
  const Event* event = events.data();
  const Event* last = event + events.size();
  const std::byte* lastStart = end - kMaxEncodedEvent;
  while (event != last && to <= lastStart) to = encodeOne(*event++, to);
  events = {event, last};
  return to;
}

const std::byte* SpoolDecoder::decode(const std::byte* from, Event& event) {
  auto control = static_cast<uint8_t>(*from++);
  size_t slot = static_cast<uint8_t>(*from++);
  uint8_t odd = control & kOdd ? static_cast<uint8_t>(*from++) : 0;
  if (odd & kNewShape) {
    uint64_t key;
    from = get(from, key);
    slot = state_.add(key);
  }
  SpoolState::Shape& shape = state_.shapes[slot];

  unsigned timeBytes = odd & kLongTime ? 8 : (control & kTimeMask) + 1u;
  uint64_t elapsed = load(from, timeBytes);
  from += timeBytes;
  state_.time += odd & kBackwards ? 0 - elapsed : elapsed;

  unsigned sector = control >> kSectorShift & kSectorMask;
  if (sector == kSectorFollows) {
    state_.sector = shape.endSector;
  } else if (sector != kSectorSame) {
    unsigned bytes = sector == kSectorLong ? 8 : sector - kSectorDelta;
    state_.sector = shape.endSector + unzigzag(load(from, bytes));
    from += bytes;
  }
  uint64_t value;
  if (control & kNewBytes) {
    from = getVarint(from, value);
    shape.bytes = static_cast<uint32_t>((value & 0x7fffff) << 9 | value >> 23);
  }
  if (control & kNewPid) {
    from = getVarint(from, value);
    shape.pid = static_cast<uint32_t>(value);
  }
  event.payload = 0;
  event.fromDevice = 0;
  event.error = 0;
  if (odd & kExtra) {
    from = get(from, event.error);
    from = getVarint(from, event.payload);
    from = getVarint(from, value);
    event.fromDevice = static_cast<uint32_t>(value);
  }
  event.time = state_.time;
  event.sector = state_.sector;
  event.bytes = shape.bytes;
  event.pid = shape.pid;
  event.device = static_cast<uint32_t>(shape.key >> 32);
  event.cpu = cpu_;
  auto tail = static_cast<uint32_t>(shape.key);
  std::memcpy(reinterpret_cast<std::byte*>(&event) + offsetof(Event, flags), &tail, sizeof tail);
  shape.endSector = event.endSector();
  return from;
}

}  // namespace blkscope

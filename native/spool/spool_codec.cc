#include "spool/spool_codec.h"

#include <cstring>

#include "spool/spool_format.h"

namespace blkscope {

using namespace spool_format;

namespace {

/// A field of an event with its neighbour, or its neighbours, up to eight bytes in all.
uint64_t eightBytes(const Event& event, size_t at) { return load<uint64_t>(reinterpret_cast<const std::byte*>(&event) + at); }

uint64_t keyOf(const Event& event) {
  static_assert(offsetof(Event, flags) == 44 && offsetof(Event, action) == 46 && offsetof(Event, direction) == 47);
  return eightBytes(event, offsetof(Event, cpu)) >> 32 | uint64_t{event.device} << 32;
}

constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
/// Sizes of whole sectors below 32 MiB, and process ids as Linux gives them.
constexpr uint64_t kUsualBits = 0x00ff'ffff'01ff'fe00;

const std::byte* getChanged(const std::byte* from, uint32_t head, SpoolShape& shape) {
  uint64_t bytes = static_cast<uint32_t>(shape.sizeAndPid);
  uint64_t pid = shape.sizeAndPid >> 32;
  if (head & kNewBytes) {
    uint16_t sectors;
    from = get(from, sectors);
    if (sectors == kUnusual) return get(from, shape.sizeAndPid);
    bytes = uint64_t{sectors} << 9;
  }
  if (head & kNewPid) {
    pid = load<uint32_t>(from) & 0xff'ffff;
    from += 3;
  }
  shape.sizeAndPid = bytes | pid << 32;
  return from;
}

uint64_t sizeAndPidOf(const Event& event) {
  static_assert(offsetof(Event, pid) == offsetof(Event, bytes) + 4);
  return eightBytes(event, offsetof(Event, bytes));
}

}  // namespace

void SpoolEncoder::Shape::setSizeAndPid(uint64_t value) {
  sizeAndPid = value;
  auto bytes = static_cast<uint32_t>(value);
  sectors = bytes >> 9;
  read = countsRead ? bytes : 0;
  written = countsWritten ? bytes : 0;
}

void SpoolEncoder::Shape::count() {
  Event event;
  auto tail = static_cast<uint32_t>(key);
  std::memcpy(reinterpret_cast<std::byte*>(&event) + offsetof(Event, flags), &tail, sizeof tail);
  countsRead = event.ends() && event.direction == Direction::read;
  countsWritten = event.ends() && event.direction == Direction::write;
  setSizeAndPid(sizeAndPid);
}

[[gnu::noinline]] std::byte* spool_format::putChanged(SpoolEncoder::Shape& shape, uint32_t head, uint64_t lastSector,
                                                      uint64_t sector, uint64_t sizeAndPid, std::byte* to) {
  uint64_t changed = sizeAndPid ^ shape.sizeAndPid;
  auto sectors = static_cast<uint16_t>(sizeAndPid >> 9);
  if ((sizeAndPid & ~kUsualBits) != 0 || sectors == kUnusual) [[unlikely]] {
    to = put(putSector(shape, head | kNewBytes, lastSector, sector, to), kUnusual);
    to = put(to, sizeAndPid);
  } else {
    bool newBytes = static_cast<uint32_t>(changed);
    bool newPid = changed >> 32;
    if (newBytes) head |= kNewBytes;
    if (newPid) head |= kNewPid;
    to = putSector(shape, head, lastSector, sector, to);
    put(to, sectors);
    to += newBytes ? 2 : 0;
    put(to, static_cast<uint32_t>(sizeAndPid >> 32));
    to += newPid ? 3 : 0;
  }
  shape.setSizeAndPid(sizeAndPid);
  shape.endSector = sector + shape.sectors;
  return to;
}

// A hash first, so that the common case looks at one shape; a full look only on its miss. Null: there is none.
inline SpoolEncoder::Shape* SpoolEncoder::findShape(uint64_t key) {
  uint8_t& guess = recent_[(key * 0x9e3779b97f4a7c15u) >> 56];
  if (state_.shapes[guess].key == key) return &state_.shapes[guess];
  for (size_t i = 0; i < state_.known; ++i) {
    if (state_.shapes[i].key == key) return &state_.shapes[guess = static_cast<uint8_t>(i)];
  }
  return nullptr;
}

/// What few events are: of a new shape, long after the last one or before it, or with what other events do not have. All
/// this is put before the event.
[[gnu::noinline]] std::byte* SpoolEncoder::encodeOdd(const Event& event, std::byte* to, Shape* shape) {
  uint8_t odd = 0;
  std::byte* head = to;
  to += 2;
  if (!shape) {
    odd |= kNewShape;
    size_t slot = state_.add(keyOf(event));
    shape = &state_.shapes[slot];
    shape->head = static_cast<uint32_t>(slot << kSlotShift);
    to = put(to, shape->key);
  }
  uint64_t elapsed = event.time - state_.time;
  if (elapsed >> kTimeBits) {
    odd |= kLongTime;
    to = putVarint(to, elapsed >> kTimeBits);
    elapsed &= kTimeMask;
  }
  if (event.error || event.payload || event.fromDevice) {
    odd |= kExtra;
    to = put(to, event.error);
    to = putVarint(to, event.payload);
    to = putVarint(to, event.fromDevice);
  }
  head[0] = static_cast<std::byte>(kOdd);
  head[1] = std::byte{odd};
  last_ = shape;
  return putIo(*shape, elapsed, state_.sector, event.sector, sizeAndPidOf(event), to);
}

inline std::byte* SpoolEncoder::encodeOne(const Event& event, std::byte* to) {
  Shape* shape = findShape(keyOf(event));
  uint64_t elapsed = event.time - state_.time;  // huge where the event is the earlier one
  uint64_t odd = elapsed >> kTimeBits | event.payload | event.fromDevice | event.error;
  if (odd || !shape) [[unlikely]] {
    to = encodeOdd(event, to, shape);
  } else {
    last_ = shape;
    to = putIo(*shape, elapsed, state_.sector, event.sector, sizeAndPidOf(event), to);
  }
  state_.time = event.time;
  state_.sector = event.sector;
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

[[gnu::noinline]] const std::byte* SpoolDecoder::decodeOdd(const std::byte* from, Event& event) {
  auto odd = load<uint8_t>(from + 1);
  from += 2;
  uint64_t value;
  if (odd & kNewShape) {
    from = get(from, value);
    state_.add(value);
  }
  if (odd & kLongTime) {
    from = getVarint(from, value);
    state_.time += value << kTimeBits;
  }
  if (odd & kExtra) {
    from = get(from, event.error);
    from = getVarint(from, event.payload);
    from = getVarint(from, value);
    event.fromDevice = static_cast<uint32_t>(value);
  }
  return from;
}

const std::byte* SpoolDecoder::decode(const std::byte* from, Event& event) {
  event.payload = 0;
  event.fromDevice = 0;
  event.error = 0;
  auto head = load<uint32_t>(from);
  if (head & kOdd) [[unlikely]] {
    from = decodeOdd(from, event);
    head = load<uint32_t>(from);
  }
  from += kHeadBytes;
  SpoolShape& shape = state_.shapes[static_cast<uint8_t>(head >> kSlotShift)];
  state_.time += head >> kTimeShift;

  unsigned sector = head & kSectorMask;
  if (sector == kSectorFollows) {
    state_.sector = shape.endSector;
  } else if (sector == kSectorNear) {
    state_.sector = shape.endSector + static_cast<uint64_t>(int64_t{load<int32_t>(from)});
    from += 4;
  } else if (sector == kSectorFar) {
    state_.sector = shape.endSector + load<uint64_t>(from);
    from += 8;
  }
  if (head & (kNewBytes | kNewPid)) from = getChanged(from, head, shape);
  event.time = state_.time;
  event.sector = state_.sector;
  event.bytes = static_cast<uint32_t>(shape.sizeAndPid);
  event.pid = static_cast<uint32_t>(shape.sizeAndPid >> 32);
  event.device = static_cast<uint32_t>(shape.key >> 32);
  event.cpu = cpu_;
  auto tail = static_cast<uint32_t>(shape.key);
  std::memcpy(reinterpret_cast<std::byte*>(&event) + offsetof(Event, flags), &tail, sizeof tail);
  shape.endSector = event.endSector();
  return from;
}

}  // namespace blkscope

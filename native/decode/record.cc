#include "decode/record.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "capture/blktrace_abi.h"

namespace blkscope {
namespace {

using abi::Record1;
using abi::Record2;

// By the low byte of the action word, in the order of the kernel's enum blktrace_act.
constexpr std::array<Action, 18> kActionByCode = {
    Action::other,   Action::queue,     Action::backMerge,  Action::frontMerge,  Action::getrq,  Action::sleepRq,
    Action::requeue, Action::issue,     Action::complete,   Action::plug,        Action::unplug, Action::unplugTimer,
    Action::insert,  Action::split,     Action::bounce,     Action::remap,       Action::abort,  Action::driverData,
};

template <class T>
T load(const std::byte* at, bool swapped) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if (!swapped) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

bool isMagic(uint32_t magic) { return (magic & abi::kMagicMask) == abi::kMagic; }

// By four bits: discard, a flush without data, write, read; the highest counts. A flush of its own carries no data; with
// data the bit asks for a flush before the write.
constexpr std::array<Direction, 16> kDirectionByBits = [] {
  std::array<Direction, 16> table{};
  for (size_t bits = 0; bits < table.size(); ++bits) {
    table[bits] = bits & 8 ? Direction::discard : bits & 4 ? Direction::flush : bits & 2 ? Direction::write
                                                : bits & 1 ? Direction::read  : Direction::none;
  }
  return table;
}();

// Reads and writes mix as they like: no branch on them here.
Direction directionOf(uint64_t categories, uint32_t bytes) {
  uint32_t bits = (categories & abi::kRead ? 1u : 0u) | (categories & abi::kWrite ? 2u : 0u) |
                  (categories & abi::kDiscard ? 8u : 0u);
  uint32_t flush = (categories & abi::kFlush ? 4u : 0u) & (bytes == 0 ? 4u : 0u);
  return kDirectionByBits[bits | flush];
}

uint16_t flagsOf(uint64_t categories) {
  auto flag = [&](uint64_t category, uint32_t bit) { return categories & category ? bit : 0u; };
  return static_cast<uint16_t>(flag(abi::kSync, kSync) | flag(abi::kAhead, kAhead) | flag(abi::kMeta, kMeta) |
                               flag(abi::kFua, kFua) | flag(abi::kFlush, kPreflush) |
                               flag(abi::kPassthrough, kPassthrough) | (categories >> 16 ? uint32_t{kZone} : 0u));
}

void readNote(uint32_t kind, std::span<const std::byte> payload, bool swapped, const Event& event, Notes& notes) {
  const auto* text = reinterpret_cast<const char*>(payload.data());
  if (kind == abi::kProcess) {
    notes.processNames[event.pid] = std::string(text, ::strnlen(text, payload.size()));
  } else if (kind == abi::kTimestamp && payload.size() >= 8) {
    uint64_t seconds = load<uint32_t>(payload.data(), swapped);
    notes.wallClock = seconds * 1'000'000'000 + load<uint32_t>(payload.data() + 4, swapped);
    notes.wallClockAt = event.time;
  }
}

// The payloads of remap, split and unplug are big-endian whatever the machine.
void readPayload(std::span<const std::byte> payload, Event& event) {
  constexpr bool toHost = true;  // big-endian on a little-endian host; blkscope runs on little-endian machines
  if (event.action == Action::remap && payload.size() >= 16) {
    event.fromDevice = load<uint32_t>(payload.data(), toHost);
    event.payload = load<uint64_t>(payload.data() + 8, toHost);
  } else if ((event.action == Action::split || event.action == Action::unplug ||
              event.action == Action::unplugTimer) &&
             payload.size() >= 8) {
    event.payload = load<uint64_t>(payload.data(), toHost);
  }
}

inline void splitAction(uint64_t word, Event& event) {
  uint32_t code = static_cast<uint32_t>(word) & 0xffff & ~abi::kCgroupBit;
  uint64_t categories = word >> abi::kCategoryShift;
  if (categories & abi::kNotify) {
    event.action = Action::notify;
    return;
  }
  event.action = code < kActionByCode.size() ? kActionByCode[code] : Action::other;
  bool carriesNoIo = event.action == Action::plug || event.action == Action::unplug ||
                     event.action == Action::unplugTimer;
  event.direction = carriesNoIo ? Direction::none : directionOf(categories, event.bytes);
  event.flags = flagsOf(categories);
}

}  // namespace

void decodeAction(uint64_t word, Event& event) { splitAction(word, event); }

bool finishEvent(uint64_t actionWord, std::span<const std::byte> payload, bool swapped, Event& event,
                 Notes& notes) {
  decodeAction(actionWord, event);
  if (actionWord & abi::kCgroupBit) payload = payload.subspan(std::min<size_t>(8, payload.size()));
  if (event.action == Action::notify) {
    readNote(static_cast<uint32_t>(actionWord) & 0xff, payload, swapped, event, notes);
    return false;
  }
  if (!payload.empty()) readPayload(payload, event);
  return true;
}

void RecordDecoder::checkSequence(uint32_t sequence) {
  if (lastSequence_ != 0 && sequence > lastSequence_ + 1) gaps_ += sequence - lastSequence_ - 1;
  lastSequence_ = sequence;
}

RecordShape shapeOf(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Record1)) return {};
  RecordShape shape;
  uint32_t magic = load<uint32_t>(bytes.data(), false);
  shape.swapped = !isMagic(magic);
  if (shape.swapped) magic = __builtin_bswap32(magic);
  uint32_t version = magic & 0xff;
  if (!isMagic(magic) || (version != 7 && version != 8)) {
    shape.kind = RecordShape::garbage;
    return shape;
  }
  shape.second = version == 8;
  size_t header = shape.second ? sizeof(Record2) : sizeof(Record1);
  if (bytes.size() < header) return shape;
  size_t length = shape.second ? offsetof(Record2, pduLength) : offsetof(Record1, pduLength);
  shape.bytes = header + load<uint16_t>(bytes.data() + length, shape.swapped);
  if (bytes.size() >= shape.bytes) shape.kind = RecordShape::record;
  return shape;
}

void RecordDecoder::skipGarbage(uint64_t at) {
  if (garbage_++ == 0) firstGarbageAt_ = at;
}

// The common path: this machine's byte order, one version; loads at fixed offsets and a few predictable branches.
template <class Record>
RecordDecoder::Progress RecordDecoder::decodeNative(std::span<const std::byte> bytes, std::span<Event> out,
                                                    Notes& notes) {
  constexpr uint32_t kExpected = abi::kMagic | (sizeof(Record) == sizeof(Record2) ? 8 : 7);
  const std::byte* at = bytes.data();
  const std::byte* end = at + bytes.size();
  Event* event = out.data();
  Event* last = event + out.size();
  uint64_t records = 0;
  while (event != last && static_cast<size_t>(end - at) >= sizeof(Record)) {
    Record record;
    std::memcpy(&record, at, sizeof record);
    size_t size = sizeof record + record.pduLength;
    if (record.magic != kExpected || static_cast<size_t>(end - at) < size) break;
    event->time = record.time;
    event->sector = record.sector;
    event->payload = 0;
    event->bytes = record.bytes;
    event->pid = record.pid;
    event->device = record.device;
    event->fromDevice = 0;
    event->cpu = static_cast<uint16_t>(record.cpu);
    event->error = record.error;
    event->flags = 0;
    std::span payload(at + sizeof record, record.pduLength);
    at += size;
    ++records;
    splitAction(record.action, *event);
    bool plain = record.pduLength == 0 && event->action != Action::notify;
    if (!plain && !finishEvent(record.action, payload, false, *event, notes)) continue;
    checkSequence(record.sequence);  // notes carry no sequence number
    ++event;
  }
  records_ += records;
  Progress done{static_cast<size_t>(at - bytes.data()), static_cast<size_t>(event - out.data())};
  if (done.used) protocol_ = sizeof(Record) == sizeof(Record2) ? Protocol::v2 : Protocol::v1;
  return done;
}

bool RecordDecoder::decodeSwapped(std::span<const std::byte> record, const RecordShape& shape, Event& event,
                                  Notes& notes) {
  const std::byte* at = record.data();
  size_t header = shape.second ? sizeof(Record2) : sizeof(Record1);
  size_t tail = header - (shape.second ? 16 : 4);  // where `error` and `pduLength` are
  event = Event{};
  event.time = load<uint64_t>(at + 8, true);
  event.sector = load<uint64_t>(at + 16, true);
  event.bytes = load<uint32_t>(at + 24, true);
  event.pid = load<uint32_t>(at + (shape.second ? 28 : 32), true);
  uint64_t action = shape.second ? load<uint64_t>(at + 32, true) : load<uint32_t>(at + 28, true);
  event.device = load<uint32_t>(at + tail - 8, true);
  event.cpu = static_cast<uint16_t>(load<uint32_t>(at + tail - 4, true));
  event.error = load<uint16_t>(at + tail, true);
  protocol_ = shape.second ? Protocol::v2 : Protocol::v1;
  ++records_;
  if (!finishEvent(action, record.subspan(header), true, event, notes)) return false;
  checkSequence(load<uint32_t>(at + 4, true));
  return true;
}

RecordDecoder::Progress RecordDecoder::decode(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes) {
  Progress done;
  while (done.events < out.size()) {
    auto rest = bytes.subspan(done.used);
    RecordShape shape = shapeOf(rest);
    if (shape.kind == RecordShape::incomplete) break;
    if (shape.kind == RecordShape::garbage) {
      skipGarbage(used_ + done.used);
      ++done.used;
    } else if (shape.swapped) {
      done.events += decodeSwapped(rest.first(shape.bytes), shape, out[done.events], notes);
      done.used += shape.bytes;
    } else {
      auto room = out.subspan(done.events);
      Progress run = shape.second ? decodeNative<Record2>(rest, room, notes) : decodeNative<Record1>(rest, room, notes);
      done.used += run.used;
      done.events += run.events;
    }
  }
  used_ += done.used;
  return done;
}

void RecordDecoder::decode(std::span<const std::byte> bytes, std::vector<Event>& out, Notes& notes) {
  if (!pending_.empty()) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    bytes = pending_;
  }
  size_t before = out.size();
  out.resize(before + bytes.size() / sizeof(Record1) + 1);  // one more than can come, so that only `bytes` end it
  Progress done = decode(bytes, std::span(out).subspan(before), notes);
  out.resize(before + done.events);
  pending_ = std::vector<std::byte>(bytes.begin() + static_cast<ptrdiff_t>(done.used), bytes.end());
}

}  // namespace blkscope

#include "decode/record.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "system/blktrace_abi.h"

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

constexpr Direction directionOf(uint64_t categories, uint32_t bytes) {
  if (categories & abi::kDiscard) return Direction::discard;
  // A flush of its own carries no data; with data the bit asks for a flush before the write.
  if ((categories & abi::kFlush) && bytes == 0) return Direction::flush;
  if (categories & abi::kWrite) return Direction::write;
  if (categories & abi::kRead) return Direction::read;
  return Direction::none;
}

constexpr uint16_t flagsOf(uint64_t categories) {
  uint16_t flags = 0;
  if (categories & abi::kSync) flags |= kSync;
  if (categories & abi::kAhead) flags |= kAhead;
  if (categories & abi::kMeta) flags |= kMeta;
  if (categories & abi::kFua) flags |= kFua;
  if (categories & abi::kFlush) flags |= kPreflush;
  if (categories & abi::kPassthrough) flags |= kPassthrough;
  if (categories >> 16) flags |= kZone;
  if (categories & abi::kZoneAppend) flags |= kZoneAppend;
  return flags;
}

void readNote(uint32_t kind, std::span<const std::byte> payload, bool swapped, const Event& event, Notes& notes) {
  const auto* text = reinterpret_cast<const char*>(payload.data());
  if (kind == abi::kProcess) {
    notes.processNames[event.pid] = std::string(text, ::strnlen(text, payload.size()));
  } else if (kind == abi::kTimestamp && payload.size() >= 8) {
    uint64_t seconds = load<uint32_t>(payload.data(), swapped);
    notes.addWallClock(seconds * 1'000'000'000 + load<uint32_t>(payload.data() + 4, swapped), event.time);
  } else if (kind == abi::kMessage) {
    notes.madeQueues |= std::string_view(text, payload.size()).starts_with(kMadeQueues);
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

constexpr bool carriesNoIo(Action action) {
  return action == Action::plug || action == Action::unplug || action == Action::unplugTimer;
}

/// The category that stands beside these codes. A zone append tells its place with a completion's code without it.
constexpr uint64_t neededBy(size_t code) {
  Action action = code < kActionByCode.size() ? kActionByCode[code] : Action::other;
  if (action == Action::issue) return abi::kIssue;
  if (action == Action::complete) return abi::kComplete;
  return action == Action::requeue ? uint64_t{abi::kRequeue} : 0;
}

/// What an action word says of an I/O.
struct Meaning {
  uint16_t flags = 0;
  Action action = Action::other;
  Direction direction = Direction::none;
};

Meaning meaningOf(uint64_t word, uint32_t bytes) {
  uint32_t code = static_cast<uint32_t>(word) & 0xffff & ~abi::kCgroupBit;
  uint64_t categories = word >> abi::kCategoryShift;
  if (categories & abi::kNotify) return {.action = Action::notify};
  Action action = code < kActionByCode.size() ? kActionByCode[code] : Action::other;
  if (neededBy(code) & ~categories) return {.action = Action::other};
  return {flagsOf(categories), action, carriesNoIo(action) ? Direction::none : directionOf(categories, bytes)};
}

void setMeaning(Event& event, Meaning meaning) {
  event.flags = meaning.flags;
  event.action = meaning.action;
  event.direction = meaning.direction;
}

/// The last four bytes of an Event.
constexpr uint32_t packed(Meaning meaning) {
  static_assert(offsetof(Event, flags) == 44 && offsetof(Event, action) == 46 && offsetof(Event, direction) == 47);
  return meaning.flags | static_cast<uint32_t>(meaning.action) << 16 | static_cast<uint32_t>(meaning.direction) << 24;
}

/// What a word says of an I/O with data, a look-up for each byte that says something: put together bit by bit, since a
/// discard outdoes a write, and a write a read: 3, 2 and 1. kOdd: it is no I/O, or not to be told by table.
class PlainMeaning {
 public:
  static constexpr uint32_t kOdd = 1u << 31;
  static uint32_t of(uint64_t word) {
    uint32_t meaning = kByCode[word & 0xff] | kByLow[word >> 16 & 0xff] | kByHigh[word >> 24 & 0xff];
    return meaning | (kNeeded[word & 0xff] & ~(word >> 16) ? kOdd : 0);
  }

 private:
  using Table = std::array<uint32_t, 256>;
  static_assert(static_cast<int>(Direction::discard) ==
                (static_cast<int>(Direction::read) | static_cast<int>(Direction::write)));

  static constexpr Table byCode() {
    Table table;
    for (size_t code = 0; code < table.size(); ++code) {
      Action action = code < kActionByCode.size() ? kActionByCode[code] : Action::other;
      bool io = code < kActionByCode.size() && !carriesNoIo(action);
      table[code] = packed({0, action, Direction::none}) | (io ? 0 : kOdd);
    }
    return table;
  }
  static constexpr Table byCategories(int shift) {
    Table table;
    for (uint64_t byte = 0; byte < table.size(); ++byte) {
      uint64_t categories = byte << shift;
      table[byte] = packed({flagsOf(categories), Action{}, directionOf(categories, 512)});
      if (categories & abi::kNotify) table[byte] |= kOdd;
    }
    return table;
  }
  static constexpr std::array<uint8_t, 256> needed() {
    std::array<uint8_t, 256> table{};
    for (size_t code = 0; code < table.size(); ++code) table[code] = static_cast<uint8_t>(neededBy(code));
    return table;
  }
  static const Table kByCode, kByLow, kByHigh;
  static const std::array<uint8_t, 256> kNeeded;
};
constexpr PlainMeaning::Table PlainMeaning::kByCode = byCode();
constexpr PlainMeaning::Table PlainMeaning::kByLow = byCategories(0);
constexpr PlainMeaning::Table PlainMeaning::kByHigh = byCategories(8);
constexpr std::array<uint8_t, 256> PlainMeaning::kNeeded = needed();

/// The words that came last, with their meanings: a trace has a few dozens of them.
[[gnu::noinline]] uint32_t learn(KnownWords& known, uint32_t word) {
  uint32_t meaning = PlainMeaning::of(word);
  if (word & 0xff00) meaning |= PlainMeaning::kOdd;  // a cgroup's bit
  known[KnownWord::placeOf(word)] = {word, meaning};
  return meaning;
}

uint32_t meaningOf(KnownWords& known, uint32_t word) {
  const KnownWord& its = known[KnownWord::placeOf(word)];
  return its.word == word ? its.meaning : learn(known, word);
}

/// Writes two fields at once that lie beside each other.
void storePair(Event& event, size_t at, uint64_t low, uint64_t high) {
  uint64_t both = low | high << 32;
  std::memcpy(reinterpret_cast<std::byte*>(&event) + at, &both, sizeof both);
}

/// A record of any kind with its payload. False: it is a note, and no event.
template <class Record>
[[gnu::noinline]] bool decodeAny(std::span<const std::byte> record, Event& event, Notes& notes) {
  const std::byte* at = record.data();
  event = Event{};
  event.time = load<uint64_t>(at + offsetof(Record, time), false);
  event.sector = load<uint64_t>(at + offsetof(Record, sector), false);
  event.bytes = load<uint32_t>(at + offsetof(Record, bytes), false);
  event.pid = load<uint32_t>(at + offsetof(Record, pid), false);
  event.device = load<uint32_t>(at + offsetof(Record, device), false);
  event.cpu = load<uint16_t>(at + offsetof(Record, cpu), false);
  event.error = errnoOf(load<uint16_t>(at + offsetof(Record, error), false));
  uint64_t word = load<decltype(Record::action)>(at + offsetof(Record, action), false);
  return finishEvent(word, record.subspan(sizeof(Record)), false, event, notes);
}

/// An I/O with data that did not fail and carries no payload, as nearly all are: loads at fixed offsets, few stores, one
/// branch. False, and anything in the event: it is another kind.
template <class Record>
[[gnu::always_inline]] inline bool decodePlain(const std::byte* at, Event& event, KnownWords& known) {
  static_assert(offsetof(Record, pduLength) == offsetof(Record, error) + 2);
  auto failureAndPayload = load<uint32_t>(at + offsetof(Record, error), false);
  auto bytes = load<uint32_t>(at + offsetof(Record, bytes), false);
  uint64_t word = load<decltype(Record::action)>(at + offsetof(Record, action), false);
  auto time = load<uint64_t>(at + offsetof(Record, time), false);
  uint32_t meaning = meaningOf(known, static_cast<uint32_t>(word));
  // Beyond 32 bits are categories of zones.
  if ((word >> 32 | failureAndPayload | (meaning & PlainMeaning::kOdd)) != 0 || bytes == 0 || time > kLatestNs) return false;
  event.time = time;
  event.sector = load<uint64_t>(at + offsetof(Record, sector), false);
  event.payload = 0;
  storePair(event, offsetof(Event, bytes), bytes, load<uint32_t>(at + offsetof(Record, pid), false));
  storePair(event, offsetof(Event, device), load<uint32_t>(at + offsetof(Record, device), false), 0);
  storePair(event, offsetof(Event, cpu), load<uint16_t>(at + offsetof(Record, cpu), false), meaning);
  return true;
}

/// Whether the payload of a record, as much of it as has come, holds another record's magic number.
bool holdsRecord(std::span<const std::byte> payload, uint32_t magic) {
  std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  return text.find(std::string_view(reinterpret_cast<const char*>(&magic), sizeof magic)) != text.npos;
}

}  // namespace

void Notes::addWallClock(uint64_t wall, uint64_t at) {
  if (wallClock) {
    uint64_t moved = (wall - wallClock) - (at - wallClockAt);
    clockMoved = std::max(clockMoved, std::min(moved, ~moved + 1));
  }
  if (wallClock && wallClockAt <= at) return;
  wallClock = wall;
  wallClockAt = at;
}

void Notes::merge(Notes other) {
  processNames.merge(other.processNames);
  if (other.wallClock) addWallClock(other.wallClock, other.wallClockAt);
  clockMoved = std::max(clockMoved, other.clockMoved);
  madeQueues |= other.madeQueues;
}

bool finishEvent(uint64_t actionWord, std::span<const std::byte> payload, bool swapped, Event& event,
                 Notes& notes) {
  setMeaning(event, meaningOf(actionWord, event.bytes));
  if (actionWord & abi::kCgroupBit) payload = payload.subspan(std::min<size_t>(8, payload.size()));
  if (event.action == Action::notify) {
    readNote(static_cast<uint32_t>(actionWord) & 0xff, payload, swapped, event, notes);
    return false;
  }
  if (!payload.empty()) readPayload(payload, event);
  return true;
}

uint64_t RecordDecoder::sequenceGaps() const {
  if (of_ == StreamOf::oneCpu) return sequence_.gaps();
  uint64_t gaps = 0;
  for (const auto& [cpu, check] : sequences_) gaps += check.gaps();
  return gaps;
}

/// Of the CPU of an event, in a stream of several.
SequenceCheck& RecordDecoder::checkOf(const Event& event) {
  constexpr size_t kMost = 4096;
  if (lastCheck_ && event.cpu == lastCpu_ && event.device == lastDevice_) return *lastCheck_;
  auto found = sequences_.find({event.device, event.cpu});
  if (found == sequences_.end()) {
    if (sequences_.size() == kMost) return sequence_;  // a damaged record may name any device and CPU: more are not looked at
    found = sequences_.try_emplace({event.device, event.cpu}).first;
  }
  lastCheck_ = &found->second;
  lastDevice_ = event.device;
  lastCpu_ = event.cpu;
  return *lastCheck_;
}

/// Whether a record may begin so; there may be fewer bytes than its magic number has.
bool mayBeginRecord(std::span<const std::byte> bytes) {
  for (uint32_t magic : {abi::kMagic | 7, abi::kMagic | 8}) {
    for (uint32_t order : {magic, __builtin_bswap32(magic)}) {
      if (std::memcmp(bytes.data(), &order, std::min(bytes.size(), sizeof order)) == 0) return true;
    }
  }
  return false;
}

RecordShape shapeOf(std::span<const std::byte> bytes) {
  RecordShape shape;
  if (bytes.size() < sizeof(Record1)) {
    if (!bytes.empty() && !mayBeginRecord(bytes)) shape.kind = RecordShape::garbage;
    return shape;
  }
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
  auto payload = bytes.first(std::min(bytes.size(), shape.bytes)).subspan(header);
  if (holdsRecord(payload, load<uint32_t>(bytes.data(), false))) shape.kind = RecordShape::garbage;
  return shape;
}

void RecordDecoder::skipGarbage(uint64_t at) {
  if (garbage_++ == 0) firstGarbageAt_ = at;
}

/// How many records from the first on are plain, up to `most`, which are decoded.
template <class Record>
size_t RecordDecoder::decodePlainRun(const std::byte* at, Event* event, size_t most) {
  constexpr uint32_t kExpected = abi::kMagic | (sizeof(Record) == sizeof(Record2) ? 8 : 7);
  const bool mixed = of_ == StreamOf::several;
  uint32_t next = sequence_.next();
  size_t noted = 0;  // events whose numbers sequence_ knows of
  size_t count = 0;
  for (; count < most; ++count, at += sizeof(Record), ++event) {
    if (load<uint32_t>(at, false) != kExpected) break;
    __builtin_prefetch(at + 4096);  // the processor's own prefetching ends with each page
    if (!decodePlain<Record>(at, *event, known_)) break;
    auto sequence = load<uint32_t>(at + offsetof(Record, sequence), false);
    if (mixed || sequence != next) [[unlikely]] {
      if (!mixed) sequence_.follow(count - noted);
      checkSequence(sequence, *event);
      noted = count + 1;
      next = sequence_.next();
    } else {
      ++next;
    }
  }
  if (!mixed) sequence_.follow(count - noted);
  return count;
}

// The common path: this machine's byte order, one version.
template <class Record>
RecordDecoder::Progress RecordDecoder::decodeNative(std::span<const std::byte> bytes, std::span<Event> out,
                                                    Notes& notes) {
  constexpr uint32_t kExpected = abi::kMagic | (sizeof(Record) == sizeof(Record2) ? 8 : 7);
  Progress done;
  for (;;) {
    auto rest = bytes.subspan(done.used);
    size_t plain = decodePlainRun<Record>(rest.data(), out.data() + done.events,
                                          std::min(out.size() - done.events, rest.size() / sizeof(Record)));
    done.used += plain * sizeof(Record);
    done.events += plain;
    records_ += plain;
    if (plain) lastGave_ = true;
    rest = bytes.subspan(done.used);
    if (done.events == out.size() || rest.size() < sizeof(Record) || load<uint32_t>(rest.data(), false) != kExpected) break;
    lastGave_ = false;
    RecordShape shape = shapeOf(rest);
    if (shape.kind != RecordShape::record) break;
    done.used += shape.bytes;
    ++records_;
    Event& event = out[done.events];
    if (!decodeAny<Record>(rest.first(shape.bytes), event, notes)) {
      noted(event);
      continue;  // notes carry no sequence number
    }
    checkSequence(load<uint32_t>(rest.data() + offsetof(Record, sequence), false), event);
    lastGave_ = possible(event);
    done.events += lastGave_;
  }
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
  event.error = errnoOf(load<uint16_t>(at + tail, true));
  protocol_ = shape.second ? Protocol::v2 : Protocol::v1;
  ++records_;
  if (!finishEvent(action, record.subspan(header), true, event, notes)) {
    noted(event);
    return false;
  }
  checkSequence(load<uint32_t>(at + 4, true), event);
  return possible(event);
}

/// How many bytes before the end of `bytes`, which are followed by no record, another record begins within the last one: that
/// one was cut, and took what it lacks from its neighbour. 0: none does.
size_t cutShort(std::span<const std::byte> bytes, size_t header) {
  if (bytes.size() < header) return 0;
  auto body = bytes.last(header - sizeof(uint32_t));
  for (uint32_t magic : {abi::kMagic | 7, abi::kMagic | 8}) {
    auto* first = reinterpret_cast<const std::byte*>(&magic);
    auto found = std::search(body.begin(), body.end(), first, first + sizeof magic);
    if (found != body.end()) return static_cast<size_t>(body.end() - found);
  }
  return 0;
}

// As far as records of this machine's byte order and of one version go.
RecordDecoder::Progress RecordDecoder::decodeRun(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes) {
  if (bytes.size() < sizeof(Record1)) return {};
  if (load<uint32_t>(bytes.data(), false) == (abi::kMagic | 8)) return decodeNative<Record2>(bytes, out, notes);
  return decodeNative<Record1>(bytes, out, notes);
}

RecordDecoder::Progress RecordDecoder::decode(std::span<const std::byte> bytes, std::span<Event> out, Notes& notes) {
  Progress done;
  while (done.events < out.size()) {
    auto rest = bytes.subspan(done.used);
    Progress run = decodeRun(rest, out.subspan(done.events), notes);
    done.used += run.used;
    done.events += run.events;
    if (run.used) continue;
    RecordShape shape = shapeOf(rest);
    if (shape.kind == RecordShape::incomplete) break;
    if (shape.kind == RecordShape::garbage) {
      size_t header = protocol_ == Protocol::v2 ? sizeof(Record2) : sizeof(Record1);
      size_t back = done.events && lastGave_ ? cutShort(bytes.first(done.used), header) : 0;
      if (back) {
        --done.events;
        --records_;
        ++takenOut_;
        done.used -= header;
        for (size_t i = back; i < header; ++i) skipGarbage(used_ + done.used++);
        continue;
      }
      skipGarbage(used_ + done.used);
      ++done.used;
    } else {
      done.events += decodeSwapped(rest.first(shape.bytes), shape, out[done.events], notes);
      done.used += shape.bytes;
    }
  }
  used_ += done.used;
  return done;
}

}  // namespace blkscope

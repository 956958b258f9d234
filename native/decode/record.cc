#include "decode/record.h"

#include <algorithm>
#include <array>
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

Direction directionOf(uint64_t categories, uint32_t bytes) {
  if (categories & abi::kDiscard) return Direction::discard;
  // A flush of its own carries no data; with data the bit asks for a flush before the write.
  if ((categories & abi::kFlush) && bytes == 0) return Direction::flush;
  if (categories & abi::kWrite) return Direction::write;
  if (categories & abi::kRead) return Direction::read;
  return Direction::none;
}

uint16_t flagsOf(uint64_t categories) {
  uint16_t flags = 0;
  if (categories & abi::kSync) flags |= kSync;
  if (categories & abi::kAhead) flags |= kAhead;
  if (categories & abi::kMeta) flags |= kMeta;
  if (categories & abi::kFua) flags |= kFua;
  if (categories & abi::kFlush) flags |= kPreflush;
  if (categories & abi::kPassthrough) flags |= kPassthrough;
  if (categories >> 16) flags |= kZone;
  return flags;
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

}  // namespace

void decodeAction(uint64_t word, Event& event) {
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

void RecordDecoder::decode(std::span<const std::byte> bytes, std::vector<Event>& out, Notes& notes) {
  if (pending_.empty()) {
    size_t used = decodeWhole(bytes, out, notes);
    pending_.assign(bytes.begin() + static_cast<ptrdiff_t>(used), bytes.end());
    return;
  }
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  size_t used = decodeWhole(pending_, out, notes);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(used));
}

size_t RecordDecoder::decodeWhole(std::span<const std::byte> bytes, std::vector<Event>& out, Notes& notes) {
  size_t at = 0;
  while (bytes.size() - at >= sizeof(Record1)) {
    const std::byte* record = bytes.data() + at;
    uint32_t magic = load<uint32_t>(record, false);
    bool swapped = !isMagic(magic);
    if (swapped) magic = __builtin_bswap32(magic);
    uint32_t version = magic & 0xff;
    if (!isMagic(magic) || (version != 7 && version != 8)) {
      ++at;
      ++garbage_;
      continue;
    }
    bool second = version == 8;
    size_t header = second ? sizeof(Record2) : sizeof(Record1);
    if (bytes.size() - at < header) break;
    size_t tail = second ? 16 : 4;  // from the end of the header back to `error`, `pduLength`
    uint16_t pduLength = load<uint16_t>(record + header - tail + 2, swapped);
    if (bytes.size() - at < header + pduLength) break;

    Event event;
    event.time = load<uint64_t>(record + 8, swapped);
    event.sector = load<uint64_t>(record + 16, swapped);
    event.bytes = load<uint32_t>(record + 24, swapped);
    event.pid = load<uint32_t>(record + (second ? 28 : 32), swapped);
    uint64_t action = second ? load<uint64_t>(record + 32, swapped) : load<uint32_t>(record + 28, swapped);
    event.device = load<uint32_t>(record + header - tail - 8, swapped);
    event.cpu = static_cast<uint16_t>(load<uint32_t>(record + header - tail - 4, swapped));
    event.error = load<uint16_t>(record + header - tail, swapped);
    protocol_ = second ? Protocol::v2 : Protocol::v1;
    ++records_;
    if (finishEvent(action, {record + header, pduLength}, swapped, event, notes)) {
      checkSequence(load<uint32_t>(record + 4, swapped));  // notes carry no sequence number
      out.push_back(event);
    }
    at += header + pduLength;
  }
  return at;
}

}  // namespace blkscope

// The kernel's records into the spool, without an Event in between: nearly every record is like one of some dozen that
// came before it, but for its time and its sector.
#include <algorithm>

#include "spool/spool_codec.h"
#include "spool/spool_format.h"
#include "system/blktrace_abi.h"

namespace blkscope {

using namespace spool_format;
using abi::Record1;
using abi::Record2;

namespace {

/// The most bytes that an event takes which is not odd, and what is written beyond its end.
constexpr size_t kMostPlainBytes = 32;

/// What a record holds in each version's own places.
template <class Record>
struct Plain {
  static constexpr bool kSecond = sizeof(Record) == sizeof(Record2);
  static constexpr size_t kNext = sizeof(uint32_t);  // from a field to the one beside it

  static uint64_t action(const std::byte* at) { return load<decltype(Record::action)>(at + offsetof(Record, action)); }
  static uint64_t sizeAndPid(const std::byte* at) {
    if constexpr (kSecond) {
      static_assert(offsetof(Record2, pid) == offsetof(Record2, bytes) + kNext);
      return load<uint64_t>(at + offsetof(Record, bytes));
    }
    return load<uint32_t>(at + offsetof(Record, bytes)) | uint64_t{load<uint32_t>(at + offsetof(Record, pid))} << 32;
  }
  /// The device and the CPU.
  static uint64_t origin(const std::byte* at) {
    static_assert(offsetof(Record, cpu) == offsetof(Record, device) + kNext);
    return load<uint64_t>(at + offsetof(Record, device));
  }
  /// An error, or bytes of a payload.
  static bool hasMore(const std::byte* at) {
    static_assert(offsetof(Record, pduLength) == offsetof(Record, error) + 2);
    return load<uint32_t>(at + offsetof(Record, error)) != 0;
  }
};

uint8_t hashOf(uint64_t action) { return static_cast<uint8_t>((action * 0x9e3779b97f4a7c15u) >> 56); }

/// What the record with the number `decoder` waits for begins with.
uint64_t headOf(const RecordDecoder& decoder) {
  uint32_t magic = abi::kMagic | (decoder.protocol() == Protocol::v2 ? 8 : 7);
  return magic | uint64_t{decoder.nextSequence()} << 32;
}

}  // namespace

// One look at a word for each two or three fields, and one store for what mostly changes.
template <class Record>
EncodedRecords SpoolEncoder::encodeRun(const std::byte* at, size_t most, uint64_t head, std::byte*& to) {
  using Of = Plain<Record>;
  uint64_t read = 0;
  uint64_t written = 0;
  const std::byte* first = at;
  const std::byte* last = at + most * sizeof(Record);
  std::byte* out = to;
  uint64_t time = state_.time;
  uint64_t sector = state_.sector;
  for (; at != last; at += sizeof(Record)) {
    uint64_t action = Of::action(at);
    Shape& shape = *byAction_[hashOf(action)];
    if (load<uint64_t>(at) != head || action != shape.action || Of::origin(at) != shape.origin || Of::hasMore(at)) break;
    auto now = load<uint64_t>(at + offsetof(Record, time));
    if ((now - time) >> kTimeBits) break;
    auto place = load<uint64_t>(at + offsetof(Record, sector));
    out = putIo(shape, now - time, sector, place, Of::sizeAndPid(at), out);
    read += shape.read;
    written += shape.written;
    time = now;
    sector = place;
    head += uint64_t{1} << 32;
  }
  state_.time = time;
  state_.sector = sector;
  to = out;
  auto bytes = static_cast<size_t>(at - first);
  return {bytes / sizeof(Record), bytes, time, read, written};
}

EncodedRecords SpoolEncoder::encodeRecords(std::span<const std::byte> bytes, const RecordDecoder& decoder, std::byte*& to,
                                           const std::byte* end) {
  bool second = decoder.protocol() == Protocol::v2;
  size_t whole = bytes.size() / (second ? sizeof(Record2) : sizeof(Record1));
  size_t most = std::min(whole, static_cast<size_t>(end - to) / kMostPlainBytes);
  // None of them can bear a time that cannot be: each is a little later than the one before.
  if (state_.time + (uint64_t{most} << kTimeBits) > kLatestNs) return {};
  uint64_t head = headOf(decoder);
  return second ? encodeRun<Record2>(bytes.data(), most, head, to) : encodeRun<Record1>(bytes.data(), most, head, to);
}

// What an empty flush is depends on its size; all else that a shape says follows from the action and the origin.
template <class Record>
bool learnFrom(const std::byte* at, SpoolEncoder::Shape& shape) {
  using Of = Plain<Record>;
  uint64_t action = Of::action(at);
  if (Of::hasMore(at) || action >> abi::kCategoryShift & abi::kFlush) return false;
  shape.action = action;
  shape.origin = Of::origin(at);
  return true;
}

void SpoolEncoder::learn(std::span<const std::byte> record) {
  if (record.size() != sizeof(Record1) && record.size() != sizeof(Record2)) return;
  RecordShape found = shapeOf(record);
  if (found.kind != RecordShape::record || found.swapped || found.bytes != record.size()) return;
  bool plain = found.second ? learnFrom<Record2>(record.data(), *last_) : learnFrom<Record1>(record.data(), *last_);
  if (!plain) return;
  last_->count();
  byAction_[hashOf(last_->action)] = last_;
}

}  // namespace blkscope

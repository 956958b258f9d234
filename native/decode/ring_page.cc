#include "decode/ring_page.h"

#include <algorithm>
#include <cstring>

#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

constexpr size_t kPageHeader = 16;
constexpr uint64_t kCommitMask = (1u << 27) - 1;
constexpr uint64_t kMissedEvents = 1u << 31;
constexpr uint64_t kMissedStored = 1u << 30;  // the count stands after the data
constexpr uint32_t kTypePadding = 29;
constexpr uint32_t kTypeTimeExtend = 30;
constexpr uint32_t kTypeTimeStamp = 31;
constexpr unsigned kDeltaBits = 27;
// An absolute stamp has 59 bits; the rest is the page's.
constexpr uint64_t kStampMask = (1ull << 59) - 1;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

size_t RingPageDecoder::decodePage(std::span<const std::byte> page, std::vector<Event>& out, Notes& notes,
                                   size_t skip) {
  if (page.size() < kPageHeader) return 0;
  uint64_t pageTime = load<uint64_t>(page.data());
  // A mapped page is still being filled: what the length covers is read after it. Pages lie on page boundaries.
  uint64_t commit = __atomic_load_n(reinterpret_cast<const uint64_t*>(page.data() + 8), __ATOMIC_ACQUIRE);
  size_t length = std::min<size_t>(commit & kCommitMask, page.size() - kPageHeader);
  std::span<const std::byte> data = page.subspan(kPageHeader, length);
  if (skip == 0) {
    time_ = pageTime;
    if (commit & kMissedEvents) {
      bool counted = (commit & kMissedStored) && page.size() - kPageHeader - length >= 8;
      missed_ += counted ? load<uint64_t>(data.data() + length) : 1;
    }
  }

  size_t at = std::min(skip, length);
  while (length - at >= 4) {
    uint32_t head = load<uint32_t>(data.data() + at);
    uint32_t typeLength = head & 31;
    uint64_t delta = head >> 5;
    uint32_t word = length - at >= 8 ? load<uint32_t>(data.data() + at + 4) : 0;
    size_t size = 8;  // of a time record
    if (typeLength == kTypePadding) {
      if (delta == 0) break;  // the rest of the page is empty
      time_ += delta;
      size = 4 + word;
    } else if (typeLength == kTypeTimeExtend) {
      time_ += (static_cast<uint64_t>(word) << kDeltaBits) + delta;
    } else if (typeLength == kTypeTimeStamp) {
      uint64_t stamp = (static_cast<uint64_t>(word) << kDeltaBits) + delta;
      time_ = (pageTime & ~kStampMask) | stamp;
    } else {
      time_ += delta;
      // 0: the length stands in the first word, and counts itself.
      size_t headSize = typeLength == 0 ? 8 : 4;
      size = typeLength == 0 ? 4 + static_cast<size_t>(word) : 4 + typeLength * size_t{4};
      if (size < headSize || size > length - at) {
        ++garbled_;
        break;
      }
      ++entries_;
      decodeEntry(data.subspan(at + headSize, size - headSize), time_, out, notes);
    }
    if (size == 0 || size > length - at) break;
    at += size;
  }
  return length;
}

void RingPageDecoder::decodeEntry(std::span<const std::byte> entry, uint64_t time, std::vector<Event>& out,
                                  Notes& notes) {
  if (entry.size() < 8 || load<uint16_t>(entry.data()) != blkType_) return;  // another user's entry: not ours
  bool second = protocol_ == Protocol::v2;
  size_t header = second ? sizeof(abi::Record2) : sizeof(abi::Record1);
  if (entry.size() < header) {
    ++garbled_;
    return;
  }
  const std::byte* record = entry.data();
  size_t pduAt = second ? 50 : 46;
  size_t pduLength = std::min<size_t>(load<uint16_t>(record + pduAt), entry.size() - header);

  Event event;
  event.time = time;
  event.cpu = cpu_;
  event.sector = load<uint64_t>(record + 16);
  event.bytes = load<uint32_t>(record + 24);
  event.pid = load<uint32_t>(record + (second ? 28 : 32));
  event.device = load<uint32_t>(record + (second ? 40 : 36));
  event.error = errnoOf(load<uint16_t>(record + pduAt - 2));
  uint64_t action = second ? load<uint64_t>(record + 32) : load<uint32_t>(record + 28);
  if (!finishEvent(action, {record + header, pduLength}, false, event, notes)) return;
  if (event.time <= kLatestNs) out.push_back(event);
  else ++garbled_;
}

}  // namespace blkscope

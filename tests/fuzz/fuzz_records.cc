// Any bytes, fed whole and in pieces, decode to the same events; but for records that were cut, which show as a whole alone.
// And what a capture thread makes of them, through the spool, is the same.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "decode/record.h"
#include "spool/spool_codec.h"

using namespace blkscope;

namespace {

struct Taken {
  RecordDecoder decoder;
  Notes notes;
  std::vector<Event> events;
  size_t used = 0;
};

void decode(Taken& taken, std::span<const std::byte> bytes) {
  Event event;
  while (true) {
    auto done = taken.decoder.decode(bytes.subspan(taken.used), {&event, 1}, taken.notes);
    if (done.used == 0) return;
    taken.used += done.used;
    if (done.events) taken.events.push_back(event);
  }
}

Taken whole(std::span<const std::byte> bytes) {
  Taken taken;
  taken.events.resize(bytes.size() / 48 + 1);
  auto done = taken.decoder.decode(bytes, taken.events, taken.notes);
  taken.used = done.used;
  taken.events.resize(done.events);
  return taken;
}

Taken inPieces(std::span<const std::byte> bytes) {
  Taken taken;
  size_t step = bytes.empty() ? 1 : static_cast<size_t>(bytes[0]) % 97 + 1;
  for (size_t end = 0; end < bytes.size();) {
    end = std::min(end + step, bytes.size());
    decode(taken, bytes.first(end));
  }
  return taken;
}

Taken throughSpool(std::span<const std::byte> bytes) {
  Taken taken;
  std::vector<std::byte> spool(3 * bytes.size() + kMaxEncodedEvent);
  std::byte* to = spool.data();
  const std::byte* end = to + spool.size();
  SpoolEncoder encoder;
  while (true) {
    auto passed = encoder.encodeRecords(bytes.subspan(taken.used), taken.decoder, to, end);
    taken.decoder.passed(passed.count, passed.bytes);
    taken.used += passed.bytes;
    Event event;
    auto rest = bytes.subspan(taken.used);
    auto done = taken.decoder.decode(rest, {&event, 1}, taken.notes);
    if (done.used == 0) break;
    taken.used += done.used;
    std::span<const Event> events(&event, done.events);
    to = encoder.encode(events, to, end);
    if (done.events) encoder.learn(rest.first(done.used));
  }
  SpoolDecoder reader(0);
  for (const std::byte* at = spool.data(); at != to;) at = reader.decode(at, taken.events.emplace_back());
  return taken;
}

bool same(const Taken& a, const Taken& b) {
  bool same = a.events.size() == b.events.size() && a.used == b.used && a.decoder.garbageBytes() == b.decoder.garbageBytes() &&
              a.decoder.sequenceGaps() == b.decoder.sequenceGaps();
  for (size_t i = 0; same && i < a.events.size(); ++i) {
    const Event& one = a.events[i];
    const Event& other = b.events[i];
    same = one.time == other.time && one.sector == other.sector && one.bytes == other.bytes && one.pid == other.pid &&
           one.action == other.action && one.direction == other.direction && one.flags == other.flags &&
           one.device == other.device && one.error == other.error && one.payload == other.payload;
  }
  return same;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  Taken all = whole(bytes);
  Taken pieces = inPieces(bytes);
  Taken spooled = throughSpool(bytes);
  if (all.decoder.takenOut() || pieces.decoder.takenOut()) return 0;
  if (!same(all, pieces) || !same(all, spooled)) std::abort();
  return 0;
}

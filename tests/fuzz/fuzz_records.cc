// Any bytes, fed whole and in pieces, decode to the same events; but for records that were cut, which show as a whole alone.
#include <algorithm>
#include <cstdlib>

#include "decode/record.h"

using namespace blkscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  RecordDecoder whole;
  RecordDecoder pieces;
  Notes notes;
  std::vector<Event> all;
  std::vector<Event> some;
  whole.decode(bytes, all, notes);
  size_t step = size ? data[0] % 97 + 1 : 1;
  for (size_t at = 0; at < size; at += step) pieces.decode(bytes.subspan(at, std::min(step, size - at)), some, notes);
  if (whole.takenOut() || pieces.takenOut()) return 0;
  bool same = all.size() == some.size() && whole.garbageBytes() == pieces.garbageBytes() &&
              whole.sequenceGaps() == pieces.sequenceGaps() && whole.pendingBytes() == pieces.pendingBytes();
  for (size_t i = 0; same && i < all.size(); ++i) {
    same = all[i].time == some[i].time && all[i].sector == some[i].sector && all[i].bytes == some[i].bytes &&
           all[i].action == some[i].action && all[i].payload == some[i].payload;
  }
  if (!same) std::abort();
  return 0;
}

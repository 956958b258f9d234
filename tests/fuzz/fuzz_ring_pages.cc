// Any bytes as a page of the trace ring.
#include "decode/ring_page.h"

using namespace blkscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  constexpr uint16_t kBlkType = 9;
  RingPageDecoder decoder(0, kBlkType, data[0] % 2 ? Protocol::v1 : Protocol::v2);
  Notes notes;
  std::vector<Event> events;
  std::span page(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  decoder.decodePage(page, events, notes);
  decoder.decodePage(page, events, notes, data[0] * size_t{4});
  return 0;
}

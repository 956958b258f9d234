// How a merged event is written, by who reads it next.
#pragma once

#include "decode/event.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace blkscope {

/// For the thread that wrote it.
struct PutForOwn {
  static void put(Event& to, const Event& from) { to = from; }
};

/// For a thread on another processor: past the caches. What is written again and again, and read over there, would
/// have to be fetched back from that processor's cache each time, though every byte of it is written anew. That takes
/// twice as long as all other work of reading a trace where the two share no cache. `PutForOther::done` comes before
/// the events are handed over.
struct PutForOther {
#ifdef __SSE2__
  static void put(Event& to, const Event& from) {
    static_assert(sizeof(Event) == 3 * sizeof(__m128i));
    auto* out = reinterpret_cast<__m128i*>(&to);  // aligned: see EventBlocks
    auto* in = reinterpret_cast<const __m128i*>(&from);
    for (int i = 0; i < 3; ++i) _mm_stream_si128(out + i, _mm_loadu_si128(in + i));
  }
  static void done() { _mm_sfence(); }
#else
  static void put(Event& to, const Event& from) { to = from; }
  static void done() {}
#endif
};

}  // namespace blkscope

// Merges the streams of all CPUs into one order by time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// K-way merge by time with a watermark.
///
/// `Input` has `size_t read(size_t stream, std::span<Event> out)`: up to out.size() next events of a stream, 0 when
/// none is there now. The winning stream is kept as long as it is not later than the runner-up, since block events
/// come in runs from one CPU; a run is handed to the sink where it lies, without a copy.
template <class Input>
class Merger {
 public:
  Merger(Input& input, size_t streams) : input_(input), streams_(streams) {}

  /// Hands all events older than `watermark` to `sink(std::span<const Event>)`, in order of time.
  template <class Sink>
  void mergeUntil(uint64_t watermark, Sink&& sink) {
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[i].empty()) refill(i);
    }
    for (;;) {
      size_t best = streams_.size();
      uint64_t bestTime = UINT64_MAX;
      uint64_t limit = watermark;  // the run ends where the runner-up begins
      for (size_t i = 0; i < streams_.size(); ++i) {
        if (streams_[i].empty()) continue;
        uint64_t time = streams_[i].head().time;
        if (time < bestTime) {
          limit = std::min(limit, bestTime);
          best = i;
          bestTime = time;
        } else {
          limit = std::min(limit, time);
        }
      }
      if (best == streams_.size() || bestTime >= watermark) return;
      emitRun(best, std::max(limit, bestTime + 1), sink);
    }
  }

 private:
  static constexpr size_t kBuffer = 512;
  struct Stream {
    std::vector<Event> events = std::vector<Event>(kBuffer);
    size_t at = 0;
    size_t end = 0;
    bool empty() const { return at == end; }
    const Event& head() const { return events[at]; }
  };

  // Refills within the run while the stream stays the winner.
  template <class Sink>
  void emitRun(size_t index, uint64_t limit, Sink&& sink) {
    Stream& s = streams_[index];
    do {
      size_t from = s.at;
      while (s.at != s.end && s.events[s.at].time < limit) ++s.at;
      if (s.at != from) sink(std::span<const Event>(s.events.data() + from, s.at - from));
    } while (s.empty() && refill(index) && s.head().time < limit);
  }

  bool refill(size_t index) {
    Stream& s = streams_[index];
    s.at = 0;
    s.end = input_.read(index, s.events);
    // An interrupt between a stamp and its record swaps two neighbours of one CPU: put them right.
    for (size_t i = 1; i < s.end; ++i) {
      for (size_t j = i; j > 0 && s.events[j].time < s.events[j - 1].time; --j) std::swap(s.events[j], s.events[j - 1]);
    }
    return s.end != 0;
  }

  Input& input_;
  std::vector<Stream> streams_;
};

}  // namespace blkscope

// Merges the streams of all CPUs into one order by time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// K-way merge by time with a watermark.
///
/// `Input` has `size_t read(size_t stream, std::span<Event> out)`: up to out.size() next events of a stream, 0 when
/// none is there now. The winning stream is kept as long as it is not later than the runner-up, since block events
/// come in runs from one CPU; a run is handed to the sink where it lies, without a copy. The runner-up is the next
/// winner, and who comes after it is looked for while its run is on: so the search, though over all heads, is not
/// waited for.
template <class Input>
class Merger {
 public:
  Merger(Input& input, size_t streams) : input_(input), streams_(streams), heads_(streams, kNone) {}

  /// Hands all events older than `watermark` to `sink(std::span<const Event>)`, in order of time.
  template <class Sink>
  void mergeUntil(uint64_t watermark, Sink&& sink) {
    if (streams_.empty()) return;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[i].empty()) refill(i);
      heads_[i] = streams_[i].headTime();
    }
    size_t winner = earliest();
    while (heads_[winner] < watermark) {
      uint64_t time = std::exchange(heads_[winner], kNone);
      size_t next = earliest();
      uint64_t limit = std::min(heads_[next], watermark);  // the run ends where the runner-up begins
      emitRun(winner, std::max(limit, time + 1), sink);
      heads_[winner] = streams_[winner].headTime();
      // Without another stream's events it is its own runner-up.
      winner = heads_[winner] < heads_[next] ? winner : next;
    }
  }

 private:
  static constexpr size_t kBuffer = 512;
  static constexpr uint64_t kNone = UINT64_MAX;
  struct Stream {
    std::vector<Event> events = std::vector<Event>(kBuffer);
    size_t at = 0;
    size_t end = 0;
    bool empty() const { return at == end; }
    uint64_t headTime() const { return empty() ? kNone : events[at].time; }
  };

  size_t earliest() const {
    size_t best = 0;
    uint64_t bestTime = heads_[0];
    for (size_t i = 1; i < heads_.size(); ++i) {
      bool earlier = heads_[i] < bestTime;
      best = earlier ? i : best;
      bestTime = earlier ? heads_[i] : bestTime;
    }
    return best;
  }

  // Refills within the run while the stream stays the winner.
  template <class Sink>
  void emitRun(size_t index, uint64_t limit, Sink&& sink) {
    Stream& s = streams_[index];
    do {
      const Event* from = s.events.data() + s.at;
      const Event* end = s.events.data() + s.end;
      const Event* to = from;
      while (to != end && to->time < limit) ++to;
      s.at += static_cast<size_t>(to - from);
      if (to != from) sink(std::span(from, to));
    } while (s.empty() && refill(index) && s.headTime() < limit);
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
  std::vector<uint64_t> heads_;  // times, beside each other; kNone: no event is there
};

}  // namespace blkscope

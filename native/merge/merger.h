// Merges the streams of all CPUs into one order by time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "decode/event.h"
#include "merge/put_event.h"

namespace blkscope {

/// K-way merge by time with a watermark. Events of one time come in the order of their CPUs, then of their devices, and of
/// each stream in its own: the same events have the same order however they come in pieces, and whatever stream is the first.
///
/// `Input` has `size_t read(size_t stream, std::span<Event> out)`: up to out.size() next events of a stream, 0 when
/// none is there now. The winning stream is kept as long as it is not later than the runner-up, since block events
/// come in runs from one CPU. The runner-up is the next winner, and who comes after it is looked for while its run is
/// on: so the search, though over all heads, is not waited for. The runs are copied together, since whoever takes
/// them does better with many events at a time. `Put` writes an event to where the caller wants it.
template <class Input, class Put = PutForOwn>
class Merger {
 public:
  Merger(Input& input, size_t streams) : input_(input), heads_(streams, kNone) {
    for (size_t i = 0; i < streams; ++i) streams_.emplace_back();
  }

  /// The next events that are older than `watermark`, in order of time: as many as there are, or as `out` has room
  /// for. 0: there are none now.
  size_t read(std::span<Event> out, uint64_t watermark) {
    if (streams_.empty()) return 0;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[i].empty()) refill(i);
      heads_[i] = streams_[i].at->time;
    }
    Event* to = out.data();
    Event* end = to + out.size();
    size_t winner = earliest();
    while (heads_[winner] < watermark && to != end) {
      uint64_t time = std::exchange(heads_[winner], kNone);
      size_t next = earliest();
      if (heads_[next] == time) [[unlikely]] {
        heads_[winner] = time;
        winner = firstOf(winner, time);
        heads_[winner] = kNone;
        next = earliest();
      }
      uint64_t limit = std::min(heads_[next], watermark);  // the run ends where the runner-up begins
      to = copyRun(winner, std::max(limit, time + 1), to, end);
      heads_[winner] = streams_[winner].at->time;
      // Without another stream's events it is its own runner-up.
      winner = heads_[winner] < heads_[next] ? winner : next;
    }
    return static_cast<size_t>(to - out.data());
  }

 private:
  static constexpr size_t kBuffer = 512;
  static constexpr uint64_t kNone = UINT64_MAX;
  struct Stream {
    std::unique_ptr<Event[]> events = std::make_unique<Event[]>(kBuffer + 1);
    // The last of a full buffer: the next one may begin with its swapped neighbour.
    Event held;
    bool holds = false;
    // What is left of them; behind lies one that is later than all others.
    const Event* at = events.get();
    const Event* end = events.get();
    Stream() { events[0].time = kNone; }
    bool empty() const { return at == end; }
  };

  /// Of two heads of one time.
  bool comesBefore(size_t one, size_t other) const {
    const Event& a = *streams_[one].at;
    const Event& b = *streams_[other].at;
    if (a.cpu != b.cpu) return a.cpu < b.cpu;
    return a.device != b.device ? a.device < b.device : one < other;
  }

  /// Of the streams whose heads bear this time, one of them `best`'s, the one that comes first.
  [[gnu::noinline]] size_t firstOf(size_t best, uint64_t time) const {
    for (size_t i = 0; i < heads_.size(); ++i) {
      if (heads_[i] == time && comesBefore(i, best)) best = i;
    }
    return best;
  }

  /// A stream with the earliest head.
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
  Event* copyRun(size_t index, uint64_t limit, Event* to, Event* end) {
    Stream& s = streams_[index];
    for (;;) {
      const Event* from = s.at;
      const Event* last = from + std::min(s.end - from, end - to);
      while (from != last && from->time < limit) Put::put(*to++, *from++);
      s.at = from;
      if (from != s.end || !refill(index) || s.at->time >= limit || to == end) return to;
    }
  }

  /// An event to where it belongs among those before it.
  [[gnu::noinline]] static void moveBack(Event* events, size_t i) {
    for (; i > 0 && events[i].time < events[i - 1].time; --i) std::swap(events[i], events[i - 1]);
  }

  [[gnu::noinline]] bool refill(size_t index) {
    Stream& s = streams_[index];
    Event* events = s.events.get();
    size_t count = 0;
    if (s.holds) events[count++] = s.held;
    count += input_.read(index, {events + count, kBuffer - count});
    // An interrupt between a stamp and its record swaps two neighbours of one CPU: put them right.
    uint64_t latest = 0;
    for (size_t i = 0; i < count; ++i) {
      if (events[i].time < latest) [[unlikely]] moveBack(events, i);
      latest = events[i].time;
    }
    s.holds = count == kBuffer;
    if (s.holds) s.held = events[--count];
    events[count].time = kNone;
    s.at = events;
    s.end = events + count;
    return count != 0;
  }

  Input& input_;
  std::vector<Stream> streams_;
  std::vector<uint64_t> heads_;  // times, beside each other; kNone: no event is there
};

}  // namespace blkscope

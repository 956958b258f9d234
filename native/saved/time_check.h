// Which events of a saved stream have a time that can be.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// A CPU stamps its events in order, but for an interrupt between a stamp and its record, which is over in an instant.
/// An event that is later than what follows it, or earlier than what came before, by more than that has a broken stamp
/// and is left out. Where the stream goes back and stays there, another session begins (a second boot, two traces put
/// together): its events are kept, and counted as a restart; where it goes on a month or more later, as a leap.
///
/// What follows a long step in time is held back, up to kMostHeld events, until it is clear which of both it is.
class TimeCheck {
 public:
  static constexpr uint64_t kToleranceNs = 1'000'000'000;
  static constexpr size_t kMostHeld = 64;

  size_t held() const { return held_.size(); }

  /// Whether events, in order of time, begin no earlier than what came before them and end within the tolerance after it.
  /// Then they are checked with that, and are all to be taken.
  bool goOn(uint64_t first, uint64_t last) {
    if (state_ != State::even || first < level_ || last - level_ > kToleranceNs) return false;
    level_ = last;
    return true;
  }
  /// Looks at `fresh` events that stand in `events` behind room for those held back. Returns how many, from the start of
  /// `events` on, are to be taken now.
  size_t check(std::span<Event> events, size_t fresh);
  /// The stream has ended: gives what was held back. `events` has room for it.
  size_t finish(std::span<Event> events);

  uint64_t impossible() const { return impossible_; }
  uint64_t restarts() const { return restarts_; }
  uint64_t leaps() const { return leaps_; }

 private:
  enum class State { start, even, later, earlier };  // than what came before

  /// Between what was given out and where the next goes.
  struct Output {
    std::span<Event> events;
    size_t count = 0;
    void put(const Event& event) { events[count++] = event; }
  };

  bool isEven(uint64_t time) const { return time - (level_ - kToleranceNs) <= 2 * kToleranceNs; }
  size_t countEven(std::span<const Event> events);
  void look(const Event& event, Output& out);
  void hold(const Event& event, State state);
  void dropHeld();
  void giveHeld(Output& out);
  void dropLater(uint64_t than);

  State state_ = State::start;
  uint64_t level_ = 0;  // the latest time given out
  std::vector<Event> held_;
  uint64_t impossible_ = 0;
  uint64_t restarts_ = 0;
  uint64_t leaps_ = 0;
};

}  // namespace blkscope

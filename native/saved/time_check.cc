#include "saved/time_check.h"

#include <algorithm>

namespace blkscope {
namespace {

constexpr uint64_t kLongestStepNs = 30ull * 86'400 * 1'000'000'000;  // between two events of a CPU: a month

bool wellBefore(uint64_t time, uint64_t other) { return time + TimeCheck::kToleranceNs < other; }

}  // namespace

size_t TimeCheck::check(std::span<Event> events, size_t fresh) {
  size_t from = held_.size();
  Output out{events};
  size_t i = from;
  if (from == 0 && state_ == State::even) i = out.count = countEven(events.first(fresh));  // they stay where they are
  for (; i < from + fresh; ++i) {
    const Event event = events[i];
    if (state_ == State::even && isEven(event.time)) {
      level_ = std::max(level_, event.time);
      out.put(event);
    } else {
      look(event, out);
    }
  }
  return out.count;
}

/// How many from the first on follow the last one: neither well before it nor well after it, as nearly all.
size_t TimeCheck::countEven(std::span<const Event> events) {
  size_t count = 0;
  while (count < events.size() && isEven(events[count].time)) level_ = std::max(level_, events[count++].time);
  return count;
}

void TimeCheck::look(const Event& event, Output& out) {
  switch (state_) {
    case State::start:  // a single event that is later than the next is no session
      if (!held_.empty() && wellBefore(event.time, held_.front().time)) dropHeld();
      if (!held_.empty()) {
        giveHeld(out);
        return look(event, out);
      }
      return hold(event, State::start);
    case State::even:
      if (wellBefore(event.time, level_)) return hold(event, State::earlier);
      if (wellBefore(level_, event.time)) return hold(event, State::later);
      level_ = std::max(level_, event.time);
      return out.put(event);
    case State::later:
      if (wellBefore(event.time, level_)) {
        giveHeld(out);
        return hold(event, State::earlier);
      }
      dropLater(event.time);
      if (held_.empty()) {
        state_ = State::even;
        return look(event, out);
      }
      hold(event, State::later);
      break;
    case State::earlier:
      if (!wellBefore(event.time, level_)) {
        dropHeld();
        state_ = State::even;
        return look(event, out);
      }
      hold(event, State::earlier);
      break;
  }
  if (held_.size() == kMostHeld) giveHeld(out);
}

void TimeCheck::hold(const Event& event, State state) {
  held_.push_back(event);
  state_ = state;
}

void TimeCheck::dropHeld() {
  impossible_ += held_.size();
  held_.clear();
}

/// What is held and well later than what came after it.
void TimeCheck::dropLater(uint64_t than) {
  impossible_ += std::erase_if(held_, [&](const Event& event) { return wellBefore(than, event.time); });
}

void TimeCheck::giveHeld(Output& out) {
  if (state_ == State::earlier) {
    ++restarts_;
    level_ = 0;
  }
  if (state_ == State::later && held_.front().time > level_ + kLongestStepNs) ++leaps_;
  for (const Event& event : held_) {
    level_ = std::max(level_, event.time);
    out.put(event);
  }
  held_.clear();
  state_ = State::even;
}

size_t TimeCheck::finish(std::span<Event> events) {
  Output out{events};
  // One that is earlier than all before it is no session.
  if (state_ == State::earlier && held_.size() == 1) dropHeld();
  if (state_ == State::later) dropLater(level_ + kLongestStepNs);
  if (!held_.empty()) giveHeld(out);
  return out.count;
}

}  // namespace blkscope

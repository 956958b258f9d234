#include "saved/time_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace blkscope;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

/// What of a stream of such times is taken, given in pieces of so many events.
std::vector<uint64_t> taken(const std::vector<uint64_t>& times, TimeCheck& check, size_t piece) {
  std::vector<uint64_t> all;
  std::vector<Event> buffer(piece + TimeCheck::kMostHeld);
  auto take = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) all.push_back(buffer[i].time);
  };
  for (size_t at = 0; at < times.size();) {
    size_t held = check.held();
    size_t fresh = 0;
    for (; fresh < piece && at < times.size(); ++fresh, ++at) buffer[held + fresh].time = times[at];
    take(check.check(buffer, fresh));
  }
  take(check.finish(buffer));
  return all;
}

/// `count` times from `start` on, a millisecond apart.
std::vector<uint64_t> run(uint64_t start, size_t count) {
  std::vector<uint64_t> times;
  for (size_t i = 0; i < count; ++i) times.push_back(start + i * 1'000'000);
  return times;
}

std::vector<uint64_t> joined(std::vector<uint64_t> a, const std::vector<uint64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Seen {
  std::vector<uint64_t> times;
  uint64_t impossible;
  uint64_t restarts;
};

/// The same, however the stream comes in pieces.
Seen seen(const std::vector<uint64_t>& times) {
  TimeCheck whole;
  Seen result{taken(times, whole, 512), whole.impossible(), whole.restarts()};
  for (size_t piece : {1u, 2u, 7u, 64u, 65u}) {
    TimeCheck check;
    CHECK(taken(times, check, piece) == result.times);
    CHECK(check.impossible() == result.impossible);
    CHECK(check.restarts() == result.restarts);
  }
  return result;
}

}  // namespace

TEST_SUITE("time check") {
  TEST_CASE("a sound stream passes unchanged: from 0 on, with idle hours, with neighbours that an interrupt swapped") {
    for (const auto& times :
         {run(0, 1000), joined(run(5000 * kSecond, 300), run(90'000 * kSecond, 300)),
          joined(run(5000 * kSecond, 3), run(90'000 * kSecond, 1)), std::vector<uint64_t>{7}, std::vector<uint64_t>{},
          std::vector<uint64_t>{5 * kSecond + 10, 5 * kSecond, 5 * kSecond + 20}}) {
      Seen result = seen(times);
      CHECK(result.times == times);
      CHECK(result.impossible == 0);
      CHECK(result.restarts == 0);
    }
  }

  TEST_CASE("broken stamps are left out: one or several, in the future or the past, at any place") {
    const auto sound = run(5000 * kSecond, 500);
    for (size_t place : {size_t{0}, size_t{1}, size_t{250}, size_t{499}}) {
      for (uint64_t stamp : {uint64_t{6000} * kSecond, uint64_t{1} << 60}) {
        auto times = sound;
        times.insert(times.begin() + static_cast<ptrdiff_t>(place), stamp);
        Seen result = seen(times);
        CHECK(result.times == sound);
        CHECK(result.impossible == 1);
        CHECK(result.restarts == 0);
      }
    }
    auto past = sound;
    past.insert(past.begin() + 250, 3, 100 * kSecond);
    CHECK(seen(past).times == sound);
    CHECK(seen(past).impossible == 3);
    auto lastInPast = joined(sound, {100 * kSecond});
    CHECK(seen(lastInPast).times == sound);
    auto several = joined(joined(sound, {uint64_t{1} << 60, uint64_t{1} << 61, uint64_t{1} << 59}), run(5001 * kSecond, 9));
    CHECK(seen(several).times == joined(sound, run(5001 * kSecond, 9)));
    CHECK(seen(several).impossible == 3);
  }

  TEST_CASE("a last event of years later is a broken stamp, one of hours later is not") {
    const auto sound = run(5000 * kSecond, 50);
    CHECK(seen(joined(sound, {50'000 * kSecond})).impossible == 0);
    CHECK(seen(joined(sound, {uint64_t{1} << 60})).times == sound);
  }

  TEST_CASE("a leap of a month or more is kept where the stream goes on from there, and counted") {
    constexpr uint64_t kDay = 86'400 * kSecond;
    for (uint64_t days : {29u, 31u, 18'000u}) {
      auto times = joined(run(5000 * kSecond, 100), run(days * kDay + 6000 * kSecond, 100));
      CHECK(seen(times).times == times);
      TimeCheck check;
      taken(times, check, 512);
      CHECK(check.leaps() == (days > 30 ? 1 : 0));
    }
  }

  TEST_CASE("a second session in the stream is kept and counted") {
    for (size_t length : {2u, 50u, 64u, 300u}) {
      auto times = joined(run(5000 * kSecond, 50), run(100 * kSecond, length));
      Seen result = seen(times);
      CHECK(result.times == times);
      CHECK(result.impossible == 0);
      CHECK(result.restarts == 1);
    }
  }
}

TEST_CASE("what goes on as before is checked by its first and last time, unless something waits or leaps") {
  TimeCheck check;
  CHECK_FALSE(check.goOn(kSecond, kSecond));  // the first is held back, until the second comes
  taken(run(kSecond, 10), check, 10);
  CHECK(check.goOn(kSecond + 10'000'000, kSecond + 500'000'000));
  CHECK_FALSE(check.goOn(kSecond, kSecond + 600'000'000));           // begins earlier
  CHECK_FALSE(check.goOn(kSecond + 500'000'000, 3 * kSecond));       // ends well after
  CHECK(check.goOn(kSecond + 500'000'000, 2 * kSecond));
  CHECK(taken({4 * kSecond}, check, 1) == std::vector<uint64_t>{4 * kSecond});
  CHECK(check.impossible() == 0);
}

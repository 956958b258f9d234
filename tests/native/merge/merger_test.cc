#include "merge/merger.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

using namespace blkscope;

namespace {

/// Streams in memory, given out by at most `most` events at a time, as a source does that has no more just then.
class Streams {
 public:
  Streams(std::vector<std::vector<Event>> streams, size_t most) : streams_(std::move(streams)), most_(most) {
    given_.assign(streams_.size(), 0);
  }

  size_t read(size_t stream, std::span<Event> out) {
    size_t& given = given_[stream];
    size_t count = std::min({out.size(), most_, streams_[stream].size() - given});
    std::copy_n(streams_[stream].begin() + static_cast<ptrdiff_t>(given), count, out.begin());
    given += count;
    return count;
  }

  size_t size() const { return streams_.size(); }

  /// What a merge must give: by time, of equal times those of the first stream first.
  std::vector<uint64_t> inOrder() const {
    std::vector<Event> all;
    for (const auto& stream : streams_) all.insert(all.end(), stream.begin(), stream.end());
    std::stable_sort(all.begin(), all.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
    std::vector<uint64_t> sectors;
    for (const Event& event : all) sectors.push_back(event.sector);
    return sectors;
  }

 private:
  std::vector<std::vector<Event>> streams_;
  std::vector<size_t> given_;
  size_t most_;
};

/// Events of `count` CPUs with runs of random lengths; a sector names its event. Times are all different.
std::vector<std::vector<Event>> randomStreams(size_t count, size_t events, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<Event>> streams(count);
  uint64_t time = 1'000;
  for (size_t i = 0; i < events;) {
    auto& stream = streams[random() % count];
    for (size_t run = 1 + random() % (random() % 4 == 0 ? 700 : 5); run > 0 && i < events; --run, ++i) {
      time += 1 + random() % 100;
      Event event;
      event.time = time;
      event.sector = i;
      stream.push_back(event);
    }
  }
  return streams;
}

std::vector<uint64_t> merged(Streams& streams, uint64_t step, size_t room) {
  Merger<Streams> merger(streams, streams.size());
  std::vector<Event> out(room);
  std::vector<uint64_t> sectors;
  for (uint64_t watermark = step; watermark < UINT64_MAX - step && sectors.size() < streams.inOrder().size();
       watermark += step) {
    while (size_t count = merger.read(out, watermark)) {
      for (size_t i = 0; i < count; ++i) {
        CHECK(out[i].time < watermark);
        sectors.push_back(out[i].sector);
      }
    }
  }
  return sectors;
}

}  // namespace

TEST_CASE("streams are merged by time, however many, however they come") {
  for (size_t count : {1, 2, 3, 4, 5, 16, 33}) {
    for (size_t most : {1, 7, 512, 100'000}) {
      CAPTURE(count);
      CAPTURE(most);
      Streams streams(randomStreams(count, 20'000, static_cast<uint32_t>(count * 31 + most)), most);
      // Times reach a million.
      CHECK(merged(streams, 150'000, 1000) == streams.inOrder());
    }
  }
}

TEST_CASE("of equal times the first stream's come first") {
  for (size_t count : {2, 4, 6}) {
    std::vector<std::vector<Event>> streams(count);
    for (size_t i = 0; i < 3'000; ++i) {
      for (auto& stream : streams) {
        Event event;
        event.time = 10 + i / 2;  // and two of one stream have the same
        event.sector = i * count + static_cast<size_t>(&stream - streams.data());
        stream.push_back(event);
      }
    }
    Streams input(std::move(streams), 100'000);
    CHECK(merged(input, 100'000, 64) == input.inOrder());
  }
}

TEST_CASE("equal times have one order, in whatever pieces the events come and are taken") {
  for (size_t count : {2, 3, 8}) {
    std::mt19937 random(static_cast<uint32_t>(count));
    std::vector<std::vector<Event>> streams(count);
    uint64_t number = 0;
    for (auto& stream : streams) {
      uint64_t time = 10;
      for (size_t i = 0; i < 2'000; ++i) {
        Event event;
        event.time = time += random() % 3 == 0;
        event.sector = number++;
        stream.push_back(event);
      }
    }
    for (size_t most : {1, 5, 100'000}) {
      for (size_t room : {1, 7, 64, 100'000}) {
        for (uint64_t step : {1, 50, 100'000}) {
          Streams input(streams, most);
          CHECK(merged(input, step, room) == input.inOrder());
        }
      }
    }
  }
}

TEST_CASE("of equal times the CPU tells, then the device, whatever stream is the first") {
  std::mt19937 random(11);
  std::vector<std::vector<Event>> streams;
  for (uint32_t device : {8 << 20, 259 << 20}) {
    for (uint16_t cpu = 0; cpu < 4; ++cpu) {
      auto& stream = streams.emplace_back();
      uint64_t time = 10;
      for (size_t i = 0; i < 1'000; ++i) {
        Event event;
        event.time = time += random() % 3 == 0;
        event.cpu = cpu;
        event.device = device;
        event.sector = (uint64_t{cpu} << 48) + (uint64_t{device} << 14) + i;  // in the order of CPU, device and number
        stream.push_back(event);
      }
    }
  }
  std::vector<Event> all;
  for (const auto& stream : streams) all.insert(all.end(), stream.begin(), stream.end());
  std::ranges::sort(all, [](const Event& a, const Event& b) { return std::pair(a.time, a.sector) < std::pair(b.time, b.sector); });
  std::vector<uint64_t> expected;
  for (const Event& event : all) expected.push_back(event.sector);
  for (int round = 0; round < 8; ++round) {
    for (uint64_t step : {7, 100'000}) {
      Streams input(streams, round % 2 ? 5 : 100'000);
      CHECK(merged(input, step, 64) == expected);
    }
    std::ranges::shuffle(streams, random);
  }
}

TEST_CASE("neighbours that an interrupt swapped are put right, also where a buffer ends between them") {
  for (size_t count : {1, 2, 4}) {
    auto streams = randomStreams(count, 20'000, 5);
    Streams right(streams, 100'000);
    auto expected = right.inOrder();
    for (auto& stream : streams) {
      for (size_t i = 0; i + 1 < stream.size(); i += 3) std::swap(stream[i], stream[i + 1]);
    }
    Streams swapped(streams, 100'000);
    CHECK(merged(swapped, 1'000'000'000, 1000) == expected);
  }
}

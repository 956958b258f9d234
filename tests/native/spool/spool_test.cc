#include "spool/spool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <thread>

#include "merge/merger.h"

using namespace blkscope;

namespace {

constexpr size_t kOne[] = {0};

Event randomEvent(std::mt19937_64& random, uint64_t& time) {
  Event e;
  time += random() % 5000;
  e.time = time;
  e.sector = random() % 3 ? random() % (1ull << 40) : 0;
  e.bytes = static_cast<uint32_t>(random() % 10 == 0 ? random() : (random() % 256) << 9);
  e.pid = static_cast<uint32_t>(random() % 5);
  e.device = static_cast<uint32_t>(254 << 20 | random() % 3);
  e.cpu = 3;
  e.action = static_cast<Action>(random() % kActions);
  e.direction = static_cast<Direction>(random() % kDirections);
  e.flags = static_cast<uint16_t>(random() % 300);
  if (random() % 20 == 0) {
    e.error = static_cast<uint16_t>(random());
    e.payload = random();
    e.fromDevice = static_cast<uint32_t>(random());
  }
  return e;
}

std::byte* encodeOne(SpoolEncoder& encoder, const Event& event, std::span<std::byte, kMaxEncodedEvent> buffer) {
  std::span<const Event> events(&event, 1);
  std::byte* end = encoder.encode(events, buffer.data(), buffer.data() + buffer.size());
  REQUIRE(events.empty());
  return end;
}

bool same(const Event& a, const Event& b) {
  return a.time == b.time && a.sector == b.sector && a.bytes == b.bytes && a.pid == b.pid && a.device == b.device &&
         a.cpu == b.cpu && a.action == b.action && a.direction == b.direction && a.flags == b.flags &&
         a.error == b.error && a.payload == b.payload && a.fromDevice == b.fromDevice;
}

void requireBack(SpoolEncoder& encoder, SpoolDecoder& decoder, const Event& event) {
  std::byte buffer[kMaxEncodedEvent];
  std::byte* end = encodeOne(encoder, event, buffer);
  REQUIRE(end <= buffer + kMaxEncodedEvent - kSpoolSlack);
  Event back;
  REQUIRE(decoder.decode(buffer, back) == end);
  REQUIRE(same(event, back));
}

}  // namespace

TEST_CASE("any event comes out of the codec as it went in") {
  std::mt19937_64 random(1);
  SpoolEncoder encoder;
  SpoolDecoder decoder(3);
  uint64_t time = 1'000'000;
  for (int i = 0; i < 200'000; ++i) {
    Event event = randomEvent(random, time);
    if (i % 100 == 0) event.time -= 3000;  // neighbours of one CPU may be swapped
    requireBack(encoder, decoder, event);
  }
}

TEST_CASE("sequential reads take at most 8 bytes an event") {
  SpoolEncoder encoder;
  std::byte buffer[kMaxEncodedEvent];
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    Event event;
    event.time = i * 50'000;
    event.sector = i / 2 * 256;
    event.bytes = 128 << 10;
    event.action = i % 2 ? Action::complete : Action::issue;
    event.direction = Direction::read;
    bytes += static_cast<uint64_t>(encodeOne(encoder, event, buffer) - buffer);
  }
  CHECK(bytes <= 8 * 10'000);
}

TEST_CASE("a process, a size and a time of any value come out of the codec as they went in") {
  const uint64_t extremes[] = {0, 1, 127, 128, 511, 512, 1 << 16, (1 << 24) - 1, 1 << 24, INT32_MAX, UINT32_MAX,
                               uint64_t{1} << 31, uint64_t{1} << 32, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
  std::mt19937_64 random(2);
  auto any = [&] { return extremes[random() % std::size(extremes)]; };
  SpoolEncoder encoder;
  SpoolDecoder decoder(7);
  for (int i = 0; i < 100'000; ++i) {
    Event event;
    event.time = any();
    event.sector = any();
    event.bytes = static_cast<uint32_t>(any());
    event.pid = static_cast<uint32_t>(any());
    event.device = static_cast<uint32_t>(any());
    event.cpu = 7;
    event.flags = static_cast<uint16_t>(any());
    if (i % 3 == 0) event.payload = any();
    if (i % 5 == 0) event.fromDevice = static_cast<uint32_t>(any());
    if (i % 7 == 0) event.error = static_cast<uint16_t>(any());
    requireBack(encoder, decoder, event);
  }
}

TEST_CASE("two threads pass all events through the spool, merged by time") {
  constexpr size_t kEvents = 100'000;
  const unsigned cpus[] = {0, 1};
  const size_t streams[] = {0, 1};
  Spool spool(cpus, {64 << 20, "", 0});
  std::thread writer([&] {
    for (uint64_t i = 0; i < kEvents; ++i) {
      Event event;
      event.time = i;
      event.sector = i * 8;
      spool.append(i % 7 % 2, {&event, 1});
      if (i % 1000 == 0) (void)spool.publish(streams, i);
    }
    spool.end(streams);
  });
  Merger<Spool> merger(spool, 2);
  std::vector<Event> merged(100);
  uint64_t expected = 0;
  bool ordered = true;
  for (uint64_t watermark = 0; watermark != UINT64_MAX;) {
    watermark = spool.waitForWatermark();
    while (size_t count = merger.read(merged, watermark)) {
      for (size_t i = 0; i < count; ++i) ordered = ordered && merged[i].time == expected++;
    }
  }
  writer.join();
  CHECK(ordered);
  CHECK(expected == kEvents);
  CHECK(spool.droppedEvents() == 0);
}

TEST_CASE("a full spool drops, counts, and keeps what it has") {
  const unsigned cpus[] = {0};
  Spool spool(cpus, {Spool::kChunkBytes, "", 0});
  std::vector<Event> events(200'000);
  uint64_t time = 0;
  for (Event& event : events) event.time = event.sector = time += 1'000'003;
  CHECK(spool.append(0, events) < events.size());
  spool.end(kOne);
  spool.waitForWatermark();
  std::vector<Event> out(200'000);
  size_t kept = spool.read(0, out);
  CHECK(kept > 0);
  CHECK(kept + spool.droppedEvents() == events.size());
}

TEST_CASE("beyond its memory the spool goes on in files, and leaves none behind") {
  const unsigned cpus[] = {0};
  Spool spool(cpus, {Spool::kChunkBytes, "/tmp", 64 << 20});
  std::vector<Event> events(200'000);
  uint64_t time = 0;
  for (Event& event : events) event.time = event.sector = time += 1'000'003;
  REQUIRE(spool.append(0, events) == events.size());
  spool.end(kOne);
  spool.waitForWatermark();
  std::vector<Event> out(200'000);
  REQUIRE(spool.read(0, out) == events.size());
  for (size_t i = 0; i < events.size(); ++i) REQUIRE(same(out[i], events[i]));
  CHECK(spool.peakMemoryBytes() == Spool::kChunkBytes);
  CHECK(spool.peakFileBytes() + spool.peakMemoryBytes() >= spool.totalBytes());
  CHECK(spool.bytes() <= Spool::kChunkBytes);  // the writer's last one
}

TEST_CASE("a spool directory that cannot be used is refused by name") {
  auto refused = checkSpoolDirectory("/proc");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("/proc") != std::string::npos);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "decode/record.h"
#include "spool/spool_codec.h"
#include "system/blktrace_abi.h"

using namespace blkscope;

namespace {

constexpr uint32_t kDevice = 8 << 20;
constexpr uint16_t kCpu = 5;

/// Records as a kernel makes them, and now and then one that is not like the others.
template <class Record>
class Records {
 public:
  explicit Records(uint64_t seed) : random_(seed) {}

  std::vector<std::byte> make(int count) {
    for (int i = 0; i < count; ++i) put(i);
    return bytes_;
  }

 private:
  bool oneIn(uint64_t n) { return random_() % n == 0; }

  void put(int i) {
    Record record{};
    record.magic = abi::kMagic | (sizeof(Record) == sizeof(abi::Record2) ? 8 : 7);
    record.sequence = ++sequence_;
    time_ += random_() % 20'000 + (oneIn(200) ? 1u << 25 : 0);
    record.time = oneIn(500) ? time_ - 30'000 : oneIn(2000) ? kLatestNs + 1 : time_;
    if (i % 4 == 0) sector_ = oneIn(50) ? random_() : oneIn(3) ? random_() % (1u << 30) : sector_ + 256;
    record.sector = sector_;
    record.bytes = oneIn(40) ? 0 : oneIn(30) ? static_cast<uint32_t>(random_()) : 4096;
    record.pid = oneIn(20) ? static_cast<uint32_t>(random_()) : 1000;
    record.action = action(i);
    record.device = oneIn(300) ? kDevice + 1 : kDevice;
    record.cpu = kCpu;
    record.error = oneIn(200) ? static_cast<uint16_t>(-5) : 0;
    record.pduLength = oneIn(50) ? 24 : 0;
    if (oneIn(300)) ++sequence_;  // one is missing
    add(record);
    for (int at = 0; at < record.pduLength; ++at) bytes_.push_back(static_cast<std::byte>(random_() & 31));
    for (uint64_t garbage = oneIn(400) ? random_() % 70 : 0; garbage > 0; --garbage) bytes_.push_back(std::byte{1});
  }

  uint32_t action(int i) {
    constexpr uint32_t kOfOne[] = {1 | abi::kQueue << 16, 4, 7 | abi::kIssue << 16, 8 | abi::kComplete << 16};
    uint64_t categories = oneIn(4) ? uint64_t{abi::kWrite} : abi::kRead;
    if (oneIn(20)) categories |= uint64_t{1} << random_() % 16;
    if (oneIn(50)) categories |= abi::kFlush;
    uint32_t odd = oneIn(100) ? abi::kCgroupBit : 0;
    return kOfOne[i % 4] | static_cast<uint32_t>(categories << abi::kCategoryShift) | odd;
  }

  void add(const Record& record) {
    auto* at = reinterpret_cast<const std::byte*>(&record);
    bytes_.insert(bytes_.end(), at, at + sizeof record);
  }

  std::mt19937_64 random_;
  std::vector<std::byte> bytes_;
  uint64_t time_ = 1'000'000;
  uint64_t sector_ = 0;
  uint32_t sequence_ = 0;
};

struct Taken {
  std::vector<Event> events;
  EncodedRecords sum;
  RecordDecoder decoder;
  Notes notes;
};

/// By decoding each record.
Taken decoded(std::span<const std::byte> bytes) {
  Taken taken;
  taken.events.resize(bytes.size() / sizeof(abi::Record1) + 1);
  taken.events.resize(taken.decoder.decode(bytes, taken.events, taken.notes).events);
  for (const Event& event : taken.events) {
    if (!event.ends() || event.error) continue;
    if (event.direction == Direction::read) taken.sum.readBytes += event.bytes;
    if (event.direction == Direction::write) taken.sum.writtenBytes += event.bytes;
  }
  return taken;
}

/// As a capture thread does, in pieces; through the spool.
Taken passedOn(std::span<const std::byte> bytes, size_t piece) {
  Taken taken;
  std::vector<std::byte> spool(2 * bytes.size() + kMaxEncodedEvent);
  std::byte* to = spool.data();
  SpoolEncoder encoder;
  for (size_t end = 0, used = 0; end < bytes.size();) {
    end = std::min(end + piece, bytes.size());
    while (true) {
      auto rest = bytes.first(end).subspan(used);
      EncodedRecords passed = encoder.encodeRecords(rest, taken.decoder, to, spool.data() + spool.size());
      taken.decoder.passed(passed.count, passed.bytes);
      taken.sum.count += passed.count;
      taken.sum.readBytes += passed.readBytes;
      taken.sum.writtenBytes += passed.writtenBytes;
      used += passed.bytes;
      rest = rest.subspan(passed.bytes);
      Event event;
      auto done = taken.decoder.decode(rest, {&event, 1}, taken.notes);
      if (done.used == 0) break;
      used += done.used;
      std::span<const Event> events(&event, done.events);
      to = encoder.encode(events, to, spool.data() + spool.size());
      if (done.events) encoder.learn(rest.first(done.used));
      if (!done.events || !event.ends() || event.error) continue;
      if (event.direction == Direction::read) taken.sum.readBytes += event.bytes;
      if (event.direction == Direction::write) taken.sum.writtenBytes += event.bytes;
    }
  }
  SpoolDecoder reader(kCpu);
  for (const std::byte* at = spool.data(); at != to;) at = reader.decode(at, taken.events.emplace_back());
  return taken;
}

bool same(const Event& a, const Event& b) {
  return a.time == b.time && a.sector == b.sector && a.bytes == b.bytes && a.pid == b.pid && a.device == b.device &&
         a.cpu == b.cpu && a.action == b.action && a.direction == b.direction && a.flags == b.flags &&
         a.error == b.error && a.payload == b.payload && a.fromDevice == b.fromDevice;
}

template <class Record>
void compare(uint64_t seed) {
  auto bytes = Records<Record>(seed).make(5000);
  Taken expected = decoded(bytes);
  REQUIRE(expected.decoder.takenOut() == 0);
  Taken taken = passedOn(bytes, 300 + seed * 977);
  REQUIRE(taken.events.size() == expected.events.size());
  for (size_t i = 0; i < taken.events.size(); ++i) REQUIRE(same(taken.events[i], expected.events[i]));
  CHECK(taken.sum.count > taken.events.size() / 2);
  CHECK(taken.sum.readBytes == expected.sum.readBytes);
  CHECK(taken.sum.writtenBytes == expected.sum.writtenBytes);
  CHECK(taken.decoder.records() == expected.decoder.records());
  CHECK(taken.decoder.sequenceGaps() == expected.decoder.sequenceGaps());
  CHECK(taken.decoder.garbageBytes() == expected.decoder.garbageBytes());
  CHECK(taken.decoder.firstGarbageAt() == expected.decoder.firstGarbageAt());
  CHECK(taken.decoder.impossibleTimes() == expected.decoder.impossibleTimes());
}

}  // namespace

TEST_CASE("records come out of the spool as the events that decoding makes of them") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    compare<abi::Record1>(seed);
    compare<abi::Record2>(seed);
  }
}

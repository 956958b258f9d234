#include "decode/record.h"

#include <doctest/doctest.h>

#include <cstring>
#include <span>
#include <vector>

#include "system/blktrace_abi.h"

using namespace blkscope;

namespace {

abi::Record1 recordOf(uint32_t word, uint32_t sequence) {
  abi::Record1 record{};
  record.magic = abi::kMagic | 7;
  record.sequence = sequence;
  record.time = 1'000'000 + sequence;
  record.sector = sequence * 8;
  record.bytes = 4096;
  record.action = word;
  return record;
}

std::vector<Event> decoded(const std::vector<abi::Record1>& records, RecordDecoder& decoder) {
  std::vector<Event> events(records.size());
  Notes notes;
  events.resize(decoder.decode(std::as_bytes(std::span(records)), std::span(events), notes).events);
  return events;
}

/// Every code with every two categories.
std::vector<uint32_t> allWords() {
  std::vector<uint32_t> words;
  for (uint32_t code = 0; code < 20; ++code) {
    for (uint32_t one = 0; one < 16; ++one) {
      for (uint32_t other = 0; other <= one; ++other) words.push_back(code | 1u << (16 + one) | 1u << (16 + other));
    }
  }
  return words;
}

}  // namespace

TEST_CASE("an action word means the same whatever words came before it") {
  std::vector<abi::Record1> records;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t word : allWords()) {
      if (!(static_cast<uint64_t>(word) >> abi::kCategoryShift & abi::kNotify)) {
        records.push_back(recordOf(word, static_cast<uint32_t>(records.size() + 1)));
      }
    }
  }
  RecordDecoder all;
  std::vector<Event> events = decoded(records, all);
  REQUIRE(events.size() == records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    RecordDecoder fresh;
    std::vector<Event> alone = decoded({records[i]}, fresh);
    REQUIRE(alone.size() == 1);
    REQUIRE(std::memcmp(&alone[0], &events[i], sizeof(Event)) == 0);
  }
  CHECK(all.sequenceGaps() == 0);
}

TEST_CASE("sequence numbers are followed over records of all kinds, in pieces of any size") {
  constexpr uint32_t kRead = 1 | 1u << 16;
  std::vector<abi::Record1> records;
  uint32_t sequence = 0;
  for (int i = 0; i < 100; ++i) {
    sequence += i % 10 == 9 ? 3 : 1;  // two are missing, ten times
    records.push_back(recordOf(kRead, sequence));
    if (i % 7 == 0) records.back().error = 5;  // not decoded as most are
  }
  std::swap(records[41], records[42]);
  for (size_t piece : {1, 2, 3, 50, 100}) {
    RecordDecoder decoder;
    for (size_t at = 0; at < records.size(); at += piece) {
      auto end = std::min(at + piece, records.size());
      decoded({records.begin() + static_cast<ptrdiff_t>(at), records.begin() + static_cast<ptrdiff_t>(end)}, decoder);
    }
    CHECK(decoder.records() == 100);
    CHECK(decoder.sequenceGaps() == 20);
  }
}

#include "saved/file_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <thread>

#include "merge/merger.h"
#include "trace_files.h"

using namespace blkscope;
using namespace blkscope::test;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct Reading {
  std::vector<Event> events;
  std::vector<Defect> defects;
  Notes notes;
  uint64_t gaps = 0;
  bool garbage = false;
  std::string failure;

  const Defect* defect(const std::string& code) const {
    for (const Defect& found : defects) {
      if (found.code == code) return &found;
    }
    return nullptr;
  }
  std::string text(const std::string& code, const std::string& name) const {
    const Defect* found = defect(code);
    if (!found) return "no " + code;
    for (const auto& [key, value] : found->values) {
      if (key != name) continue;
      const auto* number = std::get_if<uint64_t>(&value);
      return number ? std::to_string(*number) : std::get<std::string>(value);
    }
    return "no " + name;
  }
};

Reading readTraces(std::vector<SavedTrace> traces, MixedCpus mixed = MixedCpus::split) {
  Cancel cancel;
  Reading reading;
  auto source = FileSource::open(traces, cancel, mixed);
  if (!source) {
    reading.failure = source.error().message;
    return reading;
  }
  Merger<FileSource> merger(*source, source->streams());
  std::vector<Event> events(1000);
  while (size_t count = merger.read(events, UINT64_MAX)) {
    reading.events.insert(reading.events.end(), events.begin(), events.begin() + static_cast<ptrdiff_t>(count));
  }
  reading.notes = source->notes();
  reading.defects = source->defects();
  reading.gaps = source->sequenceGaps();
  reading.garbage = source->isGarbage();
  return reading;
}

Reading readTraces(const std::vector<std::string>& paths, MixedCpus mixed = MixedCpus::split) {
  std::vector<SavedTrace> traces;
  for (const std::string& path : paths) traces.push_back({path});
  return readTraces(std::move(traces), mixed);
}

/// So many reads, 10 ms apart.
Records reads(size_t count, uint64_t start, uint32_t cpu = 0, uint32_t device = kDisk) {
  Records records(cpu, device);
  for (size_t i = 0; i < count; ++i) records.read(start + i * 10'000'000, 1000 + 8 * i);
  return records;
}

}  // namespace

TEST_SUITE("saved traces") {
  TEST_CASE("one CPU's file stands for all of its trace, and a file that is named twice is read once") {
    Folder folder;
    for (uint32_t cpu : {0u, 1u, 2u}) reads(10, 5 * kSecond, cpu).write(folder.at("t.blktrace." + std::to_string(cpu)));
    std::filesystem::create_hard_link(folder.at("t.blktrace.1"), folder.at("link"));
    std::filesystem::create_symlink(folder.at("t.blktrace.2"), folder.at("symbolic.blktrace.0"));
    for (const auto& names : std::vector<std::vector<std::string>>{
             {"t"}, {"t.blktrace.0"}, {"t.blktrace.2"}, {"t", "t.blktrace.0"}, {"t.blktrace.0", "t.blktrace.1"},
             {"t", "t"}, {"t", "link"}, {"t", "symbolic"}}) {
      std::vector<std::string> paths;
      for (const auto& name : names) paths.push_back(folder.at(name));
      Reading reading = readTraces(paths);
      CHECK(reading.events.size() == 60);
      CHECK(reading.defects.empty());
    }
  }

  TEST_CASE("CPUs without a file are named as ranges, and a long list ends") {
    Folder folder;
    for (uint32_t cpu : {0u, 1u, 5u, 130u}) reads(5, 5 * kSecond, cpu).write(folder.at("gap.blktrace." + std::to_string(cpu)));
    Reading reading = readTraces({folder.at("gap")});
    CHECK(reading.events.size() == 40);
    CHECK(reading.text("FILES_MISSING", "cpus") == "2-4, 6-129");
    for (uint32_t cpu = 0; cpu <= 100; cpu += 2) reads(1, 5 * kSecond, cpu).write(folder.at("odd.blktrace." + std::to_string(cpu)));
    CHECK(readTraces({folder.at("odd")}).text("FILES_MISSING", "cpus").size() < 80);
    std::filesystem::remove(folder.at("gap.blktrace.130"));
    reads(1, 5 * kSecond, 3).write(folder.at("gap.blktrace.3"));
    reads(1, 5 * kSecond, 4).write(folder.at("gap.blktrace.4"));
    CHECK(readTraces({folder.at("gap")}).text("FILE_MISSING", "file") == folder.at("gap.blktrace.2"));
  }

  TEST_CASE("a payload length that is wrong costs its own record alone, wherever it is") {
    for (uint16_t length : {uint16_t{1}, uint16_t{47}, uint16_t{48}, uint16_t{96}, uint16_t{5000}, uint16_t{65535}}) {
      for (size_t place : {0u, 3u, 4999u}) {
        Folder folder;
        Records records;
        for (size_t i = 0; i < 5000; ++i) {
          if (i == place) records.lying(5 * kSecond + i * 1'000'000, 9, length);
          records.read(5 * kSecond + i * 1'000'000, 1000 + 8 * i);
        }
        records.write(folder.at("t.blktrace.0"));
        records.write(folder.at("pipe"));
        for (const char* name : {"t", "pipe"}) {
          Reading reading = readTraces({folder.at(name)});
          if (length < 48) {  // no other record starts within: the next one is looked for behind
            CHECK(reading.events.size() >= 9999);
          } else {
            CHECK(reading.events.size() == 10'000);
          }
          CHECK(reading.defect("NOT_RECORDS"));
        }
      }
    }
  }

  TEST_CASE("a stamp that cannot be is told, and what follows it is read") {
    Folder folder;
    for (uint64_t stamp : {uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 1, uint64_t{9000} * kSecond}) {
      Records records;
      for (size_t i = 0; i < 5000; ++i) {
        if (i == 2500) records.read(stamp, 7);
        records.read(5 * kSecond + i * 1'000'000, 1000 + 8 * i);
      }
      records.write(folder.at("t.blktrace.0"));
      Reading reading = readTraces({folder.at("t")});
      CHECK(reading.events.size() >= 10'000);
      CHECK(reading.events.back().time < 11 * kSecond);
      CHECK(reading.defect("IMPOSSIBLE_TIMES"));
      CHECK(reading.gaps == 0);
    }
  }

  TEST_CASE("two sessions in one import are told: by their CPUs, by their clocks, within one file") {
    Folder folder;
    reads(10, 5000 * kSecond).write(folder.at("one.blktrace.0"));
    reads(10, 100 * kSecond).write(folder.at("two.blktrace.0"));
    CHECK(readTraces({folder.at("one"), folder.at("two")}).text("TWO_SESSIONS", "device") == "8:16");
    Records one(0, 7);
    Records two(0, 8);
    one.wallClock(5000 * kSecond, 1'500'000'000, 0).read(5001 * kSecond, 8).write(folder.at("a.blktrace.0"));
    two.wallClock(100 * kSecond, 1'500'009'999, 0).read(101 * kSecond, 8).write(folder.at("b.blktrace.0"));
    CHECK(readTraces({folder.at("a"), folder.at("b")}).text("CLOCK_MOVED", "seconds") == "14899.0");
    Records(0, 8).wallClock(6000 * kSecond, 1'500'001'000, 0).read(6001 * kSecond, 8).write(folder.at("c.blktrace.0"));
    CHECK(readTraces({folder.at("a"), folder.at("c")}).defects.empty());
    std::ofstream(folder.at("both.blktrace.0"), std::ios::binary)
        << reads(10, 5000 * kSecond).bytes() << reads(10, 100 * kSecond).bytes();
    Reading both = readTraces({folder.at("both")});
    CHECK(both.events.size() == 40);
    CHECK(both.text("CLOCK_GOES_BACK", "times") == "1");
    // Two devices of one session, and the CPUs of one device, are one trace.
    reads(10, 5000 * kSecond, 0, 7).write(folder.at("other.blktrace.0"));
    CHECK(readTraces({folder.at("one"), folder.at("other")}).defects.empty());
  }

  TEST_CASE("holes in the sequence numbers are a loss in a tracer's file, and a filter's in a dump") {
    Folder folder;
    auto holes = [](uint64_t start) {
      Records records;
      return records.read(start, 8).skip(5).read(start + kSecond / 2, 16);
    };
    Records noted;
    noted.wallClock(5000 * kSecond, 1'500'000'000, 0);
    holes(5000 * kSecond).write(folder.at("raw.blktrace.0"));
    holes(0).write(folder.at("dump"));
    holes(kSecond).write(folder.at("late"));  // the filter took the first event
    std::ofstream(folder.at("noted"), std::ios::binary) << noted.bytes() << holes(3'000'000).bytes();
    std::ofstream(folder.at("pipe"), std::ios::binary) << noted.bytes() << holes(5000 * kSecond + 1000).bytes();
    for (const char* name : {"raw", "pipe"}) {
      Reading reading = readTraces({folder.at(name)});
      CHECK(reading.gaps == 5);
      CHECK(reading.text("FILE_SEQUENCE_GAPS", "events") == "5");
    }
    for (const char* name : {"dump", "late", "noted"}) {
      Reading reading = readTraces({folder.at(name)});
      CHECK(reading.events.size() == 4);
      CHECK(reading.gaps == 0);
      CHECK(reading.text("FILTERED_DUMP", "events") == "5");
      CHECK(!reading.defect("FILE_SEQUENCE_GAPS"));
    }
  }

  TEST_CASE("the wall clock is the earliest note's, and of a dump that of its time 0") {
    Folder folder;
    Records zero(0);
    Records one(1);
    zero.wallClock(6000 * kSecond, 1'500'001'000, 5).read(6001 * kSecond, 8).write(folder.at("t.blktrace.0"));
    one.wallClock(5000 * kSecond, 1'500'000'000, 5).read(6001 * kSecond, 16).write(folder.at("t.blktrace.1"));
    Notes notes = readTraces({folder.at("t")}).notes;
    CHECK(notes.wallClock == 1'500'000'000 * kSecond + 5);
    CHECK(notes.wallClockAt == 5000 * kSecond);
    Records dump;
    dump.wallClock(5000 * kSecond, 1'500'000'000, 5).read(0, 8).write(folder.at("dump"));
    CHECK(readTraces({folder.at("dump")}).notes.wallClockAt == 0);
    CHECK(readTraces({folder.at("dump")}).notes.wallClock == 1'500'000'000 * kSecond + 5);
  }

  TEST_CASE("a file that ends long before the others, though it was busy, is told") {
    Folder folder;
    reads(1000, 5000 * kSecond, 0).write(folder.at("t.blktrace.0"));
    reads(300, 5000 * kSecond, 1).write(folder.at("t.blktrace.1"));
    reads(2, 5000 * kSecond, 2).write(folder.at("t.blktrace.2"));
    Reading reading = readTraces({folder.at("t")});
    CHECK(reading.text("ENDS_EARLY", "file") == folder.at("t.blktrace.1"));
    CHECK(reading.text("ENDS_EARLY", "seconds") == "7.0");
    CHECK(reading.defects.size() == 1);
  }

  TEST_CASE("what is packed, empty or no trace is refused in a line") {
    Folder folder;
    for (const auto& [magic, name] : {std::pair{"\x1f\x8b\x08 rest", "gzip"}, {"\x28\xb5\x2f\xfd rest", "zstd"}}) {
      std::ofstream(folder.at("packed"), std::ios::binary) << magic;
      CHECK(readTraces({folder.at("packed")}).failure.find(name) != std::string::npos);
    }
    Records().write(folder.at("empty.blktrace.0"));
    CHECK(readTraces({folder.at("empty")}).failure.find("its only file is empty") != std::string::npos);
    CHECK(readTraces({folder.at("empty.blktrace.7")}).failure.find("no such file") != std::string::npos);
  }

  TEST_CASE("garbage without an end is left after a while, and is no trace") {
    for (const char* device : {"/dev/zero", "/dev/urandom"}) {
      for (const char* name : {"a pipe", "t.blktrace.0"}) {
        std::vector<SavedTrace> traces;
        traces.push_back({name, Fd(::open(device, O_RDONLY))});
        Reading reading = readTraces(std::move(traces));
        bool refused = reading.failure.find("no block trace record") != std::string::npos;
        CHECK((refused || reading.garbage));
      }
    }
  }

  TEST_CASE("behind a damaged stretch reading goes on, and behind one that is no damage it ends") {
    Folder folder;
    std::string half = reads(10, 5 * kSecond).bytes();
    for (const char* name : {"pipe", "t.blktrace.0"}) {
      for (uint64_t hole : {GarbageLimit::kBytes / 2, GarbageLimit::kBytes + (1 << 20)}) {
        bool damage = hole < GarbageLimit::kBytes;
        std::ofstream file(folder.at(name), std::ios::binary | std::ios::trunc);
        file << half;
        file.seekp(static_cast<std::streamoff>(hole), std::ios::cur);
        file << reads(10, 6 * kSecond).bytes();
        file.close();
        Reading reading = readTraces({folder.at(name)});
        CHECK(reading.events.size() == (damage ? 40 : 20));
        CHECK((reading.defect("ENDS_IN_GARBAGE") == nullptr) == damage);
        CHECK(reading.defect("NOT_RECORDS"));
        CHECK_FALSE(reading.defect("CUT_RECORD"));
        CHECK_FALSE(reading.garbage);
      }
    }
  }

  TEST_CASE("what is in order of time is read as it comes: the events and losses of each CPU are those of files put apart") {
    Folder folder;
    Records cpus[] = {Records(0), Records(1), Records(2, 7)};
    std::string all;
    for (uint64_t i = 0; i < 3000; ++i) {
      Records& one = cpus[i * i % 3];
      size_t from = one.bytes().size();
      if (i % 1000 == 500) one.skip(4);
      all += one.read(5 * kSecond + i * 1'000'000, 1000 + 8 * i).bytes().substr(from);
    }
    std::ofstream(folder.at("mixed"), std::ios::binary) << all;
    ::setenv("TMPDIR", "/nowhere", 1);  // no copy can be made
    Reading asItComes = readTraces({folder.at("mixed")}, MixedCpus::inOrder);
    CHECK_FALSE(readTraces({folder.at("mixed")}).failure.empty());
    ::unsetenv("TMPDIR");
    Reading apart = readTraces({folder.at("mixed")});
    CHECK(asItComes.events.size() == 6000);
    CHECK(std::ranges::equal(asItComes.events, apart.events, [](const Event& a, const Event& b) {
      return a.time == b.time && a.sector == b.sector && a.cpu == b.cpu && a.device == b.device && a.action == b.action;
    }));
    // Without a tracer's notes the file is taken for a dump.
    CHECK(asItComes.text("FILTERED_DUMP", "events") == "12");
    CHECK(apart.text("FILTERED_DUMP", "events") == "12");
  }

  TEST_CASE("what is packed or empty is refused when it is to be read as it comes, too") {
    Folder folder;
    std::ofstream(folder.at("packed"), std::ios::binary) << "\x28\xb5\x2f\xfd rest";
    CHECK(readTraces({folder.at("packed")}, MixedCpus::inOrder).failure.find("zstd") != std::string::npos);
  }

  TEST_CASE("a pipe that nobody writes to is left when the reading is cancelled, with what had come") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Fd writer(ends[1]);
    std::string some = reads(10, 5 * kSecond).bytes();
    REQUIRE(::write(writer.get(), some.data(), some.size() - 7) > 0);
    Cancel cancel;
    std::thread later([&] {
      ::usleep(100'000);
      cancel.request();
    });
    std::vector<SavedTrace> traces;
    traces.push_back({"a pipe", Fd(ends[0])});
    auto source = FileSource::open(traces, cancel);
    later.join();
    REQUIRE(source);
    std::vector<Event> events(1000);
    Merger<FileSource> merger(*source, source->streams());
    CHECK(merger.read(events, UINT64_MAX) == 19);
    CHECK(source->defects().empty());
  }
}

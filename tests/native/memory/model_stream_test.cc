#include "memory/model_stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "memory/page_cache.h"

using namespace blkscope;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kPiece = 2 << 20;
constexpr uint64_t kPieces = 48;

/// A file in the build folder (a real file system, not tmpfs), none of it in the page cache.
struct WalkedFile {
  std::string path = "walked-" + std::to_string(::getpid()) + ".bin";
  WalkedFile() {
    std::ofstream(path, std::ios::binary) << std::string(kPieces * kPiece, 'w');
    CHECK(evictFile(path).ok());
  }
  ~WalkedFile() { std::filesystem::remove(path); }
};

/// Maps the file and touches its pages from the first to the last, again and again, until it is ended. Before that it
/// maps the file elsewhere, as a program does that looks at its model first. With `lag` it touches each piece once more
/// when it is so many further, as a thread does that had to wait.
class Walker {
 public:
  explicit Walker(const std::string& path, uint64_t firstPiece = 0, uint64_t lag = 0) : pid_(::fork()) {
    if (pid_ == 0) walk(path, firstPiece, lag);
  }
  ~Walker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  [[noreturn]] static void walk(const std::string& path, uint64_t firstPiece, uint64_t lag) {
    int fd = ::open(path.c_str(), O_RDONLY);
    void* looked = ::mmap(nullptr, kPieces * kPiece, PROT_READ, MAP_SHARED, fd, 0);
    std::this_thread::sleep_for(150ms);  // it is found there
    void* mapped = ::mmap(nullptr, kPieces * kPiece, PROT_READ, MAP_SHARED, fd, 0);
    ::munmap(looked, kPieces * kPiece);
    if (lag > 0) ::madvise(mapped, kPieces * kPiece, MADV_RANDOM);  // as under a small readahead
    auto* data = static_cast<const volatile char*>(mapped);
    for (uint64_t piece = firstPiece;; piece = (piece + 1) % kPieces) {
      for (uint64_t page = 0; page < kPiece; page += 4096) (void)data[piece * kPiece + page];
      std::this_thread::sleep_for(5ms);  // its compute
      if (lag > 0 && piece >= lag) (void)data[(piece - lag) * kPiece + kPiece / 2];
    }
  }
  pid_t pid_;
};

StreamPlan planOf(const std::string& path) {
  StreamPlan plan{{path}, {}, 4};
  for (uint64_t i = 0; i < kPieces; ++i) plan.pieces.push_back({0, i * kPiece, kPiece});
  return plan;
}

/// Waits until so many pieces were passed, 20 s at most.
StreamFigures figuresAfter(const ModelStream& stream, uint64_t passed) {
  for (int i = 0; i < 2000 && stream.figures().passed < passed; ++i) std::this_thread::sleep_for(10ms);
  return stream.figures();
}

}  // namespace

TEST_CASE("a walk is read ahead of its process and dropped behind it") {
  WalkedFile file;
  auto stream = ModelStream::start(planOf(file.path));
  REQUIRE(stream.ok());
  Walker walker(file.path);
  StreamFigures before = figuresAfter(*stream, kPieces);
  uint64_t mostCached = 0;
  for (int i = 0; i < 1000 && stream->figures().passed < before.passed + kPieces; ++i) {
    std::this_thread::sleep_for(20ms);
    auto residency = pageCacheResidency(file.path);
    REQUIRE(residency.ok());
    mostCached = std::max(mostCached, residency->cachedBytes.value_or(0));
  }
  StreamFigures after = stream->figures();
  REQUIRE(stream->check().ok());
  uint64_t passed = after.passed - before.passed;
  CHECK(passed >= kPieces);
  CHECK(after.read - before.read > passed * 9 / 10);
  CHECK(after.lost == before.lost);
  // Four ahead, one in use, two behind; a moment more while the walker is faster than the watcher.
  CHECK(mostCached <= 12 * kPiece);
  CHECK(after.cpuNs > 0);
}

TEST_CASE("a thread that lags behind is not taken for one that is a round further") {
  WalkedFile file;
  auto stream = ModelStream::start(planOf(file.path));
  REQUIRE(stream.ok());
  Walker walker(file.path, 0, 5);
  StreamFigures before = figuresAfter(*stream, kPieces);
  StreamFigures after = figuresAfter(*stream, 4 * kPieces);
  uint64_t passed = after.passed - before.passed;
  CHECK(passed > 2 * kPieces);
  CHECK(after.read - before.read > passed * 85 / 100);  // four fifths where it is taken so
}

TEST_CASE("a process that walks from elsewhere is found, and the next one too") {
  WalkedFile file;
  auto stream = ModelStream::start(planOf(file.path));
  REQUIRE(stream.ok());
  for (uint64_t from : {kPieces / 2, uint64_t{0}}) {
    uint64_t before = stream->figures().passed;
    Walker walker(file.path, from);
    CHECK(figuresAfter(*stream, before + kPieces).passed >= before + kPieces);
    CHECK(stream->check().ok());
  }
}

TEST_CASE("a plan that lies past its file, or holds nothing, is refused") {
  WalkedFile file;
  StreamPlan plan = planOf(file.path);
  plan.pieces.push_back({0, kPieces * kPiece, kPiece});
  CHECK(ModelStream::start(plan).error().code == "RANGE");
  CHECK(ModelStream::start({{file.path}, {}, 4}).error().code == "RANGE");
  CHECK(ModelStream::start({{file.path + ".none"}, {{0, 0, kPiece}}, 4}).error().code == "ENOENT");
}

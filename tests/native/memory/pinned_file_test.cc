#include "memory/pinned_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace blkscope;

namespace {

constexpr uint64_t kPage = 4096;

/// A file of `bytes` in the build folder (a real file system, not tmpfs), removed at the end.
struct TemporaryFile {
  std::string path = "pinned-" + std::to_string(::getpid()) + ".bin";
  explicit TemporaryFile(uint64_t bytes) { write(path, bytes); }
  ~TemporaryFile() { std::filesystem::remove(path); }
  static void write(const std::string& to, uint64_t bytes) {
    std::ofstream(to, std::ios::binary) << std::string(bytes, 'w');
  }
};

uint64_t lockedNow() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmLck:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

std::string codeOf(Result<PinnedFile> result) { return result ? "" : result.error().code; }

}  // namespace

TEST_CASE("ranges become whole pages, sorted and united") {
  auto whole = wholePages({{3 * kPage, 10}, {0, 1}, {kPage, kPage}, {5 * kPage - 1, 2}, {9, 0}}, kPage);
  CHECK(whole == std::vector<ByteRange>{{0, 2 * kPage}, {3 * kPage, 3 * kPage}});
  CHECK(wholePages({{0, 10 * kPage}, {kPage, kPage}}, kPage) == std::vector<ByteRange>{{0, 10 * kPage}});
  CHECK(wholePages({}, kPage).empty());
}

TEST_CASE("a pinned range counts as locked until it goes") {
  TemporaryFile file(20 << 20);
  uint64_t before = lockedNow();
  {
    LockProgress progress;
    auto pinned = PinnedFile::pin(file.path, {{100, 9 << 20}, {15 << 20, 1 << 20}}, progress);
    REQUIRE(pinned.ok());
    CHECK(pinned->bytes() == (10 << 20) + kPage);
    CHECK(progress.lockedBytes == pinned->bytes());
    CHECK(lockedNow() == before + pinned->bytes());
    CHECK(pinned->check().ok());
  }
  CHECK(lockedNow() == before);
}

TEST_CASE("what cannot be pinned is refused, and nothing stays locked") {
  TemporaryFile file(1 << 20);
  LockProgress progress, cancelled;
  cancelled.cancelled = true;
  CHECK(codeOf(PinnedFile::pin("no-such-file", {{0, 1}}, progress)) == "ENOENT");
  CHECK(codeOf(PinnedFile::pin(file.path, {{1 << 20, 1}}, progress)) == "RANGE");
  CHECK(codeOf(PinnedFile::pin(file.path, {}, progress)) == "RANGE");
  CHECK(codeOf(PinnedFile::pin(file.path, {{0, 1 << 20}}, cancelled)) == "ABORTED");
  CHECK(lockedNow() == 0);
}

TEST_CASE("a file larger than the memory is refused before anything is read") {
  TemporaryFile file(1);
  REQUIRE(::truncate(file.path.c_str(), off_t{1} << 42) == 0);
  LockProgress progress;
  CHECK(codeOf(PinnedFile::pin(file.path, {{0, uint64_t{1} << 42}}, progress)) == "NO_HEADROOM");
  CHECK(progress.lockedBytes == 0);
}

TEST_CASE("a file that shrinks, is replaced or removed is told of, without SIGBUS") {
  TemporaryFile file(4 << 20);
  LockProgress progress;
  auto pinned = PinnedFile::pin(file.path, {{0, 4 << 20}}, progress);
  REQUIRE(pinned.ok());
  SUBCASE("shrunk") { REQUIRE(::truncate(file.path.c_str(), 1 << 20) == 0); }
  SUBCASE("replaced") {
    TemporaryFile::write(file.path + ".new", 4 << 20);
    std::filesystem::rename(file.path + ".new", file.path);
  }
  SUBCASE("removed") { std::filesystem::remove(file.path); }
  SUBCASE("written to") { std::ofstream(file.path, std::ios::app) << 'x'; }
  auto checked = pinned->check();
  REQUIRE(!checked.ok());
  CHECK(checked.error().code == "FILE_CHANGED");
}

TEST_CASE("a user's limit of locked memory is named") {
  if (::geteuid() != 0) return;  // lowering the limit and the user needs root
  TemporaryFile file(1 << 20);
  pid_t child = ::fork();
  if (child == 0) {
    rlimit limit{64 << 10, 64 << 10};
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    ::chmod(file.path.c_str(), 0644);
    auto opened = ::open(file.path.c_str(), O_RDONLY);
    if (::setuid(65534) != 0 || opened < 0) ::_exit(2);
    LockProgress progress;
    bool named = codeOf(PinnedFile::pin("/proc/self/fd/" + std::to_string(opened), {{0, 1 << 20}}, progress)) ==
                 "MEMLOCK_LIMIT";
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

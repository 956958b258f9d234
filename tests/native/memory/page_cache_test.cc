#include "memory/page_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>

#include "system/fd.h"
#include "system/page_size.h"

using namespace blkscope;

namespace {

/// A file of 8 MiB that all may read and only its owner may write, on a disk.
struct ForeignFile {
  std::string folder = "/var/tmp/blkscope-cache-XXXXXX";
  std::string path;
  ForeignFile() {
    REQUIRE(::mkdtemp(folder.data()));
    REQUIRE(::chmod(folder.c_str(), 0755) == 0);
    path = folder + "/file";
    std::ofstream(path) << std::string(8 << 20, 'x');
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
  }
  ~ForeignFile() {
    std::remove(path.c_str());
    ::rmdir(folder.c_str());
  }
};

/// Runs `check` as a user who owns nothing; true: it held.
template <class Check>
bool asNobody(Check check) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(::setgid(65534) == 0 && ::setuid(65534) == 0 && check() ? 0 : 1);
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Puts pages into the cache and none besides.
void readPages(const std::string& path, std::span<const uint64_t> pages) {
  auto fd = openFile(path, O_RDONLY);
  REQUIRE(fd);
  ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_RANDOM);
  char byte;
  for (uint64_t page : pages)
    REQUIRE(::pread(fd->get(), &byte, 1, static_cast<off_t>(page * pageBytes())) == 1);
}

/// By counting the pages that a part lies in one by one.
uint64_t countedPart(const CachedPages& pages, FilePart part) {
  uint64_t end = part.offset >= pages.fileBytes ? part.offset
                                                : part.offset + std::min(part.bytes, pages.fileBytes - part.offset);
  uint64_t cached = 0;
  for (uint64_t page = 0; page < pages.cached.size(); ++page) {
    uint64_t from = page * pageBytes();
    if (pages.cached[page] && from < end && from + pageBytes() > part.offset) cached += pageBytes();
  }
  return std::min(cached, end - part.offset);
}

bool isEmpty(const Result<Residency>& residency) {
  return residency && residency->cachedBytes && *residency->cachedBytes < residency->fileBytes / 50;
}

}  // namespace

TEST_CASE("of a file of somebody else residency is unknown or true, never 'all of it'; cold is judged by reading") {
  if (::geteuid() != 0) return;
  ForeignFile file;
  REQUIRE(isEmpty(evictFile(file.path)));
  CHECK(asNobody([&] {
    auto now = pageCacheResidency(file.path);
    return now && (!now->cachedBytes || isEmpty(now));
  }));
  REQUIRE(warmFile(file.path));
  CHECK(asNobody([&] {
    auto left = evictFile(file.path);
    return left && (!left->cachedBytes || isEmpty(left));
  }));
  auto all = asNobody([&] {
    auto there = warmFile(file.path);
    return there && (!there->cachedBytes || *there->cachedBytes == there->fileBytes);
  });
  CHECK(all);
  CHECK(*pageCacheResidency(file.path)->cachedBytes == 8 << 20);
}

TEST_CASE("nobody may ask of root's files") {
  if (::geteuid() != 0) return;
  ForeignFile file;
  // Linux up to 6.12 answers cachestat to anybody, later ones refuse; mincore has never told.
  CHECK(asNobody([&] {
    auto now = pageCacheResidency(file.path);
    return now && (now->method == Residency::Method::cachestat || !now->cachedBytes);
  }));
}

TEST_CASE("parts of a file: what is cached of each equals a count page by page") {
  ForeignFile file;
  std::ofstream(file.path, std::ios::app) << "a tail that fills no page";
  REQUIRE(evictFile(file.path));
  std::mt19937_64 random(27);
  std::vector<uint64_t> read{0, 3, 10, 11, 12, 13, (8 << 20) / pageBytes()};
  for (int i = 0; i < 100; ++i) read.push_back(random() % ((8 << 20) / pageBytes()));
  readPages(file.path, read);
  auto pages = cachedPages(file.path);
  REQUIRE(pages);
  uint64_t size = pages->fileBytes;
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  std::vector<FilePart> parts{{0, size}, {0, kMost}, {5, kMost}, {size - 1, 1}, {size, 1}, {size + pageBytes(), 10},
                              {kMost, kMost}, {100, 0}, {3 * pageBytes(), pageBytes()}, {3 * pageBytes() + 7, 1},
                              {2 * pageBytes() - 1, pageBytes() + 2}};
  for (int i = 0; i < 500; ++i) parts.push_back({random() % (size + 5000), random() % (1 << (random() % 22))});
  auto told = cachedParts(file.path, parts);
  REQUIRE(told);
  REQUIRE(told->has_value());
  REQUIRE((*told)->size() == parts.size());
  uint64_t some = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    CAPTURE(parts[i].offset);
    CAPTURE(parts[i].bytes);
    CHECK((**told)[i] == countedPart(*pages, parts[i]));
    some += (**told)[i] > 0 && (**told)[i] < parts[i].bytes;
  }
  CHECK(some > 50);
  CHECK((**told)[8] == pageBytes());
  REQUIRE(warmFile(file.path));
  CHECK((**cachedParts(file.path, parts))[0] == size);
}

TEST_CASE("parts of what is no file, is gone or is somebody else's") {
  FilePart all{0, 1 << 20};
  CHECK(cachedParts("/var/tmp/blkscope-none", {&all, 1}).error().code == "ENOENT");
  CHECK(cachedParts("/var/tmp", {&all, 1}).error().code == "NOT_A_FILE");
  if (::geteuid() != 0) return;
  ForeignFile file;
  REQUIRE(isEmpty(evictFile(file.path)));
  CHECK(asNobody([&] {
    auto told = cachedParts(file.path, {&all, 1});
    return told && (!told->has_value() || (**told)[0] == 0);
  }));
}

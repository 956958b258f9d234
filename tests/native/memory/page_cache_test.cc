#include "memory/page_cache.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

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

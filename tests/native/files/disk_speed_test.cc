#include "files/disk_speed.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "memory/page_cache.h"

using namespace blkscope;

TEST_CASE("a disk is measured past the page cache, whose state stays as it is") {
  std::string path = "disk-speed-" + std::to_string(::getpid()) + ".bin";
  std::ofstream(path, std::ios::binary) << std::string(4 << 20, 'w');
  REQUIRE(evictFile(path));
  auto speed = diskSpeed(path);
  if (!speed) {
    CHECK(speed.error().code == "NO_DIRECT_IO");  // a build folder on tmpfs
  } else {
    CHECK(speed->sequential > 0);
    CHECK(speed->random > 0);
    CHECK(pageCacheResidency(path)->cachedBytes == 0);
  }
  std::filesystem::remove(path);
}

TEST_CASE("what cannot be measured is an error") {
  CHECK(diskSpeed("no such file").error().code == "ENOENT");
  std::string path = "disk-speed-small-" + std::to_string(::getpid()) + ".bin";
  std::ofstream(path) << "small";
  CHECK(diskSpeed(path).error().code == "NO_DIRECT_IO");
  std::filesystem::remove(path);
}

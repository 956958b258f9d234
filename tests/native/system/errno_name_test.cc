#include "system/errno_name.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

#ifdef __GLIBC__
// Since glibc 2.32. Weak: a program that is linked with an older one has none, and does not ask it.
extern "C" const char* strerrorname_np(int) noexcept __attribute__((weak));
#endif

using namespace blkscope;

TEST_CASE("errors have the names and texts that the system's library gives them") {
  CHECK(errnoName(EPERM) == "EPERM");
  CHECK(errnoName(EAGAIN) == "EAGAIN");
  CHECK(errnoName(EOPNOTSUPP) == "EOPNOTSUPP");
  CHECK(errnoName(5000) == "E5000");
  CHECK(errnoText(ENOENT) == "No such file or directory");
#ifdef __GLIBC__
  if (!strerrorname_np) return;
  for (int number = 1; number < 200; ++number) {
    const char* name = strerrorname_np(number);
    if (!name) continue;
    CHECK(errnoName(number) == name);
    CHECK(errnoText(number) == std::strerror(number));
  }
#endif
}

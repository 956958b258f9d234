#include "system/tile_registers.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

using namespace blkscope;

#ifdef __x86_64__
TEST_CASE("tile registers, once declined, are refused to every thread") {
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  declineTileRegisters();
  std::thread([] { CHECK(::syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0); }).join();
}
#endif

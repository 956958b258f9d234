#include "system/tile_registers.h"

#include <signal.h>

#include <array>
#include <cstddef>

namespace blkscope {

void declineTileRegisters() {
  alignas(64) static std::array<std::byte, 8192> memory;
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  ::sigaltstack(&stack, nullptr);
}

}  // namespace blkscope

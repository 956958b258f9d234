// The processor's tile registers (AMX), which a process gets on request.
#pragma once

namespace blkscope {

/// Makes the kernel refuse this process the tile registers from now on. Call it on the main thread.
///
/// Who has them is not asked before: ggml takes them where they are, and then copies the weights into a layout of theirs.
/// The kernel grants them (arch_prctl, ARCH_REQ_XCOMP_PERM) unless a thread has an alternate signal stack that could not
/// hold their 8 KiB of state, so this gives the thread such a stack. It is large enough for every other signal frame, and
/// handlers use it only where they ask for it.
void declineTileRegisters();

}  // namespace blkscope

/* Numbers of system calls that headers of an old C library lack; the same on x64 and arm64. C, since the preloaded library is. */
#ifndef BLKSCOPE_SYSTEM_SYSCALL_NUMBERS_H
#define BLKSCOPE_SYSTEM_SYSCALL_NUMBERS_H

#include <sys/syscall.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#endif

// The relay source: BLKTRACE ioctls on the device node and per-CPU relay files under debugfs.
#pragma once

#include <memory>

#include "source/source.h"
#include "system/changes.h"

namespace blkscope {

/// Opens the relay source: record version 2 where the kernel offers it (Linux 6.19 on), else version 1.
///
/// Errors: LOCKDOWN (relay files refused, as on Secure Boot machines), NO_DEBUGFS, TRACER_BUSY (the device is traced
/// already), NO_DEVICE, EPERM/EACCES (not root, or no access to the device node), ENOMEM (buffers too large).
/// `changes` must outlive the source; the set-up trace is journaled there.
Result<std::unique_ptr<Source>> openRelaySource(const SourceOptions& options, Changes& changes);

/// Where debugfs is mounted, from /proc/mounts; empty: nowhere.
std::string debugfsPath();

}  // namespace blkscope

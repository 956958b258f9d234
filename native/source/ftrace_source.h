// The ftrace source: the kernel's `blk` tracer, read from per-CPU ring-buffer pages.
#pragma once

#include <memory>

#include "source/source.h"
#include "system/changes.h"

namespace blkscope {

/// Opens the ftrace source. Works under kernel lockdown and needs no access to the device node.
///
/// Errors: NO_TRACEFS (not mounted), NO_BLK_TRACER (kernel built without), TRACER_BUSY (another tracer or event is
/// active in the global buffer, or the device is traced already), NO_DEVICE, EACCES/EPERM (not root).
/// `changes` must outlive the source; every setting is journaled there.
Result<std::unique_ptr<Source>> openFtraceSource(const SourceOptions& options, Changes& changes);

/// Where tracefs is mounted, from /proc/mounts; empty: nowhere.
std::string tracefsPath();

}  // namespace blkscope

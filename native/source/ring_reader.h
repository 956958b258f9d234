// Two ways to read one CPU's ftrace ring buffer: mapped into this process, or copied page by page.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decode/event.h"
#include "decode/record.h"
#include "decode/ring_page.h"
#include "system/result.h"

namespace blkscope {

/// How the ring is read. `mapped` needs Linux 6.10. `pages` works everywhere and is the default, since it is the
/// cheaper by a third (bench/ring): for a mapped ring the kernel steps over each event on its own.
enum class RingAccess { pages, mapped };

/// Reads one CPU's ring in order and consumes what it reads.
class RingReader {
 public:
  virtual ~RingReader() = default;
  /// Polls readable when the buffer's share that the kernel waits for is filled; -1 where there is no buffer.
  virtual int pollFd() const = 0;
  /// False: its CPU has never been online so far, and has no buffer. From any thread.
  virtual bool exists() const { return true; }
  /// What was decoded so far.
  virtual const RingPageDecoder& decoder() const = 0;
  /// Decodes at most one sub-buffer into `out`. False: nothing is left for now.
  virtual Result<bool> read(std::vector<Event>& out, Notes& notes) = 0;
};

/// Opens `cpuFolder`/trace_pipe_raw, such as per_cpu/cpu0 of tracefs. `subBufferBytes` is the ring's own size.
/// Errors: the errno of open; NO_MAPPED_RING.
Result<std::unique_ptr<RingReader>> openRing(const std::string& cpuFolder, RingAccess access, size_t subBufferBytes,
                                             RingPageDecoder decoder);

}  // namespace blkscope

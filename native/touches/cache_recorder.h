// What happens to a workload's files in the page cache, told by the kernel's own events.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "system/result.h"
#include "touches/cache_event.h"

namespace blkscope {

/// What was recorded. `lost`: the kernel had no room for so many.
struct CacheRecord {
  CacheLog log;
  uint64_t lost = 0;
};

/// Reads them on a thread of its own. Needs the tracepoints filemap:mm_filemap_add_to_page_cache, ..._map_pages, ..._fault and
/// ..._get_pages (Linux 6.12), and the event of page faults; no BPF and no counters of the processor.
class CacheRecorder {
 public:
  /// From now on: what comes into the page cache of these files, whoever reads it. Errors: NO_TRACEFS, NO_TRACEPOINT, and what
  /// perf_event_open says.
  static Result<std::unique_ptr<CacheRecorder>> start(const std::vector<std::string>& paths);

  virtual ~CacheRecorder() = default;
  /// From now on: what the process, its threads and its children use of them. Before it maps any of them.
  virtual Result<void> attach(int pid) = 0;
  /// Ends the recording; once.
  virtual CacheRecord stop() = 0;
};

/// Whether one fault maps all of a folio (Linux 6.18) or no more than what is around its page.
bool faultsMapFolios();

}  // namespace blkscope

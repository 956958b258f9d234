// Registration alone: every class and function that the addon exports.
#include <napi.h>

#include "addon/access_map.h"
#include "addon/analysis.h"
#include "addon/blktrace_writer.h"
#include "addon/cache_account.h"
#include "addon/changes.h"
#include "addon/ending_signals.h"
#include "addon/file_rights.h"
#include "addon/files.h"
#include "addon/importer.h"
#include "addon/memory.h"
#include "addon/model_stream.h"
#include "addon/pinned_file.h"
#include "addon/region_reads.h"
#include "addon/sector_set.h"
#include "addon/signals.h"
#include "addon/touch_recorder.h"
#include "addon/touches.h"
#include "addon/tracer.h"

namespace {

Napi::Object registerAll(Napi::Env env, Napi::Object exports) {
  blkscope::registerAccessMap(env, exports);
  blkscope::registerAnalysis(env, exports);
  blkscope::registerBlktraceWriter(env, exports);
  blkscope::registerCacheAccount(env, exports);
  blkscope::registerChanges(env, exports);
  blkscope::registerEndingSignals(env, exports);
  blkscope::registerFileRights(env, exports);
  blkscope::registerFiles(env, exports);
  blkscope::registerImporter(env, exports);
  blkscope::registerMemory(env, exports);
  blkscope::registerModelStream(env, exports);
  blkscope::registerRegionReads(env, exports);
  blkscope::registerPinnedFile(env, exports);
  blkscope::registerSectorSet(env, exports);
  blkscope::registerSignals(env, exports);
  blkscope::registerTouches(env, exports);
  blkscope::registerTouchRecorder(env, exports);
  blkscope::registerTracer(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(blkscope, registerAll)

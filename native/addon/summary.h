// The figures of a whole trace, for JavaScript: NativeSummary in src/native/trace.ts.
#pragma once

#include <napi.h>

#include "analyse/analysis.h"
#include "session/session.h"

namespace blkscope {

/// What a trace gave, live or imported.
struct TraceFigures {
  const Analysis& analysis;
  const Integrity& integrity;
  const Notes& notes;
  TracerCost cost;
  uint64_t startedNs;
  uint64_t stoppedNs;
};

Napi::Object jsSummary(Napi::Env env, const TraceFigures& trace);

}  // namespace blkscope

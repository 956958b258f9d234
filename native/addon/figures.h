// Figures that a whole trace and each of its phases have, for JavaScript; src/native/trace.ts tells their shapes.
#pragma once

#include <napi.h>

#include "analyse/analysis.h"

namespace blkscope {

Napi::Object jsGaps(Napi::Env env, const Gaps& gaps);
/// Counts by size in bytes.
Napi::Object jsSizes(Napi::Env env, const Sizes& sizes);
/// By stage; null where no request gave both its ends.
Napi::Object jsLatency(Napi::Env env, const Latency& latency);

/// Of reads: as issued, as queued, as issued by offsets in the traced files.
Napi::Object jsGapOrders(Napi::Env env, const Analysis& analysis);

}  // namespace blkscope

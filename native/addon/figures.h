// The figures of an analysis for JavaScript: NativeFigures in src/native/trace.ts.
#pragma once

#include <napi.h>

#include "analyse/analysis.h"

namespace blkscope {

/// Of a whole trace, live or saved, of one of its phases, or of files that became known later: always the same keys.
Napi::Object jsFigures(Napi::Env env, const Analysis& analysis);

}  // namespace blkscope

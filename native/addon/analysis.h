// The analysis of a part of a trace, or of files that became known later, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerAnalysis(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

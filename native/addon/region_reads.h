// Reads joined with the regions of a model, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerRegionReads(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

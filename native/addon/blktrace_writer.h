// `BlktraceWriter`, for JavaScript: argument checks and conversion, nothing else.
#pragma once

#include <napi.h>

namespace blkscope {

void registerBlktraceWriter(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

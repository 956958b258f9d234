// The union of sector ranges, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerSectorSet(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

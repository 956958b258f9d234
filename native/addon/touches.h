// Memory that is not there: what policies would read, told from touches.
#pragma once

#include <napi.h>

namespace blkscope {

void registerTouches(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

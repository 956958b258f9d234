// Locked memory and the page cache, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerMemory(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

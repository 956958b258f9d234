// Where files lie, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerFiles(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

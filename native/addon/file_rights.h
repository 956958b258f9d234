#pragma once

#include <napi.h>

namespace blkscope {

void registerFileRights(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

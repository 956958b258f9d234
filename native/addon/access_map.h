#pragma once

#include <napi.h>

namespace blkscope {

void registerAccessMap(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

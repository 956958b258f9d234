// What became of every page of a workload's files that was read.
#pragma once

#include <napi.h>

namespace blkscope {

void registerCacheAccount(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

// What a workload's passes use of a model, watched from outside.
#pragma once

#include <napi.h>

namespace blkscope {

void registerTouchRecorder(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

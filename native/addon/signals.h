// How long signals that end the process may take.
#pragma once

#include <napi.h>

namespace blkscope {

void registerSignals(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

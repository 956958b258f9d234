// `EndingSignals`, who is told of signals that would end the process, for JavaScript.
#pragma once

#include <napi.h>

namespace blkscope {

void registerEndingSignals(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

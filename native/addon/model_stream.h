// Models that are read ahead of a process, for JavaScript; see native/memory/model_stream.h.
#pragma once

#include <napi.h>

namespace blkscope {

void registerModelStream(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

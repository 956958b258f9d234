// Pinned file ranges for JavaScript; see native/memory/pinned_file.h.
#pragma once

#include <napi.h>

namespace blkscope {

void registerPinnedFile(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

// `Importer`, a saved trace being read, for JavaScript: argument checks and conversion, nothing else.
#pragma once

#include <napi.h>

namespace blkscope {

void registerImporter(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

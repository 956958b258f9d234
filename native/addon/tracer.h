// `Tracer`, a tracing session, for JavaScript: argument checks and conversion, nothing else.
#pragma once

#include <napi.h>

namespace blkscope {

void registerTracer(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

// A batch of events as typed arrays: NativeBatch in src/native/trace.ts.
#pragma once

#include <napi.h>

#include "session/column_batch.h"

namespace blkscope {

/// Hands the batch's memory to JavaScript; the batch is unusable after.
Napi::Object jsBatch(Napi::Env env, ColumnBatch& batch);

}  // namespace blkscope

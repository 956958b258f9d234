// `Changes`, the journal of changes to the machine, for JavaScript.
#pragma once

#include <napi.h>

#include "system/changes.h"

namespace blkscope {

void registerChanges(Napi::Env env, Napi::Object exports);

}  // namespace blkscope

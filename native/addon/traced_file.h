// A file whose coverage is counted, from JavaScript: NativeExtents in src/native/trace.ts.
#pragma once

#include "addon/convert.h"
#include "analyse/file_map.h"

namespace blkscope {

TracedFile tracedFile(const Argument& argument);

}  // namespace blkscope

// Files whose coverage is counted, from JavaScript: NativeExtents in src/native/trace.ts.
#pragma once

#include <vector>

#include "addon/convert.h"
#include "analyse/file_map.h"

namespace blkscope {

std::vector<TracedFile> tracedFiles(const Argument& list);

}  // namespace blkscope

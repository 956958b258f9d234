// Regions of files, as three columns of JavaScript.
#pragma once

#include <vector>

#include "addon/columns.h"

namespace blkscope {

/// `argument` has the columns files (an index below `files`), offsets and bytes. Sorted by both, without overlaps, or refused.
template <class Region>
std::vector<Region> fileRegions(const Argument& argument, size_t files) {
  auto file = column32(argument["files"]);
  auto offsets = bigColumn(argument["offsets"]);
  auto bytes = bigColumn(argument["bytes"]);
  if (file.size() != offsets.size() || file.size() != bytes.size()) {
    argument.refuse("regions whose three columns have one length");
  }
  std::vector<Region> regions;
  for (size_t i = 0; i < file.size(); ++i) {
    Region region{file[i], offsets[i], bytes[i]};
    bool behind = regions.empty() || regions.back().file < region.file ||
                  (regions.back().file == region.file && regions.back().offset + regions.back().bytes <= region.offset);
    if (region.file >= files || !behind) argument.refuse("regions of the files given, in order, that do not overlap");
    regions.push_back(region);
  }
  return regions;
}

}  // namespace blkscope

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

/// A further column, of 0 and 1.
template <class Region>
void setFlags(std::vector<Region>& regions, const Argument& argument, const char* name, bool Region::*flag) {
  auto flags = column<uint8_t>(argument[name], napi_uint8_array, "a Uint8Array");
  if (flags.size() != regions.size()) argument.refuse("regions whose columns have one length");
  for (size_t i = 0; i < regions.size(); ++i) regions[i].*flag = flags[i] != 0;
}

/// The same with a fourth column, whole: 1 where whoever uses a page of a region uses all of it.
template <class Region>
std::vector<Region> wholeOrPartRegions(const Argument& argument, size_t files) {
  std::vector<Region> regions = fileRegions<Region>(argument, files);
  setFlags(regions, argument, "whole", &Region::whole);
  return regions;
}

}  // namespace blkscope

#include "addon/traced_file.h"

#include "addon/columns.h"

namespace blkscope {
namespace {

TracedFile tracedFile(const Argument& argument) {
  TracedFile file;
  file.bytes = argument["bytes"].integer();
  auto offsets = bigColumn(argument["fileOffsets"]);
  auto sectors = bigColumn(argument["sectors"]);
  auto counts = bigColumn(argument["sectorCounts"]);
  if (offsets.size() != sectors.size() || offsets.size() != counts.size()) {
    argument.refuse("extents whose three columns have one length");
  }
  for (size_t i = 0; i < offsets.size(); ++i) file.extents.push_back({offsets[i], sectors[i], counts[i]});
  return file;
}

}  // namespace

std::vector<TracedFile> tracedFiles(const Argument& list) {
  std::vector<TracedFile> files;
  for (const Argument& file : list.elements()) files.push_back(tracedFile(file));
  return files;
}

}  // namespace blkscope

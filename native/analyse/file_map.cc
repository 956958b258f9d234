#include "analyse/file_map.h"

#include <algorithm>

namespace blkscope {

FileMap::FileMap(std::span<const TracedFile> files) {
  for (uint32_t file = 0; file < files.size(); ++file) {
    for (const FileExtent& extent : files[file].extents) {
      pieces_.push_back({extent.sector, extent.sector + extent.sectors, extent.fileOffset, file});
    }
  }
  std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) { return a.sector < b.sector; });
}

size_t FileMap::find(uint64_t sector) const {
  auto found = std::upper_bound(pieces_.begin(), pieces_.end(), sector,
                                [](uint64_t s, const Piece& piece) { return s < piece.endSector; });
  return static_cast<size_t>(found - pieces_.begin());
}

}  // namespace blkscope

#include "analyse/file_map.h"

#include <algorithm>

namespace blkscope {

FileMap::FileMap(std::span<const TracedFile> files) {
  for (uint32_t file = 0; file < files.size(); ++file) {
    for (const FileExtent& extent : files[file].extents) {
      pieces_.push_back({extent.sector, extent.sector + extent.sectors, extent.fileOffset, file});
    }
  }
  std::stable_sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) { return a.sector < b.sector; });
  uint64_t reach = 0;
  for (const Piece& piece : pieces_) reach_.push_back(reach = std::max(reach, piece.endSector));
}

size_t FileMap::find(uint64_t sector) const {
  return static_cast<size_t>(std::upper_bound(reach_.begin(), reach_.end(), sector) - reach_.begin());
}

}  // namespace blkscope

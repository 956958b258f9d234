// Gaps in the order of offsets in the traced files, which fragmentation on the disk does not change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "analyse/file_map.h"
#include "analyse/gaps.h"

namespace blkscope {

/// Translates I/Os to file offsets and counts their gaps. Several files count as one, in the order given, as the
/// parts of a split model are; an I/O over extents that follow one another in the file is one. Sectors that several files
/// own are the first one's.
class FileGaps {
 public:
  explicit FileGaps(std::span<const TracedFile> files) {
    uint64_t sectors = 0;
    for (const TracedFile& file : files) {
      starts_.push_back(sectors);
      sectors += (file.bytes + 511) >> 9;
    }
  }

  void add(FileMap& map, uint64_t sector, uint64_t endSector) {
    bool any = false;
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t done = 0;  // sectors before are placed
    map.forEachOverlap(sector, endSector, [&](const FileMap::Piece& piece, uint64_t from, uint64_t to) {
      from = std::max(from, done);
      if (from >= to) return;
      done = to;
      uint64_t offset = starts_[piece.file] + (piece.fileOffset >> 9) + (from - piece.sector);
      if (!any || offset != end) {
        if (any) gaps_.add(start, end);
        start = offset;
      }
      any = true;
      end = offset + (to - from);
    });
    if (any) gaps_.add(start, end);
  }

  const Gaps& gaps() const { return gaps_; }

 private:
  std::vector<uint64_t> starts_;  // where each file begins in the order of all, in sectors
  Gaps gaps_;
};

}  // namespace blkscope

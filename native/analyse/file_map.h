// Which part of a traced file a sector of the disk belongs to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blkscope {

/// One contiguous run of a file on the disk. Lengths in sectors of 512 bytes, file offsets in bytes.
struct FileExtent {
  uint64_t fileOffset;
  uint64_t sector;
  uint64_t sectors;
};

/// A file as the analysis needs it: its size in bytes and its extents on the whole disk.
struct TracedFile {
  uint64_t bytes = 0;
  std::vector<FileExtent> extents;
};

/// The extents of all traced files, ordered by sector, with the last hit remembered.
class FileMap {
 public:
  struct Piece {
    uint64_t sector;
    uint64_t endSector;
    uint64_t fileOffset;
    uint32_t file;  // index into the files given
  };

  explicit FileMap(std::span<const TracedFile> files);

  bool empty() const { return pieces_.empty(); }

  /// Calls `visit(const Piece&, from, to)` for every extent that [sector, endSector) overlaps, clipped, in order.
  template <class Visit>
  void forEachOverlap(uint64_t sector, uint64_t endSector, Visit&& visit) {
    if (pieces_.empty()) return;
    size_t i = pieces_[last_].sector <= sector && sector < pieces_[last_].endSector ? last_ : find(sector);
    for (; i < pieces_.size() && pieces_[i].sector < endSector; ++i) {
      uint64_t from = sector > pieces_[i].sector ? sector : pieces_[i].sector;
      uint64_t to = endSector < pieces_[i].endSector ? endSector : pieces_[i].endSector;
      if (from >= to) continue;
      last_ = i;
      visit(pieces_[i], from, to);
    }
  }

  std::span<const Piece> pieces() const { return pieces_; }

 private:
  size_t find(uint64_t sector) const;  // the first piece that ends after `sector`

  std::vector<Piece> pieces_;
  size_t last_ = 0;
};

}  // namespace blkscope

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

/// The extents of all traced files, ordered by sector, with the last hit remembered. Several may own a sector, as of
/// reflinked files: each is visited.
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
    bool goesOn = pieces_[last_].sector <= sector && sector < pieces_[last_].endSector && reachBefore(last_) <= sector;
    size_t i = goesOn ? last_ : find(sector);
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
  /// The first piece from which on one may end after `sector`.
  size_t find(uint64_t sector) const;
  uint64_t reachBefore(size_t piece) const { return piece == 0 ? 0 : reach_[piece - 1]; }

  std::vector<Piece> pieces_;
  std::vector<uint64_t> reach_;  // by piece: the furthest end of it and those before
  size_t last_ = 0;
};

}  // namespace blkscope

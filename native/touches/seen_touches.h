// From faults to touches: what each pass used of each region of a model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "preload/records.h"
#include "touches/fault_reader.h"

namespace blkscope {

/// A region of a model's file; sorted by file and offset, without overlaps.
struct ModelRegion {
  uint32_t file;
  uint64_t offset;
  uint64_t bytes;
  /// Whoever uses it uses all of it, as far as the model tells: some of its pieces show that.
  bool whole = false;
  /// Each pass uses all of it, or it holds nothing.
  bool always = false;
};

/// A pass of the program over the weights. ns on CLOCK_MONOTONIC.
struct Pass {
  uint64_t begin = 0;
  /// 0: the program ended in it.
  uint64_t end = 0;
  /// Spent on making pages fault, before `begin`.
  uint64_t readyNs = 0;
  bool profiled = false;
  /// In it, of the model's pages.
  uint32_t faults = 0;
};

/// What a pass used of a region.
struct SeenTouch {
  uint32_t pass;
  uint32_t region;
  /// Of the region: whole where each piece that a fault can map was faulted in.
  uint64_t bytes;
  /// Of the first fault.
  uint64_t firstNs;
};

struct SeenTouches {
  std::vector<Pass> passes;
  /// By pass, and in it by the time of the first use.
  std::vector<SeenTouch> touches;
  /// The errno with which the kernel refused to let pages fault again; 0: it did not.
  uint32_t refused = 0;
  /// Whether the library was called, and whether it found the model mapped.
  bool called = false;
  bool mapped = false;
};

/// The offsets at which mappings of a file are to be split: whole pages, ascending.
using Cuts = std::vector<uint64_t>;

/// Cuts of each of `files` files. They lie around each page in which regions meet, so that a fault never maps pages of two
/// regions. A process may have only so many mappings: for all files together there are at most `most` cuts. Where the regions
/// are too many, only those below 256 KiB are split off, since of larger ones enough is left that no neighbour's fault maps.
std::vector<Cuts> cutsAroundRegions(std::span<const ModelRegion> regions, uint32_t files, uint64_t pageBytes, size_t most);

/// The same, and cuts within large regions at every piece of 64 KiB: some kernels map all of a large folio at one fault, which
/// would leave of a table no more to see than that it was used. Pieces are larger where the cuts would be too many.
std::vector<Cuts> cutsFor(std::span<const ModelRegion> regions, uint32_t files, uint64_t pageBytes, size_t most);

/// Which pieces between a file's cuts are to fault in each pass, the first being the one before the first cut. Of a large region that
/// is used whole every fourth piece, the first and the last tell as much as all of them, and cost less.
std::vector<bool> watchedPieces(std::span<const ModelRegion> regions, uint32_t file, const Cuts& cuts, uint64_t pageBytes);

/// Which pieces hold only what each pass uses all of.
std::vector<bool> alwaysUsedPieces(std::span<const ModelRegion> regions, uint32_t file, const Cuts& cuts);

/// `cuts`: those that the mappings were split at.
SeenTouches seenTouches(std::span<const blkscope_record> records, const Faults& faults, std::span<const ModelRegion> regions,
                        std::span<const Cuts> cuts, uint64_t pageBytes);

}  // namespace blkscope

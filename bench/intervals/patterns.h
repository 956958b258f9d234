// The reads that the benchmark inserts: made ones, and a trace's.
#pragma once

#include <string>
#include <vector>

#include "sectors/sector_set.h"
#include "system/result.h"

namespace blkscope::bench {

struct Pattern {
  std::string name;
  /// What it is, for the table.
  std::string title;
  /// What an insertion may take, in ns; 0 where nothing was promised.
  double barNs = 0;
  std::vector<SectorRange> reads;
};

/// The made patterns, the same in every run. `scale` multiplies how many reads each has.
std::vector<Pattern> madePatterns(double scale);

/// Reads a text file of columns, by commas, tabs or spaces. A first line of names tells which are `sector`
/// and `sectors`; without one they are the first two.
Result<Pattern> tracePattern(const std::string& path);

}  // namespace blkscope::bench

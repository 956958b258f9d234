// How long I/Os of one direction spend between the points of their life.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "analyse/histogram.h"
#include "analyse/io_row.h"

namespace blkscope {

/// From where to where; the letters are blkparse's. Q2C, Q2D and Q2M are of every bio, the others of every request.
enum class Stage : uint8_t { q2c, q2d, d2c, q2g, g2i, i2d, q2m };
inline constexpr size_t kStages = 7;
inline constexpr const char* kStageNames[kStages] = {"q2c", "q2d", "d2c", "q2g", "g2i", "i2d", "q2m"};

class Latency {
 public:
  /// Counts the time from `from` to `to` unless one of them was not seen.
  void add(Stage stage, uint64_t from, uint64_t to) {
    if (from != kNotSeen && to != kNotSeen) addSeen(stage, from, to);
  }
  /// The same of two times that were seen.
  void addSeen(Stage stage, uint64_t from, uint64_t to) {
    stages_[static_cast<size_t>(stage)].add(to > from ? to - from : 0);
  }
  void addCounts(const Latency& other) {
    for (size_t i = 0; i < kStages; ++i) stages_[i].addCounts(other.stages_[i]);
  }
  const Histogram& operator[](Stage stage) const { return stages_[static_cast<size_t>(stage)]; }

  /// A stage of which no request had both ends is not known.
  void tell(FigureWriter& out) const {
    for (size_t i = 0; i < kStages; ++i) {
      if (stages_[i].count() == 0) {
        out.unknown(kStageNames[i]);
      } else {
        out.metric(kStageNames[i], stages_[i]);
      }
    }
  }

 private:
  std::array<Histogram, kStages> stages_;
};

/// Of one device.
struct DeviceLatency {
  Latency reads;
  Latency writes;

  void addCounts(const DeviceLatency& other) {
    reads.addCounts(other.reads);
    writes.addCounts(other.writes);
  }
};

}  // namespace blkscope

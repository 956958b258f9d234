// Puts the events of an I/O together into one request.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analyse/io_row.h"
#include "analyse/latency.h"
#include "analyse/open_bios.h"
#include "analyse/queue_depth.h"
#include "analyse/timeline.h"
#include "decode/event.h"

namespace blkscope {

/// Streaming request matching. Feed events in time order.
///
/// A bio is known by its device, direction and first sector. At issue and completion a request is taken apart into
/// its bios by their lengths, from its first sector on, so a merge needs no record of who joined whom. What is
/// missing is done without: a trace without Q has requests that begin at issue, a device without D completes what
/// was queued. Of several open at one sector the oldest is taken.
///
/// Distributions are taken at completion, so that Q2D + D2C = Q2C; failed I/Os are in none of them. Memory goes with
/// the I/Os open; what has not moved for a minute (its completion was lost) is given up and counted.
class Matcher {
 public:
  /// The queue depth is noted in the timeline, bucket by bucket.
  explicit Matcher(Timeline& timeline) : timeline_(timeline) {}

  struct Counts {
    uint64_t requests = 0;   // completed, with an origin
    uint64_t unmatched = 0;  // completions of which nothing was seen before
    uint64_t givenUp = 0;    // bios whose completion did not come within kMostAgeNs, or for which memory ended
  };
  static constexpr uint64_t kMostAgeNs = 60'000'000'000;
  static constexpr size_t kMostOpen = 1 << 20;

  /// Every action but issue and completion.
  void other(const Event& event);
  /// Who queued what is issued here; the event's own pid where that was not seen.
  uint32_t issue(const Event& event);
  /// The request this completes or, if only a part is done yet, what is known of it.
  const IoRow& complete(const Event& event);

  /// Rows are kept for whoever takes them.
  void keepRows() { keepRows_ = true; }
  std::vector<IoRow>& rows() { return rows_; }

  /// Ends the last depth's time.
  void finish(uint64_t endNs) { depth_.pass(endNs, timeline_); }

  const Counts& counts() const { return counts_; }
  /// Bios that neither completed nor were given up.
  uint64_t open() const { return bios_.size(); }
  const Latency& latency(Direction direction) const { return latency_[direction == Direction::write]; }
  const QueueDepth& depth() const { return depth_; }

 private:
  using Slot = OpenBios::Slot;

  Slot add(const Event& event);
  Slot findWaiting(const Event& event, uint64_t sector) const;
  Slot findIssued(const Event& event) const;
  void cut(Slot slot, uint64_t atSector);
  void split(const Event& event);
  void merge(const Event& event);
  void allocate(const Event& event);
  void insert(const Event& event);
  void requeue(const Event& event);
  Latency* latencyOf(Direction direction);
  void finishBio(const OpenBio& bio, const Event& event, IoRow& row);
  void finishBios(Slot head, const Event& event, uint64_t bytes, IoRow& row);
  void finishPart(const OpenBio& head, const Event& event, const IoRow& row);
  void finishRow(IoRow& row, uint32_t begun);
  void giveUp(uint64_t olderThan, uint64_t now);

  Timeline& timeline_;
  OpenBios bios_;
  std::array<Latency, 2> latency_;  // reads, writes
  QueueDepth depth_;
  Counts counts_;
  IoRow row_;
  std::vector<IoRow> begun_;  // rows of requests that are partly done
  std::vector<uint32_t> begunFree_;
  std::vector<IoRow> rows_;
  bool keepRows_ = false;
  uint64_t nextGiveUp_ = 0;
};

}  // namespace blkscope

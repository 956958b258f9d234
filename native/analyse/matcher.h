// Puts the events of an I/O together into one request.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "analyse/figure_writer.h"
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
  explicit Matcher(Timeline& timeline) : depth_(timeline) {}

  struct Counts {
    uint64_t requests = 0;   // completed, with an origin
    uint64_t unmatched = 0;  // completions of which nothing was seen before
    uint64_t givenUp = 0;    // bios whose completion did not come within kMostAgeNs, or for which memory ended
    uint64_t requeues = 0;   // issues of requests that the driver had given back
  };
  /// What an issue is.
  struct Issued {
    uint32_t pid = 0;    // who queued it; the event's own where that was not seen
    bool again = false;  // it was issued before, and the driver gave it back: it has its place in every order already
  };
  static constexpr uint64_t kMostAgeNs = 60'000'000'000;
  static constexpr size_t kMostOpen = 1 << 20;

  /// Every action but issue and completion.
  void other(const Event& event);
  Issued issue(const Event& event);
  /// Who queued what completes here; without Q who issued it; 0 where neither was seen.
  uint32_t complete(const Event& event);

  /// Rows are kept for whoever takes them.
  void keepRows() { keepRows_ = true; }
  std::vector<IoRow>& rows() { return rows_; }

  /// Ends the last depth's time.
  void finish(uint64_t endNs) { depth_.finish(endNs); }

  const Counts& counts() const { return counts_; }
  /// Bios that neither completed nor were given up.
  uint64_t open() const { return bios_.size(); }
  const Latency& latency(Direction direction) const { return latency_[direction == Direction::write]; }
  const QueueDepth& depth() const { return depth_; }

  /// How the matching went.
  void tell(FigureWriter& out) const;

 private:
  using Slot = OpenBios::Slot;

  /// What the bio at a request's head knows of it.
  struct Request {
    uint64_t issue = 0;
    uint32_t pid = 0;
    uint32_t merges = 0;
  };
  /// When the first of a request's bios was at each point.
  struct Begin {
    uint64_t queue = 0;
    uint64_t getrq = 0;
    uint64_t insert = 0;
  };

  // Flushes carry no sector, or any.
  static uint64_t keySector(const Event& event) { return event.direction == Direction::flush ? 0 : event.sector; }
  static bool waiting(const OpenBio& bio) { return !bio.issued(); }
  /// Of two times of which one may not be known (0).
  static uint64_t earlier(uint64_t a, uint64_t b) { return std::min(a - 1, b - 1) + 1; }

  Slot add(const Event& event);
  Slot findHead(const Event& event) const;
  Slot findIssued(const Event& event) const;
  void makeRoom(uint64_t now);
  void giveUp(uint64_t olderThan, uint64_t now);
  void cut(Slot slot, uint64_t atSector);
  void split(const Event& event);
  void merge(const Event& event);
  void allocate(const Event& event);
  void insert(const Event& event);
  void requeue(const Event& event);
  void issueSeveral(Slot head, const Event& event);
  Latency* latencyOf(Direction direction);
  /// Where the times of what this ends count; null: nowhere.
  Latency* latencyOf(const Event& end) { return end.error ? nullptr : latencyOf(end.direction); }
  static void finishBio(const OpenBio& bio, const Event& event, Latency* latency);
  Begin finishBios(Slot head, const Event& event, Latency* latency);
  uint32_t completeUnissued(const Event& event);
  uint32_t completeWhole(Slot slot, const Event& event);
  uint32_t completePart(Slot slot, const Event& event);
  static IoRow rowOf(const Event& event, const Request& request, const Begin& begin);
  void putOff(const OpenBio& head, const Event& event, const IoRow& row);
  void finishRequest(const Begin& begin, uint64_t issue, uint64_t complete, Latency* latency);

  OpenBios bios_;
  QueueDepth depth_;
  Counts counts_;
  uint64_t nextGiveUp_ = 0;
  bool keepRows_ = false;
  std::vector<IoRow> begun_;  // rows of requests that are partly done
  std::vector<uint32_t> begunFree_;
  std::vector<IoRow> rows_;
  std::array<Latency, 2> latency_;  // reads, writes
};

// What nearly every event comes to is inline; the rest is in matcher.cc.

inline Matcher::Slot Matcher::add(const Event& event) {
  if (event.time >= nextGiveUp_ || bios_.size() >= kMostOpen) makeRoom(event.time);
  Slot slot = bios_.insert(event.device, event.direction, keySector(event));
  OpenBio& bio = bios_[slot];
  bio.bytes = event.bytes;
  bio.pid = event.pid;
  return slot;
}

/// What a request starts with: no bio that joined another at its end, if there is a choice.
inline Matcher::Slot Matcher::findHead(const Event& event) const {
  uint64_t sector = keySector(event);
  Slot found = bios_.find(event.device, event.direction, sector, [](const OpenBio& bio) {
    return waiting(bio) && bio.stage != BioStage::backMerged;
  });
  return found != OpenBios::kNone ? found : bios_.find(event.device, event.direction, sector, waiting);
}

inline Matcher::Slot Matcher::findIssued(const Event& event) const {
  return bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.issued() && (bio.requestBytes != 0 || bio.bytes == 0);
  });
}

inline void Matcher::allocate(const Event& event) {
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.stage == BioStage::queued && bio.getrq == 0;
  });
  if (slot == OpenBios::kNone) slot = add(event);
  bios_[slot].getrq = event.time;
}

inline void Matcher::insert(const Event& event) {
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return waiting(bio) && bio.stage != BioStage::backMerged && bio.insert == 0;
  });
  if (slot == OpenBios::kNone) slot = findHead(event);
  if (slot == OpenBios::kNone) slot = add(event);
  bios_[slot].insert = event.time;
}

inline Matcher::Issued Matcher::issue(const Event& event) {
  if (event.direction == Direction::none) return {event.pid};
  depth_.issued(event.time);
  Slot head = findHead(event);
  if (head == OpenBios::kNone) head = add(event);
  OpenBio& bio = bios_[head];
  bool again = bio.stage == BioStage::requeued;
  counts_.requeues += again;
  if (bio.endSector() != event.endSector()) {
    issueSeveral(head, event);
    return {bios_[head].pid, again};
  }
  bio.stage = BioStage::issued;
  bio.issue = event.time;
  bio.requestBytes = event.bytes;
  bio.merges = 0;
  return {bio.pid, again};
}

inline Latency* Matcher::latencyOf(Direction direction) {
  if (direction == Direction::read) return &latency_[0];
  return direction == Direction::write ? &latency_[1] : nullptr;
}

inline void Matcher::finishBio(const OpenBio& bio, const Event& event, Latency* latency) {
  uint64_t queue = bio.queue;
  uint64_t issue = bio.issue;
  uint64_t getrq = bio.getrq;
  if (!latency || queue == 0) return;
  latency->add(Stage::q2c, queue, event.time);
  latency->add(Stage::q2d, queue, issue);
  latency->add(Stage::q2g, queue, getrq);
}

inline void Matcher::finishRequest(const Begin& begin, uint64_t issue, uint64_t complete, Latency* latency) {
  ++counts_.requests;
  if (!latency) return;
  latency->add(Stage::d2c, issue, complete);
  latency->add(Stage::g2i, begin.getrq, begin.insert);
  latency->add(Stage::i2d, begin.insert, issue);
}

inline uint32_t Matcher::completeWhole(Slot slot, const Event& event) {
  Latency* latency = latencyOf(event);
  const OpenBio& head = bios_[slot];
  Request request{head.issue, head.pid, head.merges};
  Begin begin{head.queue, head.getrq, head.insert};
  if (head.endSector() == head.sector + event.sectors()) {
    finishBio(head, event, latency);
    bios_.erase(slot);
  } else {
    begin = finishBios(slot, event, latency);
  }
  finishRequest(begin, request.issue, event.time, latency);
  if (keepRows_) rows_.push_back(rowOf(event, request, begin));
  return request.pid;
}

inline uint32_t Matcher::complete(const Event& event) {
  bool empty = event.bytes == 0 && event.direction != Direction::flush;
  if (event.direction == Direction::none || empty) return 0;
  Slot slot = findIssued(event);
  if (slot == OpenBios::kNone) return completeUnissued(event);
  const OpenBio& head = bios_[slot];
  if (head.begun || event.bytes < head.requestBytes) return completePart(slot, event);
  depth_.left(event.time);
  return completeWhole(slot, event);
}

inline void Matcher::other(const Event& event) {
  if (event.direction == Direction::none) return;
  switch (event.action) {
    case Action::queue:
      bios_[add(event)].queue = event.time;
      break;
    case Action::getrq:
      return allocate(event);
    case Action::insert:
      return insert(event);
    case Action::backMerge:
    case Action::frontMerge:
      return merge(event);
    case Action::split:
      return split(event);
    case Action::requeue:
      return requeue(event);
    default:  // a remap is followed by a Q of its own where the bio goes
      break;
  }
}

}  // namespace blkscope

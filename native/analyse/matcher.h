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
#include "sectors/sector_set.h"

namespace blkscope {

/// What is known of an event's device.
struct DeviceTraits {
  bool issues = false;   // it tells of issues: what completes without one was not read or written by it
  bool queues = false;   // it tells of what is queued
  bool trims = false;    // it was seen to take pieces off the front of bios, as device mapper does
  bool layered = false;  // it lies on another traced device, which does the work: not in the times of all devices
  bool fresh = false;    // nothing of it completed until just now: whether it tells of issues is not known
  uint64_t zoneSectors = 0;  // of a zoned device: how long a zone is
  DeviceLatency* latency = nullptr;  // where its times are counted; null: nowhere
  const SectorSet* read = nullptr;     // what of it was read until now; null: nothing
  const SectorSet* written = nullptr;
};

/// Streaming request matching. Feed events in time order, each with what is known of its device.
///
/// A bio is known by its device, direction, first sector and length. At issue and completion a request is taken apart
/// into its bios by their lengths, from its first sector on, so a merge needs no record of who joined whom. What is
/// missing is done without: a trace without Q has requests that begin at issue, a device without D completes what was
/// queued, in pieces and in any order of them. Zone appends are known without their sector: it is told at completion.
///
/// Of several alike the newest is taken: a completion that was lost stays confined to its own request, and of those that
/// are open at the same time the mean is right in whichever order.
///
/// Distributions are taken at completion, so that Q2D + D2C = Q2C; failed I/Os are in none of them. Memory goes with the
/// I/Os open. What has not moved for a minute leaves the queue's depth; it is given up when a newer one at its place has
/// completed, or when memory ends.
///
/// Processors' clocks may differ: a completion may bear an earlier time than its issue. One without an issue is kept aside
/// for kSkewNs; an issue that comes then is its own, and takes no time. What comes later is told (clocksApart). On a device
/// that tells of no issues the same holds for what is queued.
///
/// A completion of which nothing was seen before is surplus on a device that tells of issues. On one that tells of Q alone
/// it was in flight when the trace began, or its Q was lost, where any of its sectors completes for the first time; else
/// it is surplus too. On a device that tells of completions alone each is the end of an I/O.
class Matcher {
 public:
  /// The queue depth is noted in the timeline, bucket by bucket.
  explicit Matcher(Timeline& timeline) : depth_(timeline) {}

  struct Counts {
    uint64_t requests = 0;   // completed, with an origin
    uint64_t unmatched = 0;  // completions of which nothing was seen before
    uint64_t givenUp = 0;    // bios whose completion was lost
    uint64_t requeues = 0;   // issues of requests that the driver had given back
  };
  /// What an issue is.
  struct Issued {
    uint32_t pid = 0;    // who queued it; the event's own where that was not seen
    bool again = false;  // it was issued before, and the driver gave it back: it has its place in every order already
    bool done = false;   // its completion came just before it, by another processor's clock, and was taken for nobody's
  };
  /// What a completion is.
  struct Completed {
    uint32_t pid = 0;   // who queued it; without Q who issued it; 0 where neither was seen
    bool ends = false;  // it is the end of an I/O; else a surplus one
  };
  static constexpr uint64_t kMostAgeNs = 60'000'000'000;
  static constexpr size_t kMostOpen = 1 << 20;
  /// By so much may clocks of two processors differ.
  static constexpr uint64_t kSkewNs = 100'000;
  /// Up to here a difference of clocks is told.
  static constexpr uint64_t kToldSkewNs = 10'000'000;

  /// Every action but issue and completion. Returns whether the completion of what this queues came just before it, by
  /// another processor's clock, and was taken for a surplus one.
  bool other(const Event& event, const DeviceTraits& traits);
  Issued issue(const Event& event, const DeviceTraits& traits);
  Completed complete(const Event& event, const DeviceTraits& traits);
  /// Before a completion that does not tell the place of the bio that it ends: gives it the bio's. That is one of a device that
  /// trims bios, or one without a byte: some drivers (brd) take from the bio what they have done, until nothing is left.
  void widen(Event& completion);
  /// A split by which a bio goes on from where its first piece ends: no more than its rest is told when it completes.
  static bool trims(const Event& split) { return split.action == Action::split && split.payload == split.sector; }

  /// Rows are kept for whoever takes them.
  void keepRows() { keepRows_ = true; }
  std::vector<IoRow>& rows() { return rows_; }

  /// Ends what waits, and the last depth's time.
  void finish(uint64_t endNs) {
    settle(UINT64_MAX);
    depth_.finish(endNs);
  }

  const Counts& counts() const { return counts_; }
  /// Bios that neither completed nor were given up.
  uint64_t open() const { return bios_.size(); }
  /// Of these, issues whose completion seems to have come before them by more than kSkewNs.
  uint64_t clocksApart() const;
  const QueueDepth& depth() const { return depth_; }

  /// How the matching went.
  void tell(FigureWriter& out) const;

 private:
  using Slot = OpenBios::Slot;

  /// What the bio at a request's head knows of it.
  struct Request {
    uint64_t issue = kNotSeen;
    uint32_t pid = 0;
    uint32_t merges = 0;
  };
  /// When the first of a request's bios was at each point.
  struct Begin {
    uint64_t queue = kNotSeen;
    uint64_t getrq = kNotSeen;
    uint64_t insert = kNotSeen;
  };
  static Request requestOf(const OpenBio& head) { return {head.issue, head.pid, head.merges}; }
  static Begin beginOf(const OpenBio& head) { return {head.queue, head.getrq, head.insert}; }
  /// A completion that came without an issue, for so long as that may still come.
  struct Early {
    Event end;
    DeviceTraits traits;
    bool known = false;    // what it ended was queued, and waits
    bool counted = false;  // it was taken for the end of an I/O: it was known, or its device told of no issue by then
  };

  // Flushes carry no sector, or any. A zone append is issued for a zone, and told where it came to when it completes.
  static uint64_t keySector(const Event& event) {
    if (event.hasPlace()) [[likely]] return event.sector;
    return event.direction == Direction::flush ? 0 : UINT64_MAX;
  }
  static bool waiting(const OpenBio& bio) { return !bio.issued(); }
  /// What carries no data and is no flush has no place on the disk, such as a zone's reset.
  static bool empty(const Event& event) {
    if (event.bytes == 0) [[unlikely]] return event.direction != Direction::flush;
    return event.direction == Direction::none;
  }

  Slot add(const Event& event);
  enum class Ended { either, no, yes };
  Slot findHead(const Event& event, Ended ended = Ended::either) const;
  Slot findIssued(const Event& event) const;
  Slot findAppend(const Event& event) const;
  Slot findPiece(Slot head, const Event& event);
  void makeRoom(uint64_t now);
  void leaveStuck(uint64_t olderThan, uint64_t now);
  void giveUp(Slot slot, uint64_t now);
  void giveUpOlder(Slot slot, uint64_t now);
  Slot cut(Slot slot, uint64_t atSector);
  void split(const Event& event);
  void rare(const Event& event);
  void merge(const Event& event);
  void allocate(const Event& event);
  void insert(const Event& event);
  void requeue(const Event& event);
  void issueSeveral(Slot head, const Event& event);
  Latency* latencyOf(Direction direction);
  /// Where the times of what this ends count; null: nowhere.
  Latency* latencyOf(const Event& end) { return end.error ? nullptr : latencyOf(end.direction); }
  bool completedBefore(const Event& begin, Slot slot);
  bool endsAlone(const Event& event) const;
  void markEnded(Slot head, const Event& event);
  void keepAside(const Event& event, bool known, bool counted);
  void settle(uint64_t now);
  void endUnissued(const Early& early);
  static void finishBio(const OpenBio& bio, const Event& event, Latency* latency);
  static void finishSeen(const OpenBio& bio, const Event& event, Latency& latency);
  Begin finishBios(Slot head, const Event& event, Latency* latency);
  Completed completeUnissued(const Event& event);
  uint32_t endOf(Slot slot, const Event& event);
  void takeOut(Slot slot, const Event& event);
  uint32_t completeWhole(Slot slot, const Event& event);
  uint32_t completeAny(Slot slot, const Event& event, Latency* latency);
  uint32_t completePart(Slot slot, const Event& event);
  static IoRow rowOf(const Event& event, const Request& request, const Begin& begin);
  void putOff(const OpenBio& head, const Event& event, const IoRow& row);
  void finishRequest(const Begin& begin, uint64_t issue, uint64_t complete, Latency* latency);

  static constexpr size_t kEarly = 64;  // a power of two

  OpenBios bios_;
  QueueDepth depth_;
  const DeviceTraits* traits_ = nullptr;  // of the event at hand
  std::array<Early, kEarly> early_{};  // a ring
  size_t earlyNext_ = 0;
  uint64_t earlyUntil_ = 0;          // when the last one is too old to be told of
  uint64_t settleAt_ = UINT64_MAX;   // when the first one that was counted has waited long enough
  Counts counts_;
  uint64_t nextGiveUp_ = 0;
  bool keepRows_ = false;
  std::vector<IoRow> begun_;  // rows of requests that are partly done
  std::vector<uint32_t> begunFree_;
  std::vector<IoRow> rows_;
};

// What nearly every event comes to is inline; the rest is in matcher.cc.

[[gnu::always_inline]] inline Matcher::Slot Matcher::add(const Event& event) {
  if (event.time >= nextGiveUp_ || bios_.full()) [[unlikely]] makeRoom(event.time);
  Slot slot = bios_.insert(event.device, event.direction, keySector(event));
  OpenBio& bio = bios_[slot];
  bio.bytes = event.bytes;
  bio.pid = event.pid;
  return slot;
}

/// What a request starts with: no bio that joined another at its end, and one of the same length, if there is a choice.
/// `ended`: of those that wait for their issue alone.
inline Matcher::Slot Matcher::findHead(const Event& event, Ended ended) const {
  return bios_.findBest(event.device, event.direction, keySector(event), 3, [&](const OpenBio& bio) {
    if (!waiting(bio) || (ended != Ended::either && bio.ended != (ended == Ended::yes))) return 0;
    return bio.stage == BioStage::backMerged ? 1 : bio.bytes != event.bytes ? 2 : 3;
  });
}

/// A request that this ends, or a part of it.
inline Matcher::Slot Matcher::findIssued(const Event& event) const {
  return bios_.findBest(event.device, event.direction, keySector(event), 2, [&](const OpenBio& bio) {
    if (!bio.issued() || (bio.requestBytes == 0 && bio.bytes != 0)) return 0;
    return bio.requestBytes == event.bytes ? 2 : bio.requestBytes > event.bytes ? 1 : 0;
  });
}

[[gnu::always_inline]] inline void Matcher::allocate(const Event& event) {
  Slot slot = bios_.findBest(event.device, event.direction, keySector(event), 2, [&](const OpenBio& bio) {
    if (bio.stage != BioStage::queued || bio.getrq != kNotSeen) return 0;
    return bio.bytes == event.bytes ? 2 : 1;
  });
  if (slot == OpenBios::kNone) [[unlikely]] slot = add(event);
  bios_[slot].getrq = event.time;
}

[[gnu::always_inline]] inline void Matcher::insert(const Event& event) {
  Slot slot = bios_.findBest(event.device, event.direction, keySector(event), 2, [&](const OpenBio& bio) {
    if (!waiting(bio) || bio.stage == BioStage::backMerged || bio.insert != kNotSeen) return 0;
    return bio.bytes == event.bytes ? 2 : 1;
  });
  if (slot == OpenBios::kNone) slot = findHead(event);
  if (slot == OpenBios::kNone) [[unlikely]] slot = add(event);
  bios_[slot].insert = event.time;
}

[[gnu::always_inline]] inline Matcher::Issued Matcher::issue(const Event& event, const DeviceTraits& traits) {
  if (empty(event)) return {event.pid};
  if (event.time >= settleAt_) [[unlikely]] settle(event.time);
  traits_ = &traits;
  if (!traits.layered) depth_.issued(event.time);
  Slot head = findHead(event);
  if (head == OpenBios::kNone) head = add(event);
  OpenBio& bio = bios_[head];
  bool again = bio.stage == BioStage::requeued;
  counts_.requeues += again;
  uint32_t pid = bio.pid;
  if (bio.bytes != event.bytes) {
    issueSeveral(head, event);
  } else {
    bio.stage = BioStage::issued;
    bio.uncounted = traits.layered;
    bio.issue = event.time;
    bio.requestBytes = event.bytes;
    bio.merges = 0;
  }
  return {pid, again, event.time < earlyUntil_ && completedBefore(event, head)};
}

inline Latency* Matcher::latencyOf(Direction direction) {
  DeviceLatency* latency = traits_->latency;
  if (!latency) return nullptr;
  if (direction == Direction::read) return &latency->reads;
  return direction == Direction::write ? &latency->writes : nullptr;
}

inline void Matcher::finishBio(const OpenBio& bio, const Event& event, Latency* latency) {
  uint64_t queue = bio.queue;
  uint64_t issue = bio.issue;
  uint64_t getrq = bio.getrq;
  if (!latency || queue == kNotSeen) return;
  latency->add(Stage::q2c, queue, event.time);
  latency->add(Stage::q2d, queue, issue);
  latency->add(Stage::q2g, queue, getrq);
}

/// Both of the above for a request of one bio that was seen at every point.
inline void Matcher::finishSeen(const OpenBio& bio, const Event& event, Latency& latency) {
  latency.addSeen(Stage::q2c, bio.queue, event.time);
  latency.addSeen(Stage::q2d, bio.queue, bio.issue);
  latency.addSeen(Stage::d2c, bio.issue, event.time);
  latency.addSeen(Stage::q2g, bio.queue, bio.getrq);
  latency.addSeen(Stage::g2i, bio.getrq, bio.insert);
  latency.addSeen(Stage::i2d, bio.insert, bio.issue);
}

inline void Matcher::finishRequest(const Begin& begin, uint64_t issue, uint64_t complete, Latency* latency) {
  ++counts_.requests;
  if (!latency) return;
  latency->add(Stage::d2c, issue, complete);
  latency->add(Stage::g2i, begin.getrq, begin.insert);
  latency->add(Stage::i2d, begin.insert, issue);
}

inline void Matcher::takeOut(Slot slot, const Event& event) {
  if (bios_.older(slot) != OpenBios::kNone) giveUpOlder(slot, event.time);
  bios_.erase(slot);
}

/// Most are of one bio, and were seen at every point: those are ended here, the others elsewhere.
[[gnu::always_inline]] inline uint32_t Matcher::completeWhole(Slot slot, const Event& event) {
  Latency* latency = latencyOf(event);
  const OpenBio& head = bios_[slot];
  if (!latency || head.bytes != event.bytes || !head.allSeen()) return completeAny(slot, event, latency);
  finishSeen(head, event, *latency);
  ++counts_.requests;
  uint32_t pid = head.pid;
  if (keepRows_) rows_.push_back(rowOf(event, requestOf(head), beginOf(head)));
  takeOut(slot, event);
  return pid;
}

/// Records of version 1 have no mark for zone appends: such a write is issued at its zone's start.
inline Matcher::Slot Matcher::findAppend(const Event& event) const {
  Event issued = event;
  issued.sector = event.sector / traits_->zoneSectors * traits_->zoneSectors;
  return event.direction == Direction::write ? findIssued(issued) : OpenBios::kNone;
}

[[gnu::always_inline]] inline Matcher::Completed Matcher::complete(const Event& event, const DeviceTraits& traits) {
  if (empty(event)) return {0, true};  // or the tail of a partial completion
  if (event.time >= settleAt_) [[unlikely]] settle(event.time);
  traits_ = &traits;
  Slot slot = findIssued(event);
  if (slot == OpenBios::kNone && traits.zoneSectors) slot = findAppend(event);
  if (slot == OpenBios::kNone) return completeUnissued(event);
  const OpenBio& head = bios_[slot];
  if (head.begun || event.bytes < head.requestBytes) return {completePart(slot, event), true};
  if (!head.uncounted) depth_.left(event.time);
  return {completeWhole(slot, event), true};
}

[[gnu::always_inline]] inline bool Matcher::other(const Event& event, const DeviceTraits& traits) {
  if (empty(event)) return false;
  if (event.time >= settleAt_) [[unlikely]] settle(event.time);
  traits_ = &traits;
  if (event.action == Action::queue) {
    Slot slot = add(event);
    bios_[slot].queue = event.time;
    if (event.time < earlyUntil_ && !traits.issues) [[unlikely]] return completedBefore(event, slot);
  } else if (event.action == Action::getrq) {
    allocate(event);
  } else if (event.action == Action::insert) {
    insert(event);
  } else {
    rare(event);
  }
  return false;
}

}  // namespace blkscope

#include "analyse/matcher.h"

#include <utility>

namespace blkscope {

void Matcher::makeRoom(uint64_t now) {
  if (now >= nextGiveUp_) {
    if (now > kMostAgeNs) leaveStuck(now - kMostAgeNs, now);
    nextGiveUp_ = now + kMostAgeNs / 8;
  }
  for (uint64_t age = kMostAgeNs; bios_.size() >= kMostOpen; age /= 4) {
    bios_.forEach([&](Slot slot) {
      if (bios_[slot].lastSeen() + age <= now) giveUp(slot, now);
    });
  }
}

/// What has not moved since a time counts in the queue's depth no more.
void Matcher::leaveStuck(uint64_t olderThan, uint64_t now) {
  bios_.forEach([&](Slot slot) {
    OpenBio& bio = bios_[slot];
    if (!bio.inQueue() || bio.lastSeen() > olderThan) return;
    depth_.left(now);
    bio.uncounted = true;
  });
}

void Matcher::giveUp(Slot slot, uint64_t now) {
  const OpenBio& bio = bios_[slot];
  if (bio.inQueue()) depth_.left(now);
  if (bio.begun) begunFree_.push_back(bio.begun - 1);
  bios_.erase(slot);
  ++counts_.givenUp;
}

/// One that is a minute older, at the place of one that completes, has lost its completion.
void Matcher::giveUpOlder(Slot slot, uint64_t now) {
  uint32_t bytes = bios_[slot].bytes;
  Slot older = bios_.older(slot);
  for (int tried = 0; older != OpenBios::kNone && tried < OpenBios::kMostTried; ++tried) {
    Slot next = bios_.older(older);
    if (bios_[older].bytes == bytes && bios_[older].lastSeen() + kMostAgeNs <= now) giveUp(older, now);
    older = next;
  }
}

/// Leaves the bio with what comes before `atSector` and makes the rest a bio of its own, which is told.
Matcher::Slot Matcher::cut(Slot slot, uint64_t atSector) {
  OpenBio rest = bios_[slot];
  uint32_t first = static_cast<uint32_t>((atSector - rest.sector) << 9);
  bios_[slot].bytes = first;
  rest.sector = atSector;
  rest.bytes -= first;
  rest.requestBytes = 0;
  rest.begun = 0;
  return bios_.insert(rest);
}

/// Actions that few I/Os come to.
void Matcher::rare(const Event& event) {
  switch (event.action) {
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

void Matcher::merge(const Event& event) {
  // A bio that has no request yet; two requests that become one are told in the same way.
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.stage == BioStage::queued && bio.getrq == kNotSeen;
  });
  if (slot == OpenBios::kNone) slot = findHead(event);
  if (slot == OpenBios::kNone) return;
  OpenBio& bio = bios_[slot];
  bio.stage = event.action == Action::backMerge ? BioStage::backMerged : BioStage::frontMerged;
  if (Latency* latency = latencyOf(event.direction)) latency->add(Stage::q2m, bio.queue, event.time);
}

void Matcher::split(const Event& event) {
  if (trims(event)) {
    Slot whole = bios_.findAround(event.device, event.direction, event.sector, event.endSector());
    if (whole != OpenBios::kNone) bios_[whole].trimmed = true;
    return;
  }
  Slot slot = bios_.find(event.device, event.direction, event.sector, [&](const OpenBio& bio) {
    return waiting(bio) && event.payload > bio.sector && event.payload < bio.endSector();
  });
  if (slot != OpenBios::kNone) cut(slot, event.payload);
}

void Matcher::widen(Event& completion) {
  bool nothingLeft = completion.bytes == 0;
  if (nothingLeft && (completion.sector == 0 || completion.direction == Direction::flush)) return;
  Slot own = nothingLeft ? OpenBios::kNone : findHead(completion);
  if (own != OpenBios::kNone && bios_[own].bytes == completion.bytes) return;
  uint64_t end = completion.endSector();
  Slot whole = bios_.findAround(completion.device, completion.direction, nothingLeft ? end - 1 : completion.sector, end);
  if (whole == OpenBios::kNone || bios_[whole].endSector() != end || !(nothingLeft || bios_[whole].trimmed)) return;
  completion.sector = bios_[whole].sector;
  completion.bytes = bios_[whole].bytes;
}

/// A request of more bios than its head, or of a part of it.
void Matcher::issueSeveral(Slot head, const Event& event) {
  uint64_t end = bios_[head].sector + event.sectors();
  uint32_t bios = 0;
  for (Slot slot = head; slot != OpenBios::kNone;) {
    if (bios_[slot].endSector() > end) cut(slot, end);
    OpenBio& bio = bios_[slot];
    bio.stage = BioStage::issued;
    bio.uncounted = traits_->layered;
    bio.issue = event.time;
    ++bios;
    uint64_t next = bio.endSector();
    if (next >= end) break;
    slot = bios_.find(event.device, event.direction, next, waiting);
  }
  bios_[head].requestBytes = event.bytes;
  bios_[head].merges = std::min(bios - 1, OpenBio::kMostMerges) & OpenBio::kMostMerges;
}

/// The driver gives a request back: its bios wait again. What was issued before the trace began is known from here on.
void Matcher::requeue(const Event& event) {
  Slot head = findIssued(event);
  if (head == OpenBios::kNone) {
    // The kernel tells of each try for which a driver had no room, also of those that never became an issue: what waits for
    // its issue goes on to wait.
    auto waits = [](const OpenBio& bio) { return !bio.issued(); };
    if (bios_.find(event.device, event.direction, event.sector, waits) != OpenBios::kNone) return;
    OpenBio& bio = bios_[add(event)];
    bio.stage = BioStage::requeued;
    bio.issue = event.time;  // so long it is known
    return;
  }
  if (bios_[head].inQueue()) depth_.left(event.time);
  uint64_t issued = bios_[head].issue;
  uint64_t end = bios_[head].sector + (bios_[head].requestBytes >> 9);
  bios_[head].requestBytes = 0;
  BioStage stage = BioStage::requeued;
  for (Slot slot = head; slot != OpenBios::kNone;) {
    OpenBio& bio = bios_[slot];
    bio.stage = stage;
    bio.issue = kNotSeen;
    stage = BioStage::backMerged;
    if (bio.endSector() >= end) return;
    slot = bios_.find(bio.device, bio.direction, bio.endSector(), [&](const OpenBio& other) {
      return other.issued() && other.requestBytes == 0 && other.issue == issued;
    });
  }
}

/// A request of several bios, or one that was not seen at every point.
uint32_t Matcher::completeAny(Slot slot, const Event& event, Latency* latency) {
  const OpenBio& head = bios_[slot];
  Request request = requestOf(head);
  Begin begin = beginOf(head);
  if (head.bytes == event.bytes) {
    finishBio(head, event, latency);
    takeOut(slot, event);
  } else {
    begin = finishBios(slot, event, latency);
  }
  finishRequest(begin, request.issue, event.time, latency);
  if (keepRows_) rows_.push_back(rowOf(event, request, begin));
  return request.pid;
}

/// Takes the bios of a request that this ends, or of the part of it, out of the table.
Matcher::Begin Matcher::finishBios(Slot head, const Event& event, Latency* latency) {
  Begin begin;
  uint64_t end = bios_[head].sector + event.sectors();
  uint64_t issued = bios_[head].issue;
  for (Slot slot = head; slot != OpenBios::kNone;) {
    if (bios_[slot].endSector() > end) cut(slot, end);
    const OpenBio& bio = bios_[slot];
    begin.queue = std::min(begin.queue, bio.queue);
    begin.getrq = std::min(begin.getrq, bio.getrq);
    begin.insert = std::min(begin.insert, bio.insert);
    finishBio(bio, event, latency);
    uint64_t next = bio.endSector();
    takeOut(slot, event);
    if (next >= end) break;
    slot = bios_.find(event.device, event.direction, next, [&](const OpenBio& other) {
      return other.issue == issued && other.requestBytes == 0;
    });
  }
  return begin;
}

/// What began before the trace, whose issue was lost or bears a later time, or of a device that does not tell of it.
Matcher::Completed Matcher::completeUnissued(const Event& event) {
  bool flush = event.direction == Direction::flush;
  Slot slot = findHead(event, Ended::no);
  if (!traits_->issues && !flush) slot = findPiece(slot, event);
  if (slot != OpenBios::kNone) {
    OpenBio& bio = bios_[slot];
    // One that was given back half done has its beginning aside.
    if (bio.begun || flush || !(traits_->issues || traits_->fresh)) return {endOf(slot, event), true};
    uint32_t pid = bio.pid;
    markEnded(slot, event);
    keepAside(event, true, true);
    return {pid, true};
  }
  // A flush completes twice: as the device's and as the bio's.
  if (flush) return {0, true};
  ++counts_.unmatched;
  bool ends = endsAlone(event);
  if (ends || !event.error) keepAside(event, false, ends);  // what it begins with may come yet
  return {0, ends};
}

/// Whether a completion of which nothing was seen before is the end of an I/O.
bool Matcher::endsAlone(const Event& event) const {
  if (traits_->issues) return false;
  if (!traits_->queues) return true;
  if (event.error || (event.direction != Direction::read && event.direction != Direction::write)) return false;
  const SectorSet* before = event.direction == Direction::read ? traits_->read : traits_->written;
  return !before || before->intersect(event.sector, event.sectors()) < event.sectors();
}

/// The bios that this completes without an issue; what of the last one lies beyond goes on to wait.
void Matcher::markEnded(Slot head, const Event& event) {
  uint64_t end = bios_[head].sector + event.sectors();
  for (Slot slot = head; slot != OpenBios::kNone;) {
    if (bios_[slot].endSector() > end) cut(slot, end);
    OpenBio& bio = bios_[slot];
    bio.ended = true;
    if (bio.endSector() >= end) return;
    slot = bios_.find(event.device, event.direction, bio.endSector(),
                      [](const OpenBio& next) { return waiting(next) && !next.ended; });
  }
}

/// Ends the request that waits there, or the part of it.
uint32_t Matcher::endOf(Slot slot, const Event& event) {
  if (bios_[slot].stage == BioStage::requeued) bios_[slot].issue = kNotSeen;
  return bios_[slot].begun ? completePart(slot, event) : completeWhole(slot, event);
}

void Matcher::keepAside(const Event& event, bool known, bool counted) {
  Early& early = early_[earlyNext_++ % kEarly];
  if (early.counted) endUnissued(std::exchange(early, {}));
  early = {event, *traits_, known, counted};
  earlyUntil_ = event.time + kToldSkewNs;
  if (counted) settleAt_ = std::min(settleAt_, event.time + kSkewNs);
}

/// Those that were counted and whose issue has not come are ended without one.
void Matcher::settle(uint64_t now) {
  settleAt_ = UINT64_MAX;
  for (size_t i = 0; i < kEarly; ++i) {
    Early& early = early_[(earlyNext_ + i) % kEarly];  // the oldest first
    if (!early.counted) continue;
    if (early.end.time + kSkewNs <= now) {
      early.counted = false;  // it stays, since an issue may come that tells how far the clocks are apart
      endUnissued(early);
    } else {
      settleAt_ = std::min(settleAt_, early.end.time + kSkewNs);
    }
  }
}

void Matcher::endUnissued(const Early& early) {
  const DeviceTraits* traits = std::exchange(traits_, &early.traits);
  Slot slot = early.known ? findHead(early.end, Ended::yes) : OpenBios::kNone;
  if (slot != OpenBios::kNone) {
    endOf(slot, early.end);
  } else if (keepRows_) {
    rows_.push_back(rowOf(early.end, {}, {}));
  }
  traits_ = traits;
}

/// Whether a completion that came just before this issue or Q, and without one, is its and was taken for a surplus one. It
/// is made good, whatever it was taken for.
bool Matcher::completedBefore(const Event& begin, Slot slot) {
  for (Early& early : early_) {
    const Event& end = early.end;
    bool alike = end.sector == begin.sector && end.bytes == begin.bytes && end.bytes != 0 && end.device == begin.device &&
                 end.direction == begin.direction;
    if (!alike || (early.known && begin.action == Action::queue)) continue;  // what is known has its Q
    if (end.time + kSkewNs <= begin.time) {
      bios_[slot].clocksApart |= end.time + kToldSkewNs > begin.time;
      continue;
    }
    Early its = std::exchange(early, {});
    counts_.unmatched -= !its.known;
    its.end.time = begin.time;
    complete(its.end, *traits_);
    return !its.counted;
  }
  return false;
}

uint64_t Matcher::clocksApart() const {
  uint64_t count = 0;
  bios_.forEach([&](Slot slot) { count += bios_[slot].clocksApart; });
  return count;
}

/// Of a device that tells of no issue: the bio that this completes a piece of, cut so that it begins there. One that is
/// just this piece is it, unless a newer one holds it and this one is old: its completion was lost.
Matcher::Slot Matcher::findPiece(Slot head, const Event& event) {
  constexpr uint64_t kOldNs = 1'000'000'000;
  bool exact = head != OpenBios::kNone && bios_[head].bytes == event.bytes;
  if (exact && (bios_[head].queue == kNotSeen || bios_[head].queue + kOldNs > event.time)) return head;
  Slot around = bios_.findAround(event.device, event.direction, event.sector, event.endSector());
  if (around == OpenBios::kNone || around == head) return head;
  if (exact && bios_[around].lastSeen() <= bios_[head].lastSeen()) return head;
  return bios_[around].sector == event.sector ? around : cut(around, event.sector);
}

/// A completion of a request that completes in parts.
uint32_t Matcher::completePart(Slot slot, const Event& event) {
  OpenBio head = bios_[slot];
  Begin begin = finishBios(slot, event, latencyOf(event));
  IoRow row = rowOf(event, {head.issue, head.pid, head.merges}, begin);
  if (head.begun) {
    const IoRow& before = begun_[head.begun - 1];
    row.sector = before.sector;
    row.queue = std::min(before.queue, row.queue);
    row.getrq = std::min(before.getrq, row.getrq);
    row.insert = std::min(before.insert, row.insert);
    row.sectors += before.sectors;
    row.pid = before.pid;
    row.merges = before.merges;
    row.error = before.error ? before.error : row.error;
  }
  if (event.bytes < head.requestBytes) {
    putOff(head, event, row);
    return row.pid;
  }
  begunFree_.push_back(head.begun - 1);
  if (head.issued() && !head.uncounted) depth_.left(event.time);
  finishRequest({row.queue, row.getrq, row.insert}, row.issue, row.complete, row.error ? nullptr : latencyOf(event.direction));
  if (keepRows_) rows_.push_back(row);
  return row.pid;
}

/// The rest of a request becomes one that starts where the completed part ends.
void Matcher::putOff(const OpenBio& head, const Event& event, const IoRow& row) {
  uint64_t next = head.sector + event.sectors();
  Slot rest = bios_.find(event.device, event.direction, next,
                         [&](const OpenBio& bio) { return bio.issue == head.issue && bio.requestBytes == 0; });
  if (rest == OpenBios::kNone) {
    OpenBio lost = head;
    lost.sector = next;
    lost.bytes = head.requestBytes - event.bytes;
    lost.queue = kNotSeen;  // its own bios were not seen
    rest = bios_.insert(lost);
  }
  bios_[rest].requestBytes = head.requestBytes - event.bytes;
  bios_[rest].uncounted = head.uncounted;
  uint32_t index;
  if (head.begun) {
    index = head.begun - 1;
  } else if (!begunFree_.empty()) {
    index = begunFree_.back();
    begunFree_.pop_back();
  } else {
    index = static_cast<uint32_t>(begun_.size());
    begun_.emplace_back();
  }
  begun_[index] = row;
  bios_[rest].begun = index + 1;
}

IoRow Matcher::rowOf(const Event& event, const Request& request, const Begin& begin) {
  IoRow row;
  row.sector = event.sector;
  row.queue = begin.queue;
  row.getrq = begin.getrq;
  row.insert = begin.insert;
  row.issue = request.issue;
  row.complete = event.time;
  row.sectors = static_cast<uint32_t>(event.sectors());
  row.device = event.device;
  row.pid = request.pid;
  row.merges = request.merges;
  row.error = event.error;
  row.direction = event.direction;
  return row;
}

void Matcher::tell(FigureWriter& out) const {
  out.number("matched", counts_.requests);
  out.number("unmatched", counts_.unmatched);
  out.number("givenUp", counts_.givenUp);
  out.number("open", open());
  out.number("requeues", counts_.requeues);
}

}  // namespace blkscope

#include "analyse/matcher.h"

#include <algorithm>

namespace blkscope {
namespace {

// Flushes carry no sector, or any.
uint64_t keySector(const Event& event) { return event.direction == Direction::flush ? 0 : event.sector; }

uint64_t earlier(uint64_t a, uint64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

bool waiting(const OpenBio& bio) { return !bio.issued(); }

}  // namespace

Matcher::Slot Matcher::add(const Event& event) {
  if (event.time >= nextGiveUp_) {
    giveUp(event.time > kMostAgeNs ? event.time - kMostAgeNs : 0, event.time);
    nextGiveUp_ = event.time + kMostAgeNs / 8;
  }
  for (uint64_t age = kMostAgeNs; bios_.size() >= kMostOpen; age /= 4) {
    giveUp(event.time > age ? event.time - age : 0, event.time);
  }
  OpenBio bio;
  bio.sector = keySector(event);
  bio.bytes = event.bytes;
  bio.device = event.device;
  bio.pid = event.pid;
  bio.direction = event.direction;
  return bios_.insert(bio);
}

/// Gives up what has not moved since a time; one of the same time goes too.
void Matcher::giveUp(uint64_t olderThan, uint64_t now) {
  bios_.forEach([&](Slot slot) {
    const OpenBio& bio = bios_[slot];
    if (bio.lastSeen() > olderThan) return;
    if (bio.requestBytes || (bio.issued() && bio.bytes == 0)) depth_.left(now, timeline_);
    if (bio.begun) begunFree_.push_back(bio.begun - 1);
    bios_.erase(slot);
    ++counts_.givenUp;
  });
}

/// What a request starts with: no bio that joined another at its end, if there is a choice.
Matcher::Slot Matcher::findWaiting(const Event& event, uint64_t sector) const {
  Slot found = bios_.find(event.device, event.direction, sector, [](const OpenBio& bio) {
    return bio.stage == BioStage::queued || bio.stage == BioStage::frontMerged;
  });
  return found != OpenBios::kNone ? found : bios_.find(event.device, event.direction, sector, waiting);
}

Matcher::Slot Matcher::findIssued(const Event& event) const {
  return bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.issued() && (bio.requestBytes != 0 || bio.bytes == 0);
  });
}

/// Leaves the bio with what comes before `atSector` and makes the rest a bio of its own.
void Matcher::cut(Slot slot, uint64_t atSector) {
  OpenBio rest = bios_[slot];
  uint32_t first = static_cast<uint32_t>((atSector - rest.sector) << 9);
  bios_[slot].bytes = first;
  rest.sector = atSector;
  rest.bytes -= first;
  rest.requestBytes = 0;
  rest.begun = 0;
  bios_.insert(rest);
}

void Matcher::other(const Event& event) {
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

void Matcher::allocate(const Event& event) {
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.stage == BioStage::queued && bio.getrq == 0;
  });
  if (slot == OpenBios::kNone) slot = add(event);
  bios_[slot].getrq = event.time;
}

void Matcher::insert(const Event& event) {
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return waiting(bio) && bio.stage != BioStage::backMerged && bio.insert == 0;
  });
  if (slot == OpenBios::kNone) slot = findWaiting(event, keySector(event));
  if (slot == OpenBios::kNone) slot = add(event);
  bios_[slot].insert = event.time;
}

void Matcher::merge(const Event& event) {
  // A bio that has no request yet; two requests that become one are told in the same way.
  Slot slot = bios_.find(event.device, event.direction, keySector(event), [](const OpenBio& bio) {
    return bio.stage == BioStage::queued && bio.getrq == 0;
  });
  if (slot == OpenBios::kNone) slot = findWaiting(event, keySector(event));
  if (slot == OpenBios::kNone) return;
  OpenBio& bio = bios_[slot];
  bio.stage = event.action == Action::backMerge ? BioStage::backMerged : BioStage::frontMerged;
  if (Latency* latency = latencyOf(event.direction)) latency->add(Stage::q2m, bio.queue, event.time);
}

void Matcher::split(const Event& event) {
  Slot slot = bios_.find(event.device, event.direction, event.sector, [&](const OpenBio& bio) {
    return waiting(bio) && event.payload > bio.sector && event.payload < bio.endSector();
  });
  if (slot != OpenBios::kNone) cut(slot, event.payload);
}

uint32_t Matcher::issue(const Event& event) {
  if (event.direction == Direction::none) return event.pid;
  depth_.issued(event.time, timeline_);
  Slot head = findWaiting(event, keySector(event));
  if (head == OpenBios::kNone) head = add(event);
  uint64_t end = event.endSector();
  uint32_t pid = bios_[head].pid;
  uint16_t bios = 0;
  for (Slot slot = head; slot != OpenBios::kNone;) {
    if (bios_[slot].endSector() > end) cut(slot, end);
    OpenBio& bio = bios_[slot];
    bio.stage = BioStage::issued;
    bio.issue = event.time;
    bios += bios < UINT16_MAX;
    uint64_t next = bio.endSector();
    if (next >= end) break;
    slot = bios_.find(event.device, event.direction, next, waiting);
  }
  bios_[head].requestBytes = event.bytes;
  bios_[head].merges = static_cast<uint16_t>(bios - 1);
  return pid;
}

/// The driver gives a request back: its bios wait again.
void Matcher::requeue(const Event& event) {
  Slot head = findIssued(event);
  if (head == OpenBios::kNone) return;
  depth_.left(event.time, timeline_);
  uint64_t issued = bios_[head].issue;
  uint64_t end = bios_[head].sector + (bios_[head].requestBytes >> 9);
  bios_[head].requestBytes = 0;
  BioStage stage = BioStage::queued;
  for (Slot slot = head; slot != OpenBios::kNone;) {
    OpenBio& bio = bios_[slot];
    bio.stage = stage;
    bio.issue = 0;
    stage = BioStage::backMerged;
    if (bio.endSector() >= end) return;
    slot = bios_.find(bio.device, bio.direction, bio.endSector(), [&](const OpenBio& other) {
      return other.issued() && other.requestBytes == 0 && other.issue == issued;
    });
  }
}

Latency* Matcher::latencyOf(Direction direction) {
  if (direction == Direction::read) return &latency_[0];
  return direction == Direction::write ? &latency_[1] : nullptr;
}

void Matcher::finishBio(const OpenBio& bio, const Event& event, IoRow& row) {
  row.queue = earlier(row.queue, bio.queue);
  row.getrq = earlier(row.getrq, bio.getrq);
  row.insert = earlier(row.insert, bio.insert);
  Latency* latency = event.error ? nullptr : latencyOf(event.direction);
  if (!latency) return;
  latency->add(Stage::q2c, bio.queue, event.time);
  latency->add(Stage::q2d, bio.queue, bio.issue);
  latency->add(Stage::q2g, bio.queue, bio.getrq);
}

/// Takes the bios of the first `bytes` of a request out of the table.
void Matcher::finishBios(Slot head, const Event& event, uint64_t bytes, IoRow& row) {
  uint64_t end = bios_[head].sector + (bytes >> 9);
  uint64_t issued = bios_[head].issue;
  for (Slot slot = head;;) {
    if (bios_[slot].endSector() > end) cut(slot, end);
    const OpenBio& bio = bios_[slot];
    uint64_t next = bio.endSector();
    finishBio(bio, event, row);
    bios_.erase(slot);
    if (next >= end) return;
    slot = bios_.find(event.device, event.direction, next, [&](const OpenBio& other) {
      return other.issue == issued && other.requestBytes == 0;
    });
    if (slot == OpenBios::kNone) return;
  }
}

/// The rest of a request becomes one that starts where the completed part ends.
void Matcher::finishPart(const OpenBio& head, const Event& event, const IoRow& row) {
  uint64_t next = head.sector + event.sectors();
  Slot rest = bios_.find(event.device, event.direction, next,
                         [&](const OpenBio& bio) { return bio.issue == head.issue && bio.requestBytes == 0; });
  if (rest == OpenBios::kNone) {
    OpenBio lost = head;
    lost.sector = next;
    lost.bytes = head.requestBytes - event.bytes;
    lost.queue = 0;  // its own bios were not seen
    rest = bios_.insert(lost);
  }
  bios_[rest].requestBytes = head.requestBytes - event.bytes;
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

const IoRow& Matcher::complete(const Event& event) {
  row_ = {};
  row_.sector = event.sector;
  row_.sectors = static_cast<uint32_t>(event.sectors());
  row_.complete = event.time;
  row_.device = event.device;
  row_.direction = event.direction;
  row_.error = event.error;
  bool empty = event.bytes == 0 && event.direction != Direction::flush;
  if (event.direction == Direction::none || empty) return row_;
  Slot slot = findIssued(event);
  bool issued = slot != OpenBios::kNone;
  if (!issued) slot = findWaiting(event, keySector(event));
  if (slot == OpenBios::kNone) {
    // A flush completes twice: as the device's and as the bio's.
    if (event.direction == Direction::flush) return row_;
    ++counts_.unmatched;
    finishRow(row_, 0);
    return row_;
  }
  OpenBio head = bios_[slot];
  if (head.begun) {
    IoRow begun = begun_[head.begun - 1];
    begun.complete = event.time;
    begun.sectors += row_.sectors;
    begun.error = begun.error ? begun.error : event.error;
    row_ = begun;
  }
  row_.issue = head.issue;
  if (!head.begun) {
    row_.pid = head.pid;
    row_.merges = head.merges;
  }
  finishBios(slot, event, event.bytes, row_);
  if (issued && event.bytes < head.requestBytes) {
    finishPart(head, event, row_);
    return row_;
  }
  if (issued) depth_.left(event.time, timeline_);
  ++counts_.requests;
  finishRow(row_, head.begun);
  return row_;
}

void Matcher::finishRow(IoRow& row, uint32_t begun) {
  if (begun) begunFree_.push_back(begun - 1);
  Latency* latency = row.error ? nullptr : latencyOf(row.direction);
  if (latency) {
    latency->add(Stage::d2c, row.issue, row.complete);
    latency->add(Stage::g2i, row.getrq, row.insert);
    latency->add(Stage::i2d, row.insert, row.issue);
  }
  if (keepRows_) rows_.push_back(row);
}

}  // namespace blkscope

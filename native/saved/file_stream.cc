#include "saved/file_stream.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace blkscope {

ByteWindow::ByteWindow(Fd fd, const Cancel* cancel) : fd_(std::move(fd)), cancel_(cancel) {
  struct stat status;
  waits_ = ::fstat(fd_.get(), &status) == 0 && !S_ISREG(status.st_mode);
}

// False: cancelled.
bool ByteWindow::awaitBytes() const {
  pollfd ready[2] = {{fd_.get(), POLLIN, 0}, {cancel_ ? cancel_->fd() : -1, POLLIN, 0}};
  while (::poll(ready, 2, -1) < 0 && errno == EINTR) {
  }
  return !cancelled();
}

bool ByteWindow::refill() {
  std::memmove(buffer_.get(), buffer_.get() + at_, end_ - at_);
  end_ -= at_;
  at_ = 0;
  ssize_t got;
  do {
    if (cancelled() || (waits_ && !awaitBytes())) return false;
    got = ::read(fd_.get(), buffer_.get() + end_, kBytes - end_);
  } while (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (got < 0) error_ = errno;
  if (got <= 0) return false;
  end_ += static_cast<size_t>(got);
  read_ += static_cast<uint64_t>(got);
  return true;
}

std::span<const std::byte> FileStream::start() {
  (void)window_.refill();
  return window_.bytes();
}

bool FileStream::mayGoOn() {
  return !garbage_.reached(decoder_.records(), decoder_.garbageBytes()) && window_.refill();
}

size_t FileStream::read(std::span<Event> out) {
  for (;;) {
    auto done = decoder_.decode(window_.bytes(), out.subspan(times_.held()), notes_);
    window_.use(done.used);
    if (times_.held() == 0 && goOn(out.first(done.events))) return done.events;
    size_t count = times_.check(out, done.events);
    if (done.events == 0 && !mayGoOn()) count = times_.finish(out);
    else if (count == 0) continue;
    note(out.first(count));
    return count;
  }
}

/// Whether events go on from those before, of their CPU and each a little later than the one before it, as nearly all do.
/// Then they are checked and noted.
bool FileStream::goOn(std::span<const Event> events) {
  if (events.empty() || cpus_.empty()) return false;
  CpuOfDevice cpu = cpus_.back();
  uint64_t last = events.front().time;
  for (const Event& event : events) {
    if (event.time < last || event.device != cpu.device || event.cpu != cpu.cpu) return false;
    last = event.time;
  }
  if (!times_.goOn(events.front().time, last)) return false;
  firstNs_ = std::min(firstNs_, events.front().time);
  lastNs_ = std::max(lastNs_, last);
  return true;
}

void FileStream::note(std::span<const Event> events) {
  CpuOfDevice last = cpus_.empty() ? CpuOfDevice{} : cpus_.back();
  for (const Event& event : events) {
    CpuOfDevice cpu{event.device, event.cpu};
    if (cpu == last && !cpus_.empty()) continue;
    last = cpu;
    // A damaged record may name any: more than a few are not worth keeping.
    if (cpus_.size() < 256 && std::find(cpus_.begin(), cpus_.end(), cpu) == cpus_.end()) cpus_.push_back(cpu);
  }
  if (events.empty()) return;
  firstNs_ = std::min(firstNs_, events.front().time);
  lastNs_ = std::max(lastNs_, events.back().time);
}

void noteEnd(const ByteWindow& window, const GarbageLimit& garbage, const std::string& name,
             std::vector<Defect>& defects) {
  if (window.cancelled()) return;
  if (garbage.reached()) {
    defects.push_back(
        {"ENDS_IN_GARBAGE", {{"file", name}, {"bytes", GarbageLimit::kBytes}, {"offset", window.offset()}}});
    return;
  }
  if (size_t rest = window.bytes().size()) {
    defects.push_back({"CUT_RECORD", {{"file", name}, {"bytes", rest}, {"offset", window.offset()}}});
  }
  if (window.error()) {
    std::string reason = std::strerror(window.error());
    defects.push_back({"READ_FAILED", {{"file", name}, {"offset", window.offset()}, {"reason", reason}}});
  }
}

std::vector<Defect> FileStream::defects() const {
  std::vector<Defect> found;
  if (uint64_t garbage = decoder_.garbageBytes()) {
    found.push_back(
        {"NOT_RECORDS", {{"file", name_}, {"bytes", garbage}, {"offset", decoder_.firstGarbageAt()}}});
  }
  noteEnd(window_, garbage_, name_, found);
  if (uint64_t impossible = decoder_.impossibleTimes() + times_.impossible()) {
    found.push_back({"IMPOSSIBLE_TIMES", {{"file", name_}, {"events", impossible}}});
  }
  if (uint64_t restarts = times_.restarts()) {
    found.push_back({"CLOCK_GOES_BACK", {{"file", name_}, {"times", restarts}}});
  }
  if (uint64_t leaps = times_.leaps()) {
    found.push_back({"CLOCK_LEAPS", {{"file", name_}, {"times", leaps}}});
  }
  return found;
}

}  // namespace blkscope

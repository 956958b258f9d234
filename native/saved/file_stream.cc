#include "saved/file_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace blkscope {

bool ByteWindow::refill() {
  std::memmove(buffer_.get(), buffer_.get() + at_, end_ - at_);
  end_ -= at_;
  at_ = 0;
  ssize_t got;
  do {
    got = ::read(fd_.get(), buffer_.get() + end_, kBytes - end_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) error_ = errno;
  if (got <= 0) return false;
  end_ += static_cast<size_t>(got);
  read_ += static_cast<uint64_t>(got);
  return true;
}

size_t FileStream::read(std::span<Event> out, Notes& notes) {
  do {
    auto done = decoder_.decode(window_.bytes(), out, notes);
    window_.use(done.used);
    if (done.events) {
      noteDevices(out.first(done.events));
      return done.events;
    }
  } while (window_.refill());
  return 0;
}

void FileStream::noteDevices(std::span<const Event> events) {
  for (const Event& event : events) {
    if (!devices_.empty() && devices_.back() == event.device) continue;
    // A damaged record may name any device: more than a few are not worth keeping.
    if (devices_.size() < 256 && std::find(devices_.begin(), devices_.end(), event.device) == devices_.end()) {
      devices_.push_back(event.device);
    }
  }
}

void noteEnd(const ByteWindow& window, const std::string& name, std::vector<Defect>& defects) {
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
  noteEnd(window_, name_, found);
  if (uint64_t gaps = decoder_.sequenceGaps()) {
    found.push_back({"FILE_SEQUENCE_GAPS", {{"file", name_}, {"events", gaps}}});
  }
  return found;
}

}  // namespace blkscope

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

std::vector<std::string> FileStream::defects() const {
  std::vector<std::string> lines;
  if (uint64_t garbage = decoder_.garbageBytes()) {
    lines.push_back(name_ + ": " + std::to_string(garbage) + " bytes are no trace records, the first at offset " +
                    std::to_string(decoder_.firstGarbageAt()));
  }
  if (size_t rest = window_.bytes().size()) {
    lines.push_back(name_ + ": it ends in the middle of a record, " + std::to_string(rest) + " bytes of it at offset " +
                    std::to_string(window_.offset()));
  }
  if (window_.error()) {
    lines.push_back(name_ + ": reading failed at offset " + std::to_string(window_.offset()) + ": " +
                    std::strerror(window_.error()));
  }
  if (uint64_t gaps = decoder_.sequenceGaps()) {
    lines.push_back(name_ + ": " + std::to_string(gaps) + " events are missing by their sequence numbers");
  }
  return lines;
}

}  // namespace blkscope

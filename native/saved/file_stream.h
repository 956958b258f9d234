// One saved stream of trace records, read through a buffer of fixed size.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "decode/defect.h"
#include "decode/record.h"
#include "saved/cancel.h"
#include "saved/garbage_limit.h"
#include "saved/time_check.h"
#include "system/fd.h"
#include "system/result.h"

namespace blkscope {

/// Bytes of a file behind a window that moves forward. read(2) into a buffer that stays in the cache is faster than
/// mapping, and its memory does not grow with the file.
class ByteWindow {
 public:
  /// `cancel` ends the reading, also where it waits for a pipe; null: nothing does.
  ByteWindow(Fd fd, const Cancel* cancel);

  std::span<const std::byte> bytes() const { return {buffer_.get() + at_, end_ - at_}; }
  void use(size_t count) { at_ += count; }
  /// Reads more behind what is left. False: the file has ended, or failed (see error), or was cancelled.
  bool refill();
  /// Offset in the file of the first byte of bytes().
  uint64_t offset() const { return read_ - (end_ - at_); }
  /// The errno of a failed read; 0: none.
  int error() const { return error_; }
  bool cancelled() const { return cancel_ && cancel_->requested(); }

 private:
  bool awaitBytes() const;

  static constexpr size_t kBytes = 128 << 10;  // more than the largest record, 64 KiB and its header
  Fd fd_;
  const Cancel* cancel_;
  bool waits_;  // a read may wait: a pipe's, a terminal's
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  size_t at_ = 0;
  size_t end_ = 0;
  uint64_t read_ = 0;
  int error_ = 0;
};

/// Notes where the reading of a file ended before its time: in half a record, by an error, in garbage.
void noteEnd(const ByteWindow& window, const GarbageLimit& garbage, const std::string& name,
             std::vector<Defect>& defects);

/// A device and CPU whose events a stream holds.
struct CpuOfDevice {
  uint32_t device;
  uint16_t cpu;
  auto operator<=>(const CpuOfDevice&) const = default;
};

/// A stream in time order: of one CPU of one device, or of several in the order of all.
class FileStream {
 public:
  /// `file`: which of the source's files it is, or is a part of.
  FileStream(std::string name, size_t file, Fd fd, const Cancel* cancel, StreamOf of = StreamOf::oneCpu)
      : name_(std::move(name)), file_(file), window_(std::move(fd), cancel), decoder_(of) {}

  /// Before the first read: waits for the first bytes and shows them, none of nothing.
  std::span<const std::byte> start();

  /// The next events; 0: there are no more. `out` has room for more than TimeCheck::kMostHeld.
  size_t read(std::span<Event> out);

  const std::string& name() const { return name_; }
  size_t file() const { return file_; }
  const RecordDecoder& decoder() const { return decoder_; }
  Notes& notes() { return notes_; }
  /// What the stream holds events of, in order of appearance.
  const std::vector<CpuOfDevice>& cpus() const { return cpus_; }
  /// Times of the first and of the last event that were given; first > last: none was.
  uint64_t firstNs() const { return firstNs_; }
  uint64_t lastNs() const { return lastNs_; }
  /// Nothing but garbage came any more, and what follows was not read.
  bool endsInGarbage() const { return garbage_.reached(); }
  /// What could not be read, with the file's name and offset. After the last read.
  std::vector<Defect> defects() const;

 private:
  bool mayGoOn();
  bool goOn(std::span<const Event> events);
  void note(std::span<const Event> events);

  std::string name_;
  size_t file_;
  ByteWindow window_;
  RecordDecoder decoder_;
  GarbageLimit garbage_;
  TimeCheck times_;
  Notes notes_;
  std::vector<CpuOfDevice> cpus_;
  uint64_t firstNs_ = UINT64_MAX;
  uint64_t lastNs_ = 0;
};

}  // namespace blkscope

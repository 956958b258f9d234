// One saved stream of trace records, read through a buffer of fixed size.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "decode/defect.h"
#include "decode/record.h"
#include "system/fd.h"
#include "system/result.h"

namespace blkscope {

/// Bytes of a file behind a window that moves forward. read(2) into a buffer that stays in the cache is faster than
/// mapping, and its memory does not grow with the file.
class ByteWindow {
 public:
  explicit ByteWindow(Fd fd) : fd_(std::move(fd)) {}

  std::span<const std::byte> bytes() const { return {buffer_.get() + at_, end_ - at_}; }
  void use(size_t count) { at_ += count; }
  /// Reads more behind what is left. False: the file has ended, or failed (see error).
  bool refill();
  /// Offset in the file of the first byte of bytes().
  uint64_t offset() const { return read_ - (end_ - at_); }
  /// The errno of a failed read; 0: none.
  int error() const { return error_; }

 private:
  static constexpr size_t kBytes = 128 << 10;  // more than the largest record, 64 KiB and its header
  Fd fd_;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  size_t at_ = 0;
  size_t end_ = 0;
  uint64_t read_ = 0;
  int error_ = 0;
};

/// Notes what a file that was read to its end leaves behind: half a record, an error.
void noteEnd(const ByteWindow& window, const std::string& name, std::vector<Defect>& defects);

/// A stream of one CPU of one device, in time order.
class FileStream {
 public:
  FileStream(std::string name, Fd fd) : name_(std::move(name)), window_(std::move(fd)) {}

  /// The next events; 0: there are no more.
  size_t read(std::span<Event> out, Notes& notes);

  const std::string& name() const { return name_; }
  const RecordDecoder& decoder() const { return decoder_; }
  /// Kernel's numbers of the devices seen, in order of appearance.
  const std::vector<uint32_t>& devices() const { return devices_; }
  /// What could not be read, with the file's name and offset. After the last read.
  std::vector<Defect> defects() const;

 private:
  void noteDevices(std::span<const Event> events);

  std::string name_;
  ByteWindow window_;
  RecordDecoder decoder_;
  std::vector<uint32_t> devices_;
};

}  // namespace blkscope

// Saved traces: blktrace's files, piped streams and blkparse's dumps, as streams for the merger.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "saved/file_stream.h"
#include "system/result.h"

namespace blkscope {

/// The files of a saved trace. Each path is one of: blktrace's base name (BASE for BASE.blktrace.0, .1, ...), one
/// BASE.blktrace.N, any other file of records (a piped stream, a dump; several CPUs in one), or "-", standard input.
class FileSource {
 public:
  /// Errors: no such file, a file that is no trace, nothing in it.
  static Result<FileSource> open(std::span<const std::string> paths);

  size_t streams() const { return streams_.size(); }
  /// For the merger: the next events of a stream; 0: it has ended.
  size_t read(size_t stream, std::span<Event> out) { return streams_[stream].read(out, notes_); }

  Notes& notes() { return notes_; }
  Protocol protocol() const;
  uint64_t records() const;
  uint64_t sequenceGaps() const;
  /// Kernel's numbers of the devices seen, ascending. After the last read.
  std::vector<uint32_t> devices() const;
  /// What is missing or could not be read. After the last read.
  std::vector<Defect> defects() const;

 private:
  Result<void> add(const std::string& path);
  Result<void> addBase(const std::string& base);
  Result<void> addFile(const std::string& path);

  std::vector<FileStream> streams_;
  std::vector<Defect> defects_;
  Notes notes_;
};

}  // namespace blkscope

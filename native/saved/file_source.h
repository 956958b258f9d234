// Saved traces: blktrace's files, piped streams and blkparse's dumps, as streams for the merger.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "saved/file_stream.h"
#include "system/result.h"

namespace blkscope {

/// What to read, by its path: blktrace's base name (BASE for BASE.blktrace.0, .1, ...), or one of its files, which stands
/// for all of them as with blkparse; any other file of records (a piped stream, a dump; several CPUs in one); or "-",
/// standard input. Or by an open descriptor, of what is unpacked meanwhile; the path is then its name alone, and a
/// BASE.blktrace.N is that CPU's file.
struct SavedTrace {
  std::string path;
  Fd descriptor = Fd();
};

/// How a file that holds several CPUs is read.
enum class MixedCpus : uint8_t {
  split,    // into a stream each, through copies on the disk
  inOrder,  // as it comes: it is said to be in order of time
};

/// The files of a saved trace. A file that is named twice is read once.
class FileSource {
 public:
  /// Errors: no such file, a file that is no trace, nothing in it. `cancel` ends all reading of files and pipes.
  static Result<FileSource> open(std::span<SavedTrace> traces, const Cancel& cancel, MixedCpus mixed = MixedCpus::split);

  size_t streams() const { return streams_.size(); }
  /// For the merger: the next events of a stream; 0: it has ended.
  size_t read(size_t stream, std::span<Event> out) { return streams_[stream].read(out); }

  // After the last read:
  Notes notes();
  Protocol protocol() const;
  uint64_t records() const;
  /// Whether what was read are a few records of chance in garbage.
  bool isGarbage() const;
  /// Missing by the sequence numbers; those that a filter of blkparse took out are not.
  uint64_t sequenceGaps() const;
  /// Kernel's numbers of the devices seen, ascending.
  std::vector<uint32_t> devices() const;
  /// What is missing or could not be read, and what is to be told besides.
  std::vector<Defect> defects();

 private:
  struct File {
    std::string name;
    std::string base;  // of blktrace's files: their base name
    long cpu = -1;     // ... and CPU
    uint64_t device = 0;
    uint64_t inode = 0;
    bool empty = false;
  };

  FileSource(const Cancel& cancel, MixedCpus mixed) : cancel_(&cancel), mixed_(mixed) {}
  Result<void> add(SavedTrace& trace);
  Result<void> addBase(const std::string& base);
  Result<void> addOpened(const std::string& name, Fd fd);
  Result<void> addPath(const std::string& path);
  Result<void> addInOrder(const std::string& name, Fd fd);
  Result<void> refuseEmpty() const;
  bool isDump(size_t file) const;
  void tellMissing(std::vector<Defect>& defects) const;
  void tellSequenceGaps(std::vector<Defect>& defects) const;
  void tellSessions(std::vector<Defect>& defects) const;
  void tellEnds(std::vector<Defect>& defects) const;

  const Cancel* cancel_;
  MixedCpus mixed_;
  std::vector<File> files_;
  std::vector<FileStream> streams_;
  std::vector<Defect> defects_;
  uint64_t clockMoved_ = 0;
};

}  // namespace blkscope

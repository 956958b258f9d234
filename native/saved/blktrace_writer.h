// Writes events as blktrace's own files, for blkparse, btt and other programs that read them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "decode/event.h"
#include "decode/record.h"
#include "system/fd.h"
#include "system/result.h"

namespace blkscope {

/// BASE.blktrace.0, .1, ... in records of version 1, the one that every blkparse reads; further devices of the trace
/// go to BASE-MAJOR-MINOR.blktrace.N. Events come in order of time. A file that is there already is not replaced.
///
/// For devices whose queue events were not traced they can be made, each at the time of the request's first issue:
/// btt and fio do nothing without them. A message at the start of the first file marks them (kMadeQueues).
class BlktraceWriter {
 public:
  /// `notes`: names of processes and the wall clock, which lead the first file.
  /// `makeQueues`: the devices for which queue events are to be made.
  BlktraceWriter(std::string base, Notes notes, std::set<uint32_t> makeQueues = {})
      : base_(std::move(base)), notes_(std::move(notes)), makeQueues_(std::move(makeQueues)) {}

  /// Events whose action has no code in version 1 are left out and counted. Errors: a file exists or cannot be written.
  Result<void> write(std::span<const Event> events);
  /// Writes out what is buffered, and the empty files of CPUs that saw nothing: blkparse stops at a missing one.
  Result<void> finish();
  uint64_t leftOut() const { return leftOut_; }

 private:
  struct CpuFile {
    Fd fd;
    std::vector<std::byte> unwritten;
    uint32_t sequence = 0;
  };
  struct Device {
    std::string base;
    std::map<uint16_t, CpuFile> cpus;
  };

  /// Where a request begins.
  struct Place {
    uint32_t device;
    Direction direction;
    uint64_t sector;
    auto operator<=>(const Place&) const = default;
  };

  Result<void> writeOne(const Event& event);
  bool wantsQueue(const Event& event);
  Result<CpuFile*> file(Device& device, uint16_t cpu);
  Result<Device*> device(const Event& first);
  void putNotes(const Event& first, CpuFile& file);
  static Result<void> flush(CpuFile& file);

  std::string base_;
  Notes notes_;
  std::set<uint32_t> makeQueues_;
  // Of devices whose Qs are made:
  std::set<Place> issued_;    // and not completed
  std::set<Place> requeued_;  // given back after an issue: issued again
  std::map<uint32_t, Device> devices_;
  uint64_t leftOut_ = 0;
};

}  // namespace blkscope

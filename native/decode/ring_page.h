// Pages of the ftrace ring buffer, with block trace entries in them, to Events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "decode/event.h"
#include "decode/record.h"

namespace blkscope {

/// Decodes one CPU's ring-buffer pages (what trace_pipe_raw gives, or a mapped sub-buffer).
///
/// A page is: u64 timestamp, u64 commit (length, and flags for lost events), then events with 27-bit time deltas.
/// Entries of type TRACE_BLK hold the relay record's struct, its first 8 bytes overwritten by the trace entry's
/// header; magic, sequence and time are not filled in.
/// Source: kernel/trace/ring_buffer.c, kernel/trace/blktrace.c; the page header's layout from events/header_page.
class RingPageDecoder {
 public:
  /// `blkType` is the number of TRACE_BLK on this kernel; `protocol` the record struct it uses.
  RingPageDecoder(unsigned cpu, uint16_t blkType, Protocol protocol)
      : cpu_(static_cast<uint16_t>(cpu)), blkType_(blkType), protocol_(protocol) {}

  /// Appends the events of one page. `skip` bytes of its data were decoded before (a mapped page still being filled).
  /// Returns how many bytes of data the page holds now.
  size_t decodePage(std::span<const std::byte> page, std::vector<Event>& out, Notes& notes, size_t skip = 0);

  /// Events that the page headers report as lost before a page; where the kernel gives no count, one a report.
  uint64_t missed() const { return missed_; }
  /// Entries of any kind that were read, as the ring's own statistics count them.
  uint64_t entries() const { return entries_; }
  /// Entries that were not understood (wrong length, cut off, a time that cannot be).
  uint64_t garbled() const { return garbled_; }

 private:
  void decodeEntry(std::span<const std::byte> entry, uint64_t time, std::vector<Event>& out, Notes& notes);

  uint16_t cpu_;
  uint16_t blkType_;
  Protocol protocol_;
  uint64_t time_ = 0;  // of the last event, to go on within a page that is still being filled
  uint64_t missed_ = 0;
  uint64_t entries_ = 0;
  uint64_t garbled_ = 0;
};

}  // namespace blkscope

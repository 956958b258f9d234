// The one event that every source is decoded to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace blkscope {

/// What happened to an I/O, by blkparse's letters. The values are stable: they are stored as an enum.
enum class Action : uint8_t {
  queue = 0,      // Q  a bio was queued
  getrq,          // G  a request was allocated
  insert,         // I  the request was inserted into the scheduler
  issue,          // D  issued to the driver
  complete,       // C  completed
  backMerge,      // M  a bio was merged at the end of a request
  frontMerge,     // F  ... at its start
  split,          // X  a bio was split
  remap,          // A  a bio was remapped to another device or sector
  requeue,        // R  the driver gave the request back
  plug,           // P
  unplug,         // U
  unplugTimer,    // T
  bounce,         // B
  sleepRq,        // S  waited for a free request
  driverData,     // a driver's own payload
  abort,          // request aborted
  notify,         // m  a message or process note; carries no I/O
  other,          // an action of a newer kernel that has no name here
};
inline constexpr int kActions = static_cast<int>(Action::other) + 1;
/// One letter an Action, in the order of the enum (blkparse's letters; 'V' driver data, '-' abort, '?' other).
inline constexpr char kActionLetters[] = "QGIDCMFXARPUTBSV-m?";

/// Which way the data goes; `none` for flushes' empty shells, plugs and notes.
enum class Direction : uint8_t { none = 0, read, write, discard, flush };
inline constexpr int kDirections = 5;

/// Bits of Event::flags, from the category half of the action word.
enum EventFlag : uint16_t {
  kSync = 1 << 0,
  kAhead = 1 << 1,   // readahead
  kMeta = 1 << 2,    // file system metadata
  kFua = 1 << 3,
  kPreflush = 1 << 4,  // flush asked for before the I/O itself
  kPassthrough = 1 << 5,  // a SCSI/NVMe command, not a file system request
  kZone = 1 << 6,         // a zone's operation, or a write of zeroes
  kZoneAppend = 1 << 7,   // told where it came to when it completes
  // Made by the analysis:
  kSurplus = 1 << 8,     // a completion that is the end of no I/O, since what it completes did not begin, or had ended
  kCompleted = 1 << 9,   // an issue, or Q where none is told, whose completion bears an earlier time and stands as kSurplus
  kRepeated = 1 << 10,   // an issue of what was issued before and given back: it has its place in every order already
};

/// One decoded trace record, 48 bytes.
///
/// Units: ns on CLOCK_MONOTONIC; sectors of 512 bytes from the start of the whole disk.
/// Source: include/uapi/linux/blktrace_api.h; the `payload` meanings from block/blk-core's trace calls.
struct Event {
  uint64_t time = 0;
  uint64_t sector = 0;
  /// remap: the sector it came from; split: the sector of the second part; unplug: requests unplugged; else 0.
  uint64_t payload = 0;
  uint32_t bytes = 0;
  uint32_t pid = 0;
  /// The kernel's device number, MAJOR << 20 | MINOR.
  uint32_t device = 0;
  /// remap: the device it came from; else 0.
  uint32_t fromDevice = 0;
  uint16_t cpu = 0;
  /// The positive errno of a failed completion; 0 for success.
  uint16_t error = 0;
  uint16_t flags = 0;
  Action action = Action::other;
  Direction direction = Direction::none;

  uint64_t sectors() const { return bytes >> 9; }
  uint64_t endSector() const { return sector + sectors(); }
  /// Neither a flush, which has no place on the disk, nor a zone append, which has none yet. Asked of every event: its last
  /// four bytes are looked at together.
  bool hasPlace() const;
  /// Whether this is the end of an I/O, which counts here. Commands past the block layer have no place on the disk.
  bool ends() const {
    if (flags & (kPassthrough | kSurplus)) return false;
    return action == Action::complete || (flags & kCompleted);
  }
};
static_assert(sizeof(Event) == 48);

inline bool Event::hasPlace() const {
  static_assert(offsetof(Event, flags) == 44 && offsetof(Event, direction) == 47);
  static_assert(static_cast<uint32_t>(Direction::flush) == 4 && kDirections == 5);  // the only one with this bit
  uint32_t tail;
  std::memcpy(&tail, reinterpret_cast<const char*>(this) + offsetof(Event, flags), sizeof tail);
  return (tail & (kZoneAppend | static_cast<uint32_t>(Direction::flush) << 24)) == 0;
}

}  // namespace blkscope

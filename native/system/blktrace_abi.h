// The kernel's block trace ABI, in the project's own words, so that it builds against any kernel headers.
// Source: include/uapi/linux/blktrace_api.h and fs.h (v2: Linux 6.19).
#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace blkscope::abi {

struct TraceSetup {  // struct blk_user_trace_setup
  char name[32];     // out: the trace's folder under debugfs
  uint16_t actMask;
  uint32_t bufSize;
  uint32_t bufCount;
  uint64_t startLba;
  uint64_t endLba;
  uint32_t pid;
};
static_assert(sizeof(TraceSetup) == 72);

struct TraceSetup2 {  // struct blk_user_trace_setup2
  char name[64];
  uint64_t actMask;
  uint32_t bufSize;
  uint32_t bufCount;
  uint64_t startLba;
  uint64_t endLba;
  uint32_t pid;
  uint32_t flags;
  uint64_t reserved[11];
};
static_assert(sizeof(TraceSetup2) == 192);

inline constexpr unsigned long kBlkTraceSetup = _IOWR(0x12, 115, TraceSetup);
inline constexpr unsigned long kBlkTraceStart = _IO(0x12, 116);
inline constexpr unsigned long kBlkTraceStop = _IO(0x12, 117);
inline constexpr unsigned long kBlkTraceTeardown = _IO(0x12, 118);
inline constexpr unsigned long kBlkTraceSetup2 = _IOWR(0x12, 142, TraceSetup2);

inline constexpr uint32_t kMagic = 0x65617400;  // low byte: the record version
inline constexpr uint32_t kMagicMask = 0xffffff00;

struct Record1 {  // struct blk_io_trace, version 7
  uint32_t magic;
  uint32_t sequence;
  uint64_t time;
  uint64_t sector;
  uint32_t bytes;
  uint32_t action;
  uint32_t pid;
  uint32_t device;
  uint32_t cpu;
  uint16_t error;
  uint16_t pduLength;
};
static_assert(sizeof(Record1) == 48);

struct Record2 {  // struct blk_io_trace2, version 8
  uint32_t magic;
  uint32_t sequence;
  uint64_t time;
  uint64_t sector;
  uint32_t bytes;
  uint32_t pid;
  uint64_t action;
  uint32_t device;
  uint32_t cpu;
  uint16_t error;
  uint16_t pduLength;
  uint8_t padding[12];
};
static_assert(sizeof(Record2) == 64);

// Categories: bits 16 and up of an action, bits 0 and up of a mask.
inline constexpr uint64_t kCategoryShift = 16;
enum Category : uint64_t {
  kRead = 1 << 0,
  kWrite = 1 << 1,
  kFlush = 1 << 2,
  kSync = 1 << 3,
  kQueue = 1 << 4,
  kRequeue = 1 << 5,
  kIssue = 1 << 6,
  kComplete = 1 << 7,
  kFs = 1 << 8,
  kPassthrough = 1 << 9,
  kNotify = 1 << 10,
  kAhead = 1 << 11,
  kMeta = 1 << 12,
  kDiscard = 1 << 13,
  kDriverData = 1 << 14,
  kFua = 1 << 15,
  kZoneAppend = 1 << 16,  // from here on in version 8 alone
};

// Low half of an action word.
inline constexpr uint32_t kCgroupBit = 1 << 8;  // a cgroup id (8 bytes) leads the payload
enum NotifyKind : uint32_t { kProcess = 0, kTimestamp = 1, kMessage = 2 };

}  // namespace blkscope::abi

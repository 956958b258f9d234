#include "saved/stream_splitter.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "saved/packed.h"
#include "system/blktrace_abi.h"

namespace blkscope {
namespace {

constexpr size_t kMostStreams = 4096;  // a damaged record may name any device and CPU

/// A stream's copy in the making.
struct Part {
  Fd fd;
  std::vector<std::byte> unwritten;
};

uint32_t field(std::span<const std::byte> record, size_t at, bool swapped) {
  uint32_t value;
  std::memcpy(&value, record.data() + at, sizeof value);
  return swapped ? __builtin_bswap32(value) : value;
}

uint64_t streamOf(std::span<const std::byte> record, const RecordShape& shape) {
  size_t device = shape.second ? offsetof(abi::Record2, device) : offsetof(abi::Record1, device);
  size_t cpu = shape.second ? offsetof(abi::Record2, cpu) : offsetof(abi::Record1, cpu);
  return static_cast<uint64_t>(field(record, device, shape.swapped)) << 32 | field(record, cpu, shape.swapped);
}

Result<Fd> namelessFile() {
  const char* folder = std::getenv("TMPDIR");
  return openFile(folder && *folder ? folder : "/var/tmp", O_TMPFILE | O_RDWR, 0600);
}

Result<void> flush(Part& part) {
  std::span<const std::byte> rest = part.unwritten;
  while (!rest.empty()) {
    ssize_t wrote = ::write(part.fd.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return systemError("write the CPUs' streams apart in $TMPDIR");
    rest = rest.subspan(static_cast<size_t>(wrote));
  }
  part.unwritten.clear();
  return {};
}

class Splitter {
 public:
  Result<void> add(std::span<const std::byte> record, const RecordShape& shape) {
    auto [found, fresh] = parts_.try_emplace(streamOf(record, shape));
    Part& part = found->second;
    if (fresh) {
      if (parts_.size() > kMostStreams) {
        return Error{"BAD_TRACE", "more than 4096 CPUs and devices in one file: it is no trace, or damaged"};
      }
      auto file = namelessFile();
      if (!file) return file.error();
      part.fd = std::move(*file);
    }
    part.unwritten.insert(part.unwritten.end(), record.begin(), record.end());
    constexpr size_t kWriteBytes = 64 << 10;
    return part.unwritten.size() < kWriteBytes ? Result<void>{} : flush(part);
  }

  Result<std::vector<FileStream>> finish(const std::string& name, size_t file) {
    std::vector<FileStream> streams;
    for (auto& [key, part] : parts_) {
      if (auto flushed = flush(part); !flushed) return flushed.error();
      if (::lseek(part.fd.get(), 0, SEEK_SET) < 0) return systemError("rewind a CPU's stream");
      streams.emplace_back(name + " (CPU " + std::to_string(key & UINT32_MAX) + ")", file, std::move(part.fd), nullptr);
    }
    return streams;
  }

 private:
  std::map<uint64_t, Part> parts_;
};

}  // namespace

Result<std::vector<FileStream>> splitStream(const std::string& name, size_t file, Fd fd, const Cancel& cancel,
                                            std::vector<Defect>& defects) {
  ByteWindow window(std::move(fd), &cancel);
  Splitter splitter;
  GarbageLimit limit;
  uint64_t records = 0;
  uint64_t garbage = 0;
  uint64_t firstGarbageAt = 0;
  while (!limit.reached(records, garbage) && window.refill()) {
    if (window.offset() == 0) {
      if (auto plain = refusePacked(name, window.bytes()); !plain) return plain.error();
    }
    for (;;) {
      RecordShape shape = shapeOf(window.bytes());
      if (shape.kind == RecordShape::incomplete) break;
      if (shape.kind == RecordShape::garbage) {
        if (garbage++ == 0) firstGarbageAt = window.offset();
        window.use(1);
        continue;
      }
      if (auto added = splitter.add(window.bytes().first(shape.bytes), shape); !added) return added.error();
      window.use(shape.bytes);
      ++records;
    }
  }
  // What chance took for records is none.
  if (limit.reached() && records < GarbageLimit::kChanceRecords) return std::vector<FileStream>{};
  if (garbage) {
    defects.push_back({"NOT_RECORDS", {{"file", name}, {"bytes", garbage}, {"offset", firstGarbageAt}}});
  }
  noteEnd(window, limit, name, defects);
  return splitter.finish(name, file);
}

}  // namespace blkscope

#include "source/ring_reader.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>

#include "system/fd.h"
#include "system/mapping.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

// The ring's first page as mapped; include/uapi/linux/trace_mmap.h (Linux 6.10 on).
struct RingMeta {
  uint32_t metaPageBytes;
  uint32_t metaStructBytes;
  uint32_t subBufferBytes;
  uint32_t subBuffers;
  struct {
    uint64_t lostEvents;
    uint32_t id;  // of the sub-buffer that is the reader's
    uint32_t read;
  } reader;
};

constexpr unsigned long kGetReader = _IO('R', 0x20);

class MappedRing final : public RingReader {
 public:
  MappedRing(Fd file, Mapping ring, RingPageDecoder decoder)
      : file_(std::move(file)), ring_(std::move(ring)), decoder_(decoder) {}

  int pollFd() const override { return file_.get(); }
  const RingPageDecoder& decoder() const override { return decoder_; }

  // The ioctl tells the kernel that the reader's page was read as far as it was filled then; when that is all, the
  // next one hands over the next page. So only two calls without news mean that the ring is empty.
  Result<bool> read(std::vector<Event>& out, Notes& notes) override {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (::ioctl(file_.get(), kGetReader) != 0) return systemError("take the next sub-buffer of the mapped ring");
      uint32_t id = __atomic_load_n(&meta().reader.id, __ATOMIC_ACQUIRE);
      if (id != current_) decoded_ = 0;
      current_ = id;
      size_t before = decoded_;
      decoded_ = decoder_.decodePage(subBuffer(id), out, notes, before);
      if (decoded_ > before) return true;
    }
    return false;
  }

 private:
  const RingMeta& meta() const { return *reinterpret_cast<const RingMeta*>(ring_.data()); }
  std::span<const std::byte> subBuffer(uint32_t id) const {
    size_t bytes = meta().subBufferBytes;
    return {ring_.data() + meta().metaPageBytes + id * bytes, bytes};
  }

  Fd file_;
  Mapping ring_;
  RingPageDecoder decoder_;
  uint32_t current_ = UINT32_MAX;
  size_t decoded_ = 0;  // bytes of the current sub-buffer
};

class CopiedRing final : public RingReader {
 public:
  CopiedRing(Fd file, size_t subBufferBytes, RingPageDecoder decoder)
      : file_(std::move(file)), page_(subBufferBytes), decoder_(decoder) {}

  int pollFd() const override { return exists_ ? file_.get() : -1; }
  const RingPageDecoder& decoder() const override { return decoder_; }
  bool exists() const override { return exists_; }

  Result<bool> read(std::vector<Event>& out, Notes& notes) override {
    ssize_t got = ::read(file_.get(), page_.data(), page_.size());
    exists_ = got >= 0 || errno != ENODEV;
    if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ENODEV)) return false;
    if (got < 0) return systemError("read a page of the trace ring");
    if (got == 0) return false;
    decoder_.decodePage({page_.data(), static_cast<size_t>(got)}, out, notes);
    return true;
  }

 private:
  Fd file_;
  std::vector<std::byte> page_;
  RingPageDecoder decoder_;
  std::atomic<bool> exists_ = true;
};

Result<Mapping> mapRing(const Fd& file) {
  auto head = Mapping::map(pageBytes(), PROT_READ, MAP_SHARED, file.get());
  if (!head) return head;
  const auto& meta = *reinterpret_cast<const RingMeta*>(head->data());
  size_t bytes = meta.metaPageBytes + static_cast<size_t>(meta.subBufferBytes) * meta.subBuffers;
  return Mapping::map(bytes, PROT_READ, MAP_SHARED, file.get());
}

}  // namespace

Result<std::unique_ptr<RingReader>> openRing(const std::string& cpuFolder, RingAccess access, size_t subBufferBytes,
                                             RingPageDecoder decoder) {
  auto file = openFile(cpuFolder + "/trace_pipe_raw", O_RDONLY | O_NONBLOCK);
  if (!file) return file.error();
  if (access == RingAccess::mapped) {
    auto ring = mapRing(*file);
    if (!ring) {
      return Error{"NO_MAPPED_RING", "this kernel does not map the trace ring (Linux 6.10 and later do): use pages; " +
                                         ring.error().message};
    }
    return std::unique_ptr<RingReader>(std::make_unique<MappedRing>(std::move(*file), std::move(*ring), decoder));
  }
  return std::unique_ptr<RingReader>(std::make_unique<CopiedRing>(std::move(*file), subBufferBytes, decoder));
}

}  // namespace blkscope

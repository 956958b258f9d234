// Every figure of the summary, from events in time order, in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "analyse/figure_writer.h"
#include "analyse/file_gaps.h"
#include "analyse/file_map.h"
#include "analyse/gaps.h"
#include "analyse/matcher.h"
#include "analyse/naive.h"
#include "analyse/processes.h"
#include "analyse/sizes.h"
#include "analyse/timeline.h"
#include "decode/event.h"
#include "sectors/sector_set.h"

namespace blkscope {

/// What was transferred in one direction, counted once, at completion. Failed I/Os count as errors alone.
struct Transfer {
  uint64_t count = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;

  void add(const Transfer& other) {
    count += other.count;
    bytes += other.bytes;
    errors += other.errors;
  }
  void tell(FigureWriter& out) const {
    out.number("count", count);
    out.number("bytes", bytes);
    out.number("errors", errors);
  }
};

/// In which order gaps are taken: of first issues; on devices that tell of none of queued reads, else of completions.
enum class Order : uint8_t { issue, queue, completion };
inline constexpr const char* kOrderNames[] = {"issue", "queue", "completion"};

/// What was read of one traced file. Bytes outside the file's end (its last block's rest) are not counted.
struct FileReads {
  uint64_t bytes = 0;  // the file's size
  uint64_t reads = 0;
  uint64_t readBytes = 0;
  uint64_t uniqueBytes = 0;

  void tell(FigureWriter& out) const {
    out.number("bytes", bytes);
    out.number("reads", reads);
    out.number("readBytes", readBytes);
    out.number("uniqueBytes", uniqueBytes);
  }
};

/// Who decides which completions end an I/O, and which issues repeat one: an analysis that sees a trace for the first time
/// marks the others (kSurplus, kCompleted) and these (kRepeated); a second one, of a part of it too, takes the marks.
enum class Marks { made, taken };

/// The streaming analysis. Feed events in time order with `consume`, call `finish` once, read the figures.
///
/// Where in an I/O's life each figure is taken: docs/metrics.md. Figures of all devices are sums over those of which none
/// lies on another: what device mapper, md or a loop device passes on is counted once, on the device that does the work.
/// Which lies on which is told (`layered`) or seen by remaps. Passthrough commands have no place on the disk:
/// they are counted, and in no other figure but the naive ones.
class Analysis {
 public:
  /// Files are looked up on the device `fileDevice`.
  Analysis(std::vector<TracedFile> files, uint32_t fileDevice, uint64_t startNs, Marks marks = Marks::made);
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  void consume(std::span<Event> events);
  void finish(uint64_t endNs);
  /// These devices lie on other traced ones. Before the first event.
  void setLayered(std::vector<uint32_t> devices) { layered_ = std::move(devices); }

  uint64_t events() const;
  /// 0 where there was no event.
  uint64_t firstNs() const { return first_ == kNotSeen ? 0 : first_; }
  uint64_t lastNs() const { return last_; }
  const std::array<uint64_t, kActions>& actions() const { return actions_; }
  /// What one device moved; of one that no event told of nothing.
  Transfer readsOf(uint32_t device) const;
  Transfer writesOf(uint32_t device) const;
  Transfer reads() const;
  Transfer writes() const;
  uint64_t uniqueReadSectors() const;
  uint64_t uniqueWriteSectors() const;
  /// Devices, by their numbers, of which something began before a time and nothing ever completed, and how much began.
  std::vector<std::pair<uint32_t, uint64_t>> withoutCompletions(uint64_t beforeNs) const;
  DeviceLatency latency() const;
  /// False: a set of sectors reached its limit of memory, and unique sectors are too few.
  bool setsComplete() const;
  /// In device order.
  Gaps deviceGaps() const;
  /// The order of device gaps; null where devices have several, or nothing was read.
  const char* order() const;
  /// Empty where Q was not traced.
  Gaps demandGaps() const;
  /// Device order by file offsets; only what lands in the traced files.
  const Gaps& fileGaps() const;
  const Processes& processes() const { return processes_; }
  const Naive& naive() const { return naive_; }
  const Matcher& matcher() const { return matcher_; }
  /// Passthrough commands that completed.
  uint64_t passthrough() const { return passthrough_; }
  /// A zoned device and how long its zones are. Before the first event.
  void setZones(uint32_t device, uint64_t sectors) { zones_.emplace_back(device, sectors); }
  /// Rows are kept from here on; the caller empties `rows` now and then.
  void keepRows() { matcher_.keepRows(); }
  std::vector<IoRow>& rows() { return matcher_.rows(); }
  const Timeline& timeline() const { return timeline_; }
  const std::vector<FileReads>& files() const { return files_; }
  /// Of all of them together: sectors that several own, or a file twice, count once.
  const FileReads& allFiles() const { return allFiles_; }

  /// All of the above, by the names of src/native/trace.ts.
  void tell(FigureWriter& out) const;

 private:
  struct Device {
    explicit Device(uint32_t its) : number(its) {
      traits.fresh = true;
      traits.latency = &latency;
      traits.read = &read;
      traits.written = &written;
    }

    uint32_t number;
    Gaps atQueue;
    Gaps atIssue;
    Gaps atComplete;
    DeviceTraits traits;
    bool holdsFiles = false;  // the traced files lie on it
    DeviceLatency latency;
    Transfer reads;
    Transfer writes;
    Sizes readSizes;
    Sizes writeSizes;
    uint64_t begun = 0;  // queued or, where that is told, issued
    uint64_t firstBegunNs = kNotSeen;
    uint64_t firstEndNs = kNotSeen;
    SectorSet read;
    SectorSet written;

    Order order() const {
      return traits.issues ? Order::issue : atQueue.begun() ? Order::queue : Order::completion;
    }
    const Gaps& gaps() const {
      return traits.issues ? atIssue : atQueue.begun() ? atQueue : atComplete;
    }
    void tell(FigureWriter& out) const;
  };

  void issue(Event& event, Device& device);
  void complete(Event& event, Device& device);
  void ended(const Event& event, Device& device, uint32_t pid);
  void endedBefore(const Event& event, Device& device, uint32_t pid);
  void other(Event& event, Device& device);
  void queued(const Event& event, Device& device);
  void remapped(const Event& event);
  void countFiles(const Event& event);
  const Device* fileDevice() const { return find(fileDevice_); }
  const Device* find(uint32_t number) const;
  /// Calls visit(const Device&) for those of which none lies on another.
  template <class Visit>
  void forEachLowest(Visit visit) const {
    for (const auto& device : devices_) {
      if (!device->traits.layered) visit(*device);
    }
  }
  Device& findDevice(uint32_t number);
  uint64_t zoneSectorsOf(uint32_t device) const;
  uint64_t clippedBytes(const FileMap::Piece& piece, uint64_t from, uint64_t to) const;
  uint64_t bytesPast(uint64_t& done, const FileMap::Piece& piece, uint64_t from, uint64_t to) const;

  Marks marks_;
  std::vector<TracedFile> traced_;
  FileMap map_;
  uint32_t fileDevice_;
  std::vector<FileReads> files_;
  FileReads allFiles_;
  uint64_t serial_ = 0;                // of the read at hand
  std::vector<uint64_t> countedRead_;  // by file: the last read that was counted for it
  std::vector<std::unique_ptr<Device>> devices_;
  std::array<uint64_t, kActions> actions_{};
  std::vector<uint32_t> layered_;
  Timeline timeline_;
  Matcher matcher_{timeline_};
  FileGaps fileAtIssue_;
  FileGaps fileAtQueue_;
  FileGaps fileAtComplete_;
  Processes processes_;
  Naive naive_;
  std::vector<std::pair<uint32_t, uint64_t>> zones_;  // device, and sectors of a zone
  uint64_t passthrough_ = 0;
  uint64_t first_ = kNotSeen;
  uint64_t last_ = 0;
};

}  // namespace blkscope

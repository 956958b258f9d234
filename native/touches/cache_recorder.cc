#include "touches/cache_recorder.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "system/page_size.h"
#include "touches/perf_reader.h"
#include "touches/trace_point.h"

namespace blkscope {
namespace {

/// Of each CPU's ring: two hundred thousand events.
constexpr size_t kRingBytes = size_t{16} << 20;
/// An event is in its ring long before this time after it happened: what is older is complete over all CPUs.
constexpr uint64_t kSettledNs = 20'000'000;

/// The kernel's number of a device, as its events have it.
uint64_t kernelDevice(uint32_t major, uint32_t minor) { return uint64_t{major} << 20 | minor; }

struct FileKey {
  uint64_t device, inode;
  bool operator==(const FileKey&) const = default;
};

/// Where the fields of a tracepoint of the group filemap lie.
struct FileFields {
  TracePoint::Field device, inode, page, last, order;
  bool hasLast = false;

  explicit FileFields(const TracePoint& point)
      : device(point.field("s_dev")), inode(point.field("i_ino")), page(point.field("index")),
        last(point.field("last_index")), order(point.field("order")), hasLast(point.has("last_index")) {}
};

/// A record of a ring, before addresses are places in files.
struct RawEvent {
  enum class Kind : uint8_t { cache, fault, mapping, fork, exec };

  Kind kind;
  uint64_t time;
  uint32_t pid = 0;
  /// Of fork: the parent.
  uint32_t other = 0;
  /// Of a fault; of a mapping its index among those told.
  uint64_t address = 0;
  CacheEvent cache{};
};

/// Which addresses of which process are which pages of which file.
class AddressSpaces {
 public:
  explicit AddressSpaces(const std::vector<FileKey>& files) : files_(files) {}

  void map(const PerfMapping& mapping) {
    std::vector<Place>& places = of_[mapping.pid];
    uint64_t end = mapping.start + mapping.bytes;
    // What was mapped there before is there no more.
    std::vector<Place> left;
    for (const Place& place : places) {
      if (place.start < mapping.start) left.push_back({place.start, std::min(place.end, mapping.start), place.file, place.offset});
      if (place.end > end) {
        uint64_t from = std::max(place.start, end);
        left.push_back({from, place.end, place.file, place.offset + (from - place.start)});
      }
    }
    auto file = std::ranges::find(files_, FileKey{kernelDevice(mapping.major, mapping.minor), mapping.inode});
    if (file != files_.end())
      left.push_back({mapping.start, end, static_cast<uint32_t>(file - files_.begin()), mapping.offset});
    places = std::move(left);
  }
  void fork(uint32_t parent, uint32_t child) {
    if (auto found = of_.find(parent); found != of_.end()) {
      std::vector<Place> copy = found->second;
      of_[child] = std::move(copy);
    }
  }
  void exec(uint32_t pid) { of_.erase(pid); }

  /// The page of a file at an address; none where it is of none of ours.
  bool find(uint32_t pid, uint64_t address, uint64_t pageBytes, CacheEvent& event) const {
    auto found = of_.find(pid);
    if (found == of_.end()) return false;
    for (const Place& place : found->second) {
      if (address < place.start || address >= place.end) continue;
      event.file = place.file;
      event.page = (place.offset + (address - place.start)) / pageBytes;
      return true;
    }
    return false;
  }

 private:
  struct Place {
    uint64_t start, end;
    uint32_t file;
    uint64_t offset;
  };

  const std::vector<FileKey>& files_;
  std::unordered_map<uint32_t, std::vector<Place>> of_;
};

class Recorder final : public CacheRecorder, private PerfSink {
 public:
  /// The tracepoints in the order in which their events are opened; the faults come last.
  Recorder(PerfRings rings, std::vector<FileKey> files, std::vector<TracePoint> points, std::string filter)
      : files_(std::move(files)), points_(std::move(points)), fields_(points_.begin(), points_.end()),
        filter_(std::move(filter)), spaces_(files_), pageBytes_(pageBytes()),
        reader_(std::move(rings), *this, [this](uint64_t looked) { settle(looked == UINT64_MAX ? looked : looked - kSettledNs); }) {}

  Result<void> attach(int pid) override {
    for (size_t i = 1; i < points_.size(); ++i) {
      auto added = reader_.add({PERF_TYPE_TRACEPOINT, points_[i].id(), pid, filter_});
      if (!added) return added;
    }
    // These two come when a fault is over; the event of all faults comes when one begins, before its page is there.
    auto minor = reader_.add({PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, pid, {}, true});
    return minor ? reader_.add({PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, pid}) : minor;
  }

  CacheRecord stop() override {
    reader_.end();
    return {std::move(log_), lost_};
  }

 private:
  void sample(const PerfSample& told) override {
    RawEvent event{.kind = RawEvent::Kind::fault, .time = told.time, .pid = told.pid, .address = told.address};
    event.cache.time = told.time;
    event.cache.thread = told.thread;
    event.cache.kind = CacheEventKind::faulted;
    event.cache.pages = 1;
    if (told.event < points_.size()) {
      const FileFields& fields = fields_[told.event];
      FileKey key{fields.device.of(told.fields), fields.inode.of(told.fields)};
      auto file = std::ranges::find(files_, key);
      if (file == files_.end()) return;
      event.kind = RawEvent::Kind::cache;
      event.cache.kind = kinds[told.event];
      event.cache.file = static_cast<uint32_t>(file - files_.begin());
      event.cache.page = fields.page.of(told.fields);
      event.cache.order = static_cast<uint8_t>(fields.order.of(told.fields));
      if (event.cache.kind == CacheEventKind::added) event.cache.pages = uint64_t{1} << event.cache.order;
      else if (fields.hasLast) event.cache.pages = fields.last.of(told.fields) - event.cache.page + 1;
    }
    events_.push_back(event);
  }
  void mapping(const PerfMapping& told) override {
    events_.push_back({.kind = RawEvent::Kind::mapping, .time = told.time, .pid = told.pid, .address = mappings_.size()});
    mappings_.push_back(told);
  }
  void forked(uint32_t parent, uint32_t child, uint64_t time) override {
    events_.push_back({.kind = RawEvent::Kind::fork, .time = time, .pid = child, .other = parent});
  }
  void executed(uint32_t pid, uint64_t time) override {
    events_.push_back({.kind = RawEvent::Kind::exec, .time = time, .pid = pid});
  }
  void lost(uint64_t count) override { lost_ += count; }

  /// Logs what happened before `time`, of all CPUs in one order.
  void settle(uint64_t time) {
    std::ranges::stable_sort(events_, {}, &RawEvent::time);
    auto end = std::ranges::lower_bound(events_, time, {}, &RawEvent::time);
    for (auto at = events_.begin(); at != end; ++at) logOne(*at);
    events_.erase(events_.begin(), end);
  }

  void logOne(RawEvent& event) {
    using Kind = RawEvent::Kind;
    if (event.kind == Kind::mapping) spaces_.map(mappings_[event.address]);
    else if (event.kind == Kind::fork) spaces_.fork(event.other, event.pid);
    else if (event.kind == Kind::exec) spaces_.exec(event.pid);
    else if (event.kind == Kind::cache || spaces_.find(event.pid, event.address, pageBytes_, event.cache)) log_.append(event.cache);
  }

  static constexpr CacheEventKind kinds[] = {CacheEventKind::added, CacheEventKind::asked, CacheEventKind::mapped,
                                             CacheEventKind::mapped};

  std::vector<FileKey> files_;
  std::vector<TracePoint> points_;
  std::vector<FileFields> fields_;
  std::string filter_;
  AddressSpaces spaces_;
  uint64_t pageBytes_;
  std::vector<RawEvent> events_;
  std::vector<PerfMapping> mappings_;
  CacheLog log_;
  uint64_t lost_ = 0;
  PerfReader reader_;  // last: its thread uses the others
};

constexpr const char* kPoints[] = {"mm_filemap_add_to_page_cache", "mm_filemap_get_pages", "mm_filemap_map_pages",
                                   "mm_filemap_fault"};

}  // namespace

Result<std::unique_ptr<CacheRecorder>> CacheRecorder::start(const std::vector<std::string>& paths) {
  std::vector<FileKey> files;
  std::string filter;
  for (const std::string& path : paths) {
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0) return systemError("look at " + path);
    FileKey key{kernelDevice(major(state.st_dev), minor(state.st_dev)), state.st_ino};
    files.push_back(key);
    if (!filter.empty()) filter += " || ";
    filter += "(i_ino == " + std::to_string(key.inode) + " && s_dev == " + std::to_string(key.device) + ")";
  }
  std::vector<TracePoint> points;
  for (const char* name : kPoints) {
    auto point = TracePoint::find("filemap", name);
    if (!point) return point.error();
    points.push_back(std::move(*point));
  }
  auto rings = PerfRings::open({PERF_TYPE_TRACEPOINT, points[0].id(), -1, filter}, kRingBytes);
  if (!rings) return rings.error();
  return std::unique_ptr<CacheRecorder>(
      std::make_unique<Recorder>(std::move(*rings), std::move(files), std::move(points), std::move(filter)));
}

bool faultsMapFolios() {
  utsname name{};
  ::uname(&name);
  int major = 0;
  int minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  return major > 6 || (major == 6 && minor >= 18);
}

}  // namespace blkscope

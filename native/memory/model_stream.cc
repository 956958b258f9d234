#include "memory/model_stream.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "memory/locked_region.h"
#include "memory/mapped_by.h"
#include "system/fd.h"
#include "system/mapping.h"

namespace blkscope {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = 200us;         // how often the process's place is looked at
constexpr auto kLookForProcess = 50ms;
constexpr auto kStill = 200ms;        // without a step for so long, the process rests or is somewhere else
constexpr auto kLookAtRest = 2ms;
// Pieces kept behind the one in use: threads of a process are not all at the same place.
constexpr uint64_t kBehind = 2;
// A process may use a few pieces in another order than the plan's.
constexpr uint64_t kSlack = 8;
constexpr size_t kReaders = 4;  // the disk always has something to read
constexpr int kNice = -10;  // a piece that comes late costs the process more than our turn does

struct MappedFile {
  Fd file;
  Mapping mapping;
};

Result<std::vector<MappedFile>> mapFiles(const std::vector<std::string>& paths) {
  std::vector<MappedFile> files;
  for (const std::string& path : paths) {
    auto file = openRegular(path);
    if (!file) return file.error();
    struct stat seen {};
    if (::fstat(file->get(), &seen) != 0) return systemError("stat " + path);
    auto mapping = Mapping::map(static_cast<size_t>(seen.st_size), PROT_READ, MAP_SHARED, file->get());
    if (!mapping) return mapping.error();
    // A fault must bring in its piece as one, and nothing around it.
    ::madvise(mapping->data(), mapping->size(), MADV_RANDOM);
    ::madvise(mapping->data(), mapping->size(), MADV_HUGEPAGE);  // a wish: older kernels have none for files
    // What a child inherited would look like its own use of the file.
    ::madvise(mapping->data(), mapping->size(), MADV_DONTFORK);
    files.push_back({std::move(*file), std::move(*mapping)});
  }
  return files;
}

uint64_t threadCpuNs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

/// One thread sees where the process is and drops what lies behind it, others read what lies ahead. Places are counted
/// from the start on, so that the walk's n-th round begins at n times its pieces.
class ModelStream::Threads {
 public:
  Threads(StreamPlan plan, std::vector<MappedFile> files) : plan_(std::move(plan)), files_(std::move(files)) {
    states_.assign(plan_.pieces.size(), State::away);
    clinging_.assign(plan_.pieces.size(), false);
    for (std::jthread& reader : readers_) {
      reader = std::jthread([this](std::stop_token stop) { readAhead(stop); });
    }
    watcher_ = std::jthread([this](std::stop_token stop) { watch(stop); });
  }
  ~Threads() {
    watcher_.request_stop();
    for (std::jthread& reader : readers_) reader.request_stop();
  }

  StreamFigures figures() const { return {passed_, read_, lost_, watcherCpuNs_ + readerCpuNs_}; }

  Result<void> check() const {
    std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    return {};
  }

 private:
  enum class State : uint8_t { away, reading, held };

  uint64_t count() const { return plan_.pieces.size(); }
  const StreamPiece& piece(uint64_t place) const { return plan_.pieces[place % count()]; }
  std::byte* address(const StreamPiece& piece) const { return files_[piece.file].mapping.data() + piece.offset; }

  void fail(Error error) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
  }

  // -- the reader

  void readAhead(std::stop_token stop) {
    ::setpriority(PRIO_PROCESS, 0, kNice);
    uint64_t before = 0;
    while (std::optional<uint64_t> place = nextToRead(stop)) {
      const StreamPiece& next = piece(*place);
      // Where this fails for want of memory, the process reads the piece itself.
      if (::mlock(address(next), next.bytes) == 0) {
        ++read_;
        if (!keep(*place)) release(next);  // it was let go meanwhile
      } else {
        int failure = errno;
        if (failure == EPERM || (failure == ENOMEM && readerIsLimited())) fail(lockError(failure, next.bytes));
        unlock(*place % count());
      }
      uint64_t now = threadCpuNs();
      readerCpuNs_ += now - std::exchange(before, now);
    }
  }

  static bool readerIsLimited() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  }

  /// Waits for a place to read, and marks it as held. Nothing when the stream ends.
  std::optional<uint64_t> nextToRead(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!wanted_.wait(lock, stop, [&] { return toRead_ < readUntil_; })) return std::nullopt;
    uint64_t place = toRead_++;
    states_[place % count()] = State::reading;
    return place;
  }

  /// What was read is held from now on, unless it was let go meanwhile.
  bool keep(uint64_t place) {
    std::lock_guard lock(mutex_);
    State& state = states_[place % count()];
    if (state == State::reading) state = State::held;
    return state == State::held;
  }

  void release(const StreamPiece& piece) const {
    ::munlock(address(piece), piece.bytes);
    ::madvise(address(piece), piece.bytes, MADV_DONTNEED);  // what two processes map would not be dropped
  }

  // -- the watcher

  void watch(std::stop_token stop) {
    ::setpriority(PRIO_PROCESS, 0, kNice);
    while (!stop.stop_requested() && check()) {
      auto found = MappedBy::find(plan_.paths);
      if (!found) return fail(found.error());
      if (*found) follow(**found, stop);
      std::this_thread::sleep_for(kLookForProcess);
    }
  }

  void follow(const MappedBy& process, std::stop_token stop) {
    next_ = dropped_ = checked_ = (next_ + count() - 1) / count() * count();  // it begins at the beginning
    seeking_ = false;
    want();
    auto moved = Clock::now();
    auto verified = moved;
    bool allowed = true;
    while (allowed && !stop.stop_requested() && process.alive()) {
      // A program may map its model once to look at it, and anew to use it.
      if (Clock::now() - std::max(moved, verified) > kStill) {
        if (!process.unmoved()) break;
        verified = Clock::now();
      }
      bool still = Clock::now() - moved > kStill;
      if (seeking_ ? seek(process) : step(process)) {
        moved = Clock::now();
      } else if (still && !seeking_) {
        allowed = lookElsewhere(process);
      }
      allowed = allowed && dropBehind(process) && dropAgain(process);
      watcherCpuNs_ = threadCpuNs();
      std::this_thread::sleep_for(still || seeking_ ? kLookAtRest : kLook);
    }
    letGo();
  }

  bool step(const MappedBy& process) {
    uint64_t steps = stepsOf(process);
    if (steps == 0) return false;
    next_ += steps;
    passed_ += steps;
    want();
    return true;
  }

  /// How many pieces the process has come past since the last look: up to the furthest that it has touched.
  uint64_t stepsOf(const MappedBy& process) const {
    for (uint64_t steps = std::min(plan_.ahead + kSlack, room()); steps > 0; --steps) {
      if (cameTo(process, next_ + steps - 1)) return steps;
    }
    return 0;
  }

  /// Pieces that are neither in use nor waiting to be dropped.
  uint64_t room() const { return count() - std::min(count() - 1, kBehind + 1); }

  /// Whether the process touched a piece since it was dropped.
  bool cameTo(const MappedBy& process, uint64_t place) const {
    return touched(process, place) && !clinging_[place % count()];
  }

  bool touched(const MappedBy& process, uint64_t place) const {
    const StreamPiece& looked = piece(place);
    return process.touched(looked.file, looked.offset + looked.bytes / 2);
  }

  /// Lets the reader go on until the window is full. What the process has come past unread need not be read.
  void want() {
    {
      std::lock_guard lock(mutex_);
      toRead_ = std::max(toRead_, next_);
      readUntil_ = next_ + std::min<uint64_t>(plan_.ahead, room());
    }
    wanted_.notify_all();
  }

  bool dropBehind(const MappedBy& process) {
    for (; dropped_ + kBehind < next_; ++dropped_) {
      if (!drop(process, dropped_ % count())) return false;
    }
    return true;
  }

  bool drop(const MappedBy& process, uint64_t index) {
    unlock(index);
    const StreamPiece& done = plan_.pieces[index];
    auto result = process.drop(done.file, done.offset, done.bytes);
    if (!result) {
      fail(result.error());
      return false;
    }
    clinging_[index] = touched(process, index);
    return true;
  }

  /// A thread that lags behind the others touches again what was dropped already, and what a reader just then still has
  /// mapped the kernel does not drop: a round later it would look as if the process had come to it.
  bool dropAgain(const MappedBy& process) {
    for (; checked_ + kSlack < dropped_; ++checked_) {
      if (touched(process, checked_) && !drop(process, checked_ % count())) return false;
    }
    return true;
  }

  void unlock(uint64_t index) {
    {
      std::lock_guard lock(mutex_);
      State before = std::exchange(states_[index], State::away);
      if (before != State::held) return;  // its reader releases what is being read
    }
    release(plan_.pieces[index]);
  }

  /// The process rests, or it is where it was not expected. Then all is dropped: its next touch tells where it is.
  bool lookElsewhere(const MappedBy& process) {
    bool elsewhere = false;
    for (uint64_t place = next_ + plan_.ahead; !elsewhere && place < dropped_ + count(); ++place) {
      elsewhere = cameTo(process, place);
    }
    if (!elsewhere) return true;
    ++lost_;
    seeking_ = true;
    letGo();
    for (uint64_t index = 0; index < count(); ++index) {
      if (!drop(process, index)) return false;
    }
    return true;
  }

  bool seek(const MappedBy& process) {
    for (uint64_t place = next_; place < next_ + count(); ++place) {
      if (!cameTo(process, place)) continue;
      next_ = dropped_ = checked_ = place + 1;
      seeking_ = false;
      want();
      return true;
    }
    return false;
  }

  void letGo() {
    {
      std::lock_guard lock(mutex_);
      readUntil_ = toRead_;  // nothing more is to be read
    }
    for (uint64_t index = 0; index < count(); ++index) unlock(index);
  }

  const StreamPlan plan_;
  const std::vector<MappedFile> files_;
  // Of the watcher alone: where the process is expected next, and up to where all was dropped.
  uint64_t next_ = 0;
  uint64_t dropped_ = 0;
  uint64_t checked_ = 0;  // and up to where it was looked at again
  bool seeking_ = false;  // nobody knows where it is
  std::vector<bool> clinging_;  // by index: it was dropped, and the process has it still

  mutable std::mutex mutex_;
  std::condition_variable_any wanted_;
  // Under the mutex.
  uint64_t toRead_ = 0;
  uint64_t readUntil_ = 0;
  std::vector<State> states_;  // by index
  std::optional<Error> failure_;

  std::atomic<uint64_t> passed_ = 0, read_ = 0, lost_ = 0, watcherCpuNs_ = 0, readerCpuNs_ = 0;
  std::array<std::jthread, kReaders> readers_;
  std::jthread watcher_;
};

Result<ModelStream> ModelStream::start(StreamPlan plan) {
  auto files = mapFiles(plan.paths);
  if (!files) return files.error();
  for (const StreamPiece& piece : plan.pieces) {
    if (piece.file >= files->size() || piece.offset + piece.bytes > (*files)[piece.file].mapping.size()) {
      return Error{"RANGE", "a piece to stream lies past the end of its file"};
    }
  }
  if (plan.pieces.empty()) return Error{"RANGE", "nothing to stream"};
  return ModelStream(std::make_unique<Threads>(std::move(plan), std::move(*files)));
}

ModelStream::ModelStream(std::unique_ptr<Threads> threads) : threads_(std::move(threads)) {}
ModelStream::ModelStream(ModelStream&&) noexcept = default;
ModelStream& ModelStream::operator=(ModelStream&&) noexcept = default;
ModelStream::~ModelStream() = default;

StreamFigures ModelStream::figures() const { return threads_->figures(); }
Result<void> ModelStream::check() const { return threads_->check(); }

}  // namespace blkscope

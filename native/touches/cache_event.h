// What happened to pages of files in the page cache, and the log that keeps it.
#pragma once

#include <cstdint>
#include <vector>

namespace blkscope {

/// - added: the pages came into the page cache, to be read from the disk;
/// - asked: the workload asked for them by read() or its like, and gets them;
/// - mapped: the kernel put those of them that were there into the workload's page tables, whether it uses them or not;
/// - faulted: the workload used this page, which was not in its page tables.
enum class CacheEventKind : uint8_t { added, asked, mapped, faulted };

struct CacheEvent {
  CacheEventKind kind;
  /// ns on CLOCK_MONOTONIC.
  uint64_t time;
  uint32_t file;
  /// The first page, counted from the file's start, and how many.
  uint64_t page;
  uint64_t pages;
  /// Of added: the pages lie in folios of 2^order pages each.
  uint8_t order = 0;
  /// Of mapped and faulted.
  uint32_t thread = 0;
};

/// Keeps events in some eight bytes each. Pages that come one behind the other are one event, of the time of the first.
class CacheLog {
 public:
  /// In the order of time.
  void append(const CacheEvent& event) {
    if (joins(event)) {
      last_.pages += event.pages;
      return;
    }
    flush();
    last_ = event;
    pending_ = true;
  }

  template <class Take>
  void each(Take take) {
    flush();
    State state;
    for (size_t at = 0; at < bytes_.size();) take(decode(at, state));
  }

  size_t bytes() const { return bytes_.size(); }

 private:
  /// Readahead brings pages in within microseconds: for what is told of time they came at once.
  static constexpr uint64_t kJoinNs = 100'000;

  /// What each event is told as the difference to.
  struct State {
    uint64_t time = 0, page = 0;
    uint32_t thread = 0;
  };

  bool joins(const CacheEvent& event) const {
    return pending_ && event.kind == CacheEventKind::added && last_.kind == CacheEventKind::added &&
           event.file == last_.file && event.order == last_.order && event.page == last_.page + last_.pages &&
           event.time - last_.time < kJoinNs;
  }

  void flush() {
    if (!pending_) return;
    pending_ = false;
    bytes_.push_back(static_cast<uint8_t>(static_cast<uint8_t>(last_.kind) | last_.order << 2));
    put(last_.file);
    put(last_.time - state_.time);
    put(zigzag(last_.page - state_.page));
    put(last_.pages);
    if (hasThread(last_.kind)) put(zigzag(uint64_t{last_.thread} - state_.thread));
    moveTo(state_, last_);
  }

  CacheEvent decode(size_t& at, State& state) const {
    uint8_t head = bytes_[at++];
    CacheEvent event{static_cast<CacheEventKind>(head & 3), 0, 0, 0, 0, static_cast<uint8_t>(head >> 2)};
    event.file = static_cast<uint32_t>(get(at));
    event.time = state.time + get(at);
    event.page = state.page + unzigzag(get(at));
    event.pages = get(at);
    event.thread = hasThread(event.kind) ? static_cast<uint32_t>(state.thread + unzigzag(get(at))) : 0;
    moveTo(state, event);
    return event;
  }

  static bool hasThread(CacheEventKind kind) { return kind == CacheEventKind::mapped || kind == CacheEventKind::faulted; }
  static void moveTo(State& state, const CacheEvent& event) {
    state = {event.time, event.page, hasThread(event.kind) ? event.thread : state.thread};
  }
  static uint64_t zigzag(uint64_t difference) { return difference << 1 ^ (difference >> 63 ? ~uint64_t{0} : 0); }
  static uint64_t unzigzag(uint64_t value) { return value >> 1 ^ (value & 1 ? ~uint64_t{0} : 0); }

  void put(uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_.push_back(static_cast<uint8_t>(value | 128));
    bytes_.push_back(static_cast<uint8_t>(value));
  }
  uint64_t get(size_t& at) const {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      uint8_t byte = bytes_[at++];
      value |= uint64_t{byte & 127u} << shift;
      if (byte < 128) return value;
    }
  }

  std::vector<uint8_t> bytes_;
  State state_;
  CacheEvent last_{};
  bool pending_ = false;
};

}  // namespace blkscope

#include "spool/spool.h"

#include <fcntl.h>

#include <algorithm>

#include "system/fd.h"

namespace blkscope {
namespace {

constexpr int kChunkAccess = PROT_READ | PROT_WRITE;

// Locked, so that the memory pressure under study cannot swap the capture; unlocked where that is not allowed.
Result<Mapping> mapLockedMemory() {
  constexpr int kFresh = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  auto memory = Mapping::map(Spool::kChunkBytes, kChunkAccess, kFresh | MAP_LOCKED);
  return memory ? std::move(memory) : Mapping::map(Spool::kChunkBytes, kChunkAccess, kFresh);
}

// A file without a name is gone with its mapping, even when the process is killed. Its blocks are taken beforehand: a
// full disk must be an error here, not a SIGBUS later.
Result<Mapping> mapNamelessFile(const std::string& directory) {
  auto file = openFile(directory, O_TMPFILE | O_RDWR, 0600);
  if (!file) return file.error();
  if (::fallocate(file->get(), 0, 0, Spool::kChunkBytes) != 0) return systemError("take space in " + directory);
  return Mapping::map(Spool::kChunkBytes, kChunkAccess, MAP_SHARED | MAP_POPULATE, file->get());
}

}  // namespace

Result<void> checkSpoolDirectory(const std::string& directory) {
  auto file = mapNamelessFile(directory);
  if (file) return {};
  return Error{file.error().code, "the spool cannot use " + directory + ": " + file.error().message};
}

Spool::Spool(std::span<const unsigned> cpus, SpoolLimits limits)
    : directory_(std::move(limits.directory)), writers_(cpus.size()), published_(cpus.size()), watermarks_(cpus.size()) {
  memory_.limit = limits.memoryBytes;
  files_.limit = limits.fileBytes;
  for (unsigned cpu : cpus) readers_.push_back({SpoolDecoder(cpu), {}});
}

// Closes the part of the open chunk that has not been handed over.
void Spool::cut(Writer& writer) {
  if (writer.at == writer.unpublished) return;
  writer.pieces.push_back({writer.chunk, writer.unpublished, writer.at});
  writer.at += kSpoolSlack;  // the reader looks that far; kMaxEncodedEvent leaves room for it
  writer.unpublished = writer.at;
}

// Several writers may be at it at once, and the limit is kept.
bool Spool::Place::reserve() {
  uint64_t before = held;
  do {
    if (before + kChunkBytes > limit) return false;
  } while (!held.compare_exchange_weak(before, before + kChunkBytes));
  uint64_t most = peak;
  while (most < before + kChunkBytes && !peak.compare_exchange_weak(most, before + kChunkBytes)) {
  }
  return true;
}

// In memory as long as there may be more of it, else in a file; null: neither.
std::shared_ptr<Spool::Chunk> Spool::makeChunk() {
  if (memory_.reserve()) {
    if (auto memory = mapLockedMemory()) return std::make_shared<Chunk>(std::move(*memory), memory_);
    memory_.release();
  }
  if (!directory_.empty() && files_.reserve()) {
    if (auto file = mapNamelessFile(directory_)) return std::make_shared<Chunk>(std::move(*file), files_);
    files_.release();
  }
  return nullptr;
}

bool Spool::openChunk(Writer& writer) {
  cut(writer);
  writer.at = writer.end = writer.unpublished = nullptr;
  writer.chunk = makeChunk();
  if (!writer.chunk) return false;
  writer.at = writer.unpublished = writer.chunk->memory.data();
  writer.end = writer.at + kChunkBytes;
  return true;
}

size_t Spool::append(size_t stream, std::span<const Event> events) {
  Writer& writer = writers_[stream];
  std::span<const Event> rest = events;
  while (!rest.empty()) {
    if (!hasRoom(writer) && !openChunk(writer)) {
      dropped_ += rest.size();
      return events.size() - rest.size();
    }
    writer.at = writer.encoder.encode(rest, writer.at, writer.end);
  }
  return events.size();
}

EncodedRecords Spool::appendRecords(size_t stream, std::span<const std::byte> bytes, RecordDecoder& decoder) {
  Writer& writer = writers_[stream];
  if (!hasRoom(writer)) return {};  // append() opens a chunk, or drops and counts
  EncodedRecords done = writer.encoder.encodeRecords(bytes, decoder, writer.at, writer.end);
  decoder.passed(done.count, done.bytes);
  return done;
}

bool Spool::publish(std::span<const size_t> streams, uint64_t watermark) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  handOver(streams, watermark);
  return true;
}

void Spool::end(std::span<const size_t> streams) {
  std::lock_guard lock(mutex_);
  handOver(streams, UINT64_MAX);
}

// With the lock held. Wakes the reader when there is more that it may merge.
void Spool::handOver(std::span<const size_t> streams, uint64_t watermark) {
  for (size_t i : streams) {
    cut(writers_[i]);
    for (Piece& piece : writers_[i].pieces) {
      total_ += static_cast<uint64_t>(piece.end - piece.at);
      published_[i].push_back(std::move(piece));
    }
    writers_[i].pieces.clear();
    watermarks_[i] = watermark;
  }
  uint64_t least = *std::min_element(watermarks_.begin(), watermarks_.end());
  if (least == watermark_) return;
  watermark_ = least;
  if (readerIsNeeded()) changed_.notify_one();
}

// With the lock held. A spool that takes an eighth of its memory takes enough from the workload's.
bool Spool::readerIsNeeded() const {
  if (watermark_ == UINT64_MAX) return true;
  return watermark_ != seen_ && (asked_ || bytes() > memory_.limit / 8);
}

void Spool::ask() {
  {
    std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_one();
}

uint64_t Spool::waitForWatermark() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return cancelled_ || readerIsNeeded(); });
  asked_ = false;
  seen_ = watermark_;
  for (size_t i = 0; i < published_.size(); ++i) {
    auto& pieces = readers_[i].pieces;
    pieces.insert(pieces.end(), std::make_move_iterator(published_[i].begin()),
                  std::make_move_iterator(published_[i].end()));
    published_[i].clear();
  }
  return watermark_;
}

size_t Spool::read(size_t stream, std::span<Event> out) {
  Reader& reader = readers_[stream];
  size_t count = 0;
  while (count < out.size() && !reader.pieces.empty()) {
    Piece& piece = reader.pieces.front();
    while (count < out.size() && piece.at != piece.end) piece.at = reader.decoder.decode(piece.at, out[count++]);
    if (piece.at == piece.end) reader.pieces.pop_front();
  }
  return count;
}

void Spool::cancel() {
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  changed_.notify_all();
}

}  // namespace blkscope

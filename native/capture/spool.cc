#include "capture/spool.h"

#include <algorithm>

namespace blkscope {

Spool::Spool(std::span<const unsigned> cpus, uint64_t limitBytes)
    : writers_(cpus.size()), limit_(limitBytes), published_(cpus.size()) {
  for (unsigned cpu : cpus) readers_.push_back({SpoolDecoder(cpu), {}});
}

// Closes the part of the open chunk that has not been handed over.
void Spool::cut(Writer& writer) {
  if (writer.at == writer.unpublished) return;
  writer.pieces.push_back({writer.chunk, writer.unpublished, writer.at});
  writer.unpublished = writer.at;
}

bool Spool::openChunk(Writer& writer) {
  cut(writer);
  writer.chunk.reset();
  writer.at = writer.end = writer.unpublished = nullptr;
  if (held_ + kChunkBytes > limit_) return false;
  constexpr int kFresh = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  // Locked, so that the memory pressure under study cannot swap the capture; unlocked where that is not allowed.
  auto memory = Mapping::map(kChunkBytes, PROT_READ | PROT_WRITE, kFresh | MAP_LOCKED);
  if (!memory) memory = Mapping::map(kChunkBytes, PROT_READ | PROT_WRITE, kFresh);
  if (!memory) return false;
  uint64_t held = held_ += kChunkBytes;
  if (held > peak_) peak_ = held;
  writer.at = writer.unpublished = memory->data();
  writer.end = writer.at + kChunkBytes;
  writer.chunk = std::make_shared<Chunk>(std::move(*memory), held_);
  return true;
}

bool Spool::append(size_t stream, std::span<const Event> events) {
  Writer& writer = writers_[stream];
  for (size_t i = 0; i < events.size(); ++i) {
    if (static_cast<size_t>(writer.end - writer.at) < kMaxEncodedEvent && !openChunk(writer)) {
      dropped_ += events.size() - i;
      return false;
    }
    writer.at = writer.encoder.encode(events[i], writer.at);
  }
  return true;
}

void Spool::publish(uint64_t watermark) {
  {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < writers_.size(); ++i) {
      cut(writers_[i]);
      for (Piece& piece : writers_[i].pieces) {
        total_ += static_cast<uint64_t>(piece.end - piece.at);
        published_[i].push_back(std::move(piece));
      }
      writers_[i].pieces.clear();
    }
    watermark_ = watermark;
    ++publications_;
  }
  changed_.notify_one();
}

uint64_t Spool::waitForWatermark() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return cancelled_ || publications_ != seen_ || watermark_ == UINT64_MAX; });
  seen_ = publications_;
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

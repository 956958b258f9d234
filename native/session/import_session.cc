#include "session/import_session.h"

#include <algorithm>
#include <pthread.h>

#include "merge/merger.h"
#include "merge/put_event.h"
#include "session/judgement.h"
#include "system/clock.h"

namespace blkscope {
namespace {

/// How much earlier the first event is that is earlier than the one before it; `last`: the time of what came before them all,
/// becomes that of the last of them. 0: they are in order.
uint64_t firstBack(std::span<const Event> events, uint64_t& last) {
  for (const Event& event : events) {
    if (event.time < last) return last - event.time;
    last = event.time;
  }
  return 0;
}

/// How long what was read from a pipe, and has to be merged yet, may take after the reading was ended.
constexpr uint64_t kLastWordNs = 500'000'000;

}  // namespace

void ImportSession::start() {
  thread_ = std::thread([this] { import(); });
}

void ImportSession::close() {
  closed_ = true;
  cancel_.request();
  queue_.abandon();
  if (thread_.joinable()) thread_.join();
}

void ImportSession::import() {
  ::pthread_setname_np(::pthread_self(), "blkscope-impt");
  if (auto done = importAll(); !done) failure_ = std::make_unique<Error>(done.error());
  cpuNs_ += threadCpuNs();
  queue_.end();
}

// A thread of its own reads, decodes and merges: that takes a third of the time.
void ImportSession::read(FileSource& source, EventBlocks& blocks) {
  ::pthread_setname_np(::pthread_self(), "blkscope-read");
  Merger<FileSource, PutForOther> merger(source, source.streams());
  uint64_t last = 0;
  while (size_t count = merger.read(blocks.room(), UINT64_MAX)) {
    if (options_.mixed == MixedCpus::inOrder) backNs_ = firstBack(blocks.room().first(count), last);
    if (backNs_) break;
    PutForOther::done();
    blocks.add(count);
    if (closed_.load(std::memory_order_relaxed) || (cancel_.requested() && cancel_.requestedFor(kLastWordNs))) break;
  }
  blocks.end();
  cpuNs_ = threadCpuNs();
}

/// What comes out of order was not put in order, and the figures are wrong from there on.
Result<void> ImportSession::requireOrder() const {
  if (backNs_ == 0) return {};
  return Error{"NOT_IN_ORDER", options_.traces[0].path + ": its records are not in order of time, one is " + std::to_string(backNs_) +
                                   " ns earlier than the one before it: import it without --in-order"};
}

Result<void> ImportSession::importAll() {
  auto source = FileSource::open(options_.traces, cancel_, options_.mixed);
  if (!source) return source.error();
  EventBlocks blocks;
  std::thread reader([&] { read(*source, blocks); });
  blocks.takeAll([&](std::span<Event> events) {
    if (!closed_.load(std::memory_order_relaxed)) consume(events);
  });
  reader.join();
  if (auto inOrder = requireOrder(); !inOrder) return inOrder.error();
  notes_ = source->notes();
  integrity_.defects = source->defects();
  if (notes_.madeQueues) integrity_.defects.push_back({"MADE_QUEUES", {}});
  integrity_.sequenceGaps = source->sequenceGaps();
  protocol_ = source->protocol();
  devices_ = source->devices();
  if (!analysis_ || source->isGarbage()) {
    std::string first = options_.traces.empty() ? "" : options_.traces[0].path + ": ";
    bool left = std::ranges::any_of(integrity_.defects, [](const Defect& d) { return d.code == "IMPOSSIBLE_TIMES"; });
    return Error{"NOT_A_TRACE", first + (left ? "no block trace event in it bears a time that can be" : "no block trace event in it")};
  }
  analysis_->finish(analysis_->lastNs() + 1);
  if (options_.deliver && batches_.add(analysis_->rows(), {})) (void)batches_.passOn();
  for (Defect& defect : judged(*analysis_, {}, analysis_->lastNs(), integrity_.sequenceGaps)) {
    integrity_.defects.push_back(std::move(defect));
  }
  return {};
}

bool ImportSession::consume(std::span<Event> events) {
  // The time of the first event is known only now.
  if (!analysis_) {
    analysis_ = std::make_unique<Analysis>(std::move(options_.files), options_.fileDevice, events.front().time);
    if (options_.deliver) analysis_->keepRows();
  }
  analysis_->consume(events);
  events_.store(events_.load(std::memory_order_relaxed) + events.size(), std::memory_order_relaxed);  // the only writer
  if (!options_.deliver) return true;
  bool taken = batches_.add(analysis_->rows(), events);
  analysis_->rows().clear();
  return taken;
}

}  // namespace blkscope

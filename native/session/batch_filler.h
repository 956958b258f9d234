// Fills batches on the analysis thread and hands over those that are full.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "analyse/io_row.h"
#include "decode/event.h"
#include "session/batch_queue.h"

namespace blkscope {

/// Every call returns false once nobody takes batches any more.
class BatchFiller {
 public:
  explicit BatchFiller(BatchQueue& queue) : queue_(queue) {}

  bool add(std::span<const IoRow> rows, std::span<const Event> events) {
    for (const IoRow& row : rows) {
      batch().ios().push(row);
      if (batch_->ios().full() && !passOn()) return false;
    }
    for (const Event& event : events) {
      batch().push(event);
      if (batch_->full() && !passOn()) return false;
    }
    return true;
  }

  /// Hands over what there is. Waits for room.
  bool passOn() {
    if (!batch_) return true;
    passedOn_ = true;
    return queue_.push(std::move(batch_));
  }

  /// Whether a batch was handed over since this was asked last.
  bool passedOn() { return std::exchange(passedOn_, false); }

 private:
  ColumnBatch& batch() {
    if (!batch_) batch_ = std::make_unique<ColumnBatch>();
    return *batch_;
  }

  BatchQueue& queue_;
  std::unique_ptr<ColumnBatch> batch_;
  bool passedOn_ = false;
};

}  // namespace blkscope

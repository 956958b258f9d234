#include "capture/sub_buffer_place.h"

#include <algorithm>

#include "capture/blktrace_abi.h"
#include "decode/record.h"

namespace blkscope {

void SubBufferPlace::enter(size_t recordBytes) {
  if (at_ + recordBytes > size_) at_ = 0;
  at_ += recordBytes;
  toCome_ = recordBytes;
}

void SubBufferPlace::pass(std::span<const std::byte> bytes) {
  while (known_ && !bytes.empty()) {
    size_t own = std::min(toCome_, bytes.size());
    toCome_ -= own;
    bytes = bytes.subspan(own);
    if (bytes.empty()) return;
    size_t before = head_.size();
    size_t more = std::min(sizeof(abi::Record2) - before, bytes.size());
    RecordShape shape;
    if (before == 0) {
      shape = shapeOf(bytes);
    } else {
      head_.insert(head_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(more));
      shape = shapeOf(head_);
    }
    if (shape.kind == RecordShape::garbage) return lose();
    if (shape.bytes == 0) {
      if (before == 0) head_.assign(bytes.begin(), bytes.end());
      return;
    }
    enter(shape.bytes);
    toCome_ -= before;
    head_.clear();
  }
}

}  // namespace blkscope

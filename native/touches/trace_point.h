// A tracepoint of the kernel's: its number, and where its fields lie.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>

#include "system/result.h"

namespace blkscope {

class TracePoint {
 public:
  /// As tracefs describes it. Errors: NO_TRACEFS where it is not mounted, NO_TRACEPOINT where the kernel lacks it.
  static Result<TracePoint> find(const std::string& group, const std::string& name);
  /// The same from the text of its file `format`.
  static TracePoint parse(const std::string& format);

  uint64_t id() const { return id_; }
  bool has(const std::string& field) const { return fields_.contains(field); }

  /// Reads one field, a whole number, out of what an occurrence holds.
  class Field {
   public:
    uint64_t of(std::span<const std::byte> fields) const {
      uint64_t value = 0;
      if (offset_ + bytes_ <= fields.size()) std::memcpy(&value, fields.data() + offset_, bytes_);
      return value;
    }

   private:
    friend class TracePoint;
    size_t offset_ = 0;
    size_t bytes_ = 0;
  };
  /// Of a field that it does not have: always 0.
  Field field(const std::string& name) const;

 private:
  uint64_t id_ = 0;
  std::map<std::string, Field> fields_;
};

}  // namespace blkscope

// Why a trace is not whole, as the core notices it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace blkscope {

/// A cause of an incomplete trace. `code` names the cause's line in src/figures/defects.ts: that line says what is told
/// of it and what mends it, and `values` fill its holes by their names.
struct Defect {
  using Value = std::variant<uint64_t, std::string>;

  std::string code;
  std::vector<std::pair<std::string, Value>> values;
};

}  // namespace blkscope

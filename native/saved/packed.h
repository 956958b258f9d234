// What is packed by another program and cannot be read as it is.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "system/result.h"

namespace blkscope {

/// Error PACKED, with what unpacks it, where a file that starts so is packed.
Result<void> refusePacked(const std::string& name, std::span<const std::byte> start);

}  // namespace blkscope

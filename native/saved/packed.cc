#include "saved/packed.h"

#include <string_view>

namespace blkscope {
namespace {

/// What packed bytes begin with, and the program that unpacks them to its output.
struct Packing {
  std::string_view magic;
  const char* name;
  const char* program;
};
constexpr Packing kPackings[] = {{"\x1f\x8b", "gzip", "zcat"},
                                 {"\x28\xb5\x2f\xfd", "zstd", "zstdcat"},
                                 {"\xfd\x37zXZ", "xz", "xzcat"},
                                 {"BZh", "bzip2", "bzcat"}};

}  // namespace

Result<void> refusePacked(const std::string& name, std::span<const std::byte> start) {
  std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Packing& packing : kPackings) {
    if (!text.starts_with(packing.magic)) continue;
    return Error{"PACKED", name + " is packed by " + packing.name + ": unpack it, as in " + packing.program +
                               " FILE | blkscope import -"};
  }
  return {};
}

}  // namespace blkscope

#include "system/result.h"

namespace blkscope {

std::string errnoName(int number) {
  const char* name = strerrorname_np(number);
  return name ? name : "E" + std::to_string(number);
}

Error systemError(const std::string& what, int number) {
  return {errnoName(number), what + ": " + strerrordesc_np(number)};
}

}  // namespace blkscope

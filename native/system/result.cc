#include "system/result.h"

#include "system/errno_name.h"

namespace blkscope {

Error systemError(const std::string& what, int number) {
  return {errnoName(number), what + ": " + errnoText(number)};
}

}  // namespace blkscope

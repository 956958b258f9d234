// Names and texts of errnos, which glibc has functions for since 2.32 and other libraries have not.
#pragma once

#include <string>

namespace blkscope {

/// The name of an errno, such as "EPERM"; "E<number>" for one that Linux does not define.
std::string errnoName(int number);

/// What it means, such as "Operation not permitted".
std::string errnoText(int number);

}  // namespace blkscope

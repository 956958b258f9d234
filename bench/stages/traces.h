// Traces made in memory: one buffer of version 1 records a CPU, as the kernel's relay files hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace blkscope::bench {

using Streams = std::vector<std::vector<std::byte>>;

/// Queue depth 32, random places, completions out of order, a merge every third request, issue and completion on
/// different CPUs. Six to eight events a request: Q G (Q M) I D C.
Streams harshTrace(size_t events, size_t cpus);

/// Sequential reads one after the other, each from one CPU for a while. Five events a request: Q G I D C.
Streams easyTrace(size_t events, size_t cpus);

}  // namespace blkscope::bench

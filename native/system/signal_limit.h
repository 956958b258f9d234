// A bound on how long the handlers of signals that end a process may take.
#pragma once

#include <chrono>

namespace blkscope {

/// From here on SIGHUP, SIGINT and SIGTERM end the process after `limit` at the latest, with 128 and the signal's number as
/// its exit code: also where whoever handles them now does not come to it, as JavaScript that is busy. Where they are not
/// handled they end it at once, as before.
void limitEndingSignals(std::chrono::microseconds limit);

}  // namespace blkscope

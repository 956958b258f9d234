// Signals that are about to end the process, told to whoever has something to put back first.
#pragma once

#include <functional>

namespace blkscope {

/// Someone who is told of SIGHUP, SIGINT or SIGTERM before it ends the process, from the construction on.
///
/// A signal is taken over only while it would end the process at once: a program that handles it, or ignores it, goes on
/// doing so, also where it begins to meanwhile. Once a signal has come, the process ends by it when the last one who is
/// waiting has gone. Any thread; a process may have many.
class EndingSignals {
 public:
  /// `told` is called in a thread of its own, once a signal: it hands the news on, and does nothing else.
  explicit EndingSignals(std::function<void()> told);
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  ~EndingSignals();

  /// Takes over what was given back to the system since, by a program that handles a signal no more.
  static void renew();

 private:
  std::function<void()> told_;
};

}  // namespace blkscope

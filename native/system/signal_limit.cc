#include "system/signal_limit.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>

namespace blkscope {
namespace {

constexpr std::array<int, 3> kEnding = {SIGHUP, SIGINT, SIGTERM};

// Read in handlers: by number, what handles a signal besides; the limit; which signal came.
struct sigaction handled[NSIG];
itimerval timer;
volatile sig_atomic_t ending = 0;

void onTimer(int) { ::_exit(128 + ending); }

void onSignal(int number, siginfo_t* info, void* context) {
  ending = number;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  const struct sigaction& before = handled[number];
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(number, info, context);
  } else {
    before.sa_handler(number);
  }
}

bool isHandled(const struct sigaction& action) {
  if (action.sa_flags & SA_SIGINFO) return action.sa_sigaction != onSignal;
  return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

}  // namespace

void limitEndingSignals(std::chrono::microseconds limit) {
  constexpr int64_t kSecond = 1'000'000;
  timer.it_value = {limit.count() / kSecond, limit.count() % kSecond};
  struct sigaction onEnd {};
  onEnd.sa_handler = onTimer;
  ::sigaction(SIGALRM, &onEnd, nullptr);
  for (int number : kEnding) {
    struct sigaction before {};
    ::sigaction(number, nullptr, &before);
    if (!isHandled(before)) continue;
    handled[number] = before;
    struct sigaction ours = before;
    ours.sa_flags |= SA_SIGINFO;
    ours.sa_sigaction = onSignal;
    ::sigaction(number, &ours, nullptr);
  }
}

}  // namespace blkscope

#include "system/ending_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "system/fd.h"

namespace blkscope {
namespace {

constexpr std::array kSignals = {SIGHUP, SIGINT, SIGTERM};

int noted = -1;  // the end of a pipe that the handler writes to

void note(int signal) {
  int before = errno;
  auto byte = static_cast<unsigned char>(signal);
  (void)!::write(noted, &byte, 1);
  errno = before;
}

// The system's own way, or a handler for one time, as Node's that sets the terminal right and ends.
bool endsTheProcess(const struct sigaction& action) {
  if (action.sa_flags & SA_RESETHAND) return true;
  return !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL;
}

bool isOurs(const struct sigaction& action) { return !(action.sa_flags & SA_SIGINFO) && action.sa_handler == note; }

// All of the process: what a signal does is the process's.
class Watch {
 public:
  using Told = std::function<void()>;

  void add(const Told* told) {
    std::lock_guard life(life_);
    bool first = change([&] { waiting_.push_back(told); }) == 1;
    if (!first || !openedPipe()) return;  // without a pipe, or a thread, signals do what they did
    try {
      thread_ = std::thread([this] { listen(); });
    } catch (const std::system_error&) {
      return;
    }
    takeOver();
  }

  void remove(const Told* told) {
    std::lock_guard life(life_);
    bool last = change([&] { waiting_.remove(told); }) == 0;
    if (!last || !thread_.joinable()) return;
    giveBack();
    note(0);
    thread_.join();
    if (came_) ::kill(::getpid(), came_);
  }

  void renew() {
    std::lock_guard life(life_);
    if (thread_.joinable()) takeOver();
  }

 private:
  size_t change(const std::function<void()>& how) {
    std::lock_guard guard(mutex_);
    how();
    return waiting_.size();
  }

  // Once: a handler may still be about to write when a signal is given back.
  bool openedPipe() {
    if (reader_.valid()) return true;
    auto pipe = openPipe(O_CLOEXEC);
    if (!pipe) return false;
    reader_ = std::move(pipe->first);
    writer_ = std::move(pipe->second);
    noted = writer_.get();
    return true;
  }

  void takeOver() {
    for (size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction now {};
      ::sigaction(kSignals[i], nullptr, &now);
      if (!endsTheProcess(now)) continue;
      before_[i] = now;
      struct sigaction ours {};
      ours.sa_handler = note;
      ours.sa_flags = SA_RESTART;
      ::sigaction(kSignals[i], &ours, nullptr);
    }
  }

  void giveBack() {
    for (size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction now {};
      ::sigaction(kSignals[i], nullptr, &now);
      if (isOurs(now)) ::sigaction(kSignals[i], &before_[i], nullptr);
    }
  }

  void listen() {
    for (unsigned char signal = 0; ::read(reader_.get(), &signal, 1) == 1 && signal != 0;) {
      std::lock_guard guard(mutex_);
      came_ = signal;
      for (const Told* told : waiting_) (*told)();
    }
  }

  std::mutex life_;   // of the thread
  std::mutex mutex_;  // of the list
  std::list<const Told*> waiting_;
  std::array<struct sigaction, kSignals.size()> before_{};
  Fd reader_;
  Fd writer_;
  std::thread thread_;
  std::atomic<int> came_ = 0;
};

// Never destroyed: a signal may come while the process ends.
Watch& watch() {
  static auto* only = new Watch;
  return *only;
}

}  // namespace

EndingSignals::EndingSignals(std::function<void()> told) : told_(std::move(told)) { watch().add(&told_); }
EndingSignals::~EndingSignals() { watch().remove(&told_); }
void EndingSignals::renew() { watch().renew(); }

}  // namespace blkscope

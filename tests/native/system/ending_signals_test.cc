#include "system/ending_signals.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

using namespace blkscope;

namespace {

// In a process of its own, whose status it returns.
int statusOf(const std::function<void()>& run) {
  pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    for (int signal : {SIGHUP, SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);  // the test's framework handles them
    run();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

struct Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  bool told = false;
  EndingSignals signals{[this] {
    std::lock_guard guard(mutex);
    told = true;
    changed.notify_all();
  }};
  bool isTold() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(5), [this] { return told; });
  }
};

void untilEnded() {
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("a signal is told first, and ends the process when all who wait have gone") {
  for (int signal : {SIGHUP, SIGINT, SIGTERM}) {
    std::string mark = "/tmp/blkscope-signal-" + std::to_string(::getpid());
    ::close(::open(mark.c_str(), O_CREAT | O_WRONLY, 0600));
    int status = statusOf([signal, &mark] {
      auto one = std::make_unique<Waiter>();
      auto other = std::make_unique<Waiter>();
      ::kill(::getpid(), signal);
      if (!one->isTold() || !other->isTold()) ::_exit(1);
      one.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (::access(mark.c_str(), F_OK) != 0) ::_exit(2);
      ::unlink(mark.c_str());  // who does it is still here
      other.reset();
      untilEnded();
    });
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == signal);
    CHECK(::access(mark.c_str(), F_OK) != 0);
  }
}

TEST_CASE("a signal that the program handles or ignores is the program's") {
  for (void (*own)(int) : {SIG_IGN, +[](int) {}}) {
    int status = statusOf([own] {
      ::signal(SIGINT, own);
      Waiter waiter;
      ::kill(::getpid(), SIGINT);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::lock_guard guard(waiter.mutex);
      ::_exit(waiter.told ? 1 : 42);
    });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
  }
}

TEST_CASE("one that the program begins to handle meanwhile is the program's, and afterwards told again") {
  int status = statusOf([] {
    auto waiter = std::make_unique<Waiter>();
    ::signal(SIGTERM, +[](int) {});
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (std::lock_guard guard(waiter->mutex); waiter->told) ::_exit(1);
    ::signal(SIGTERM, SIG_DFL);
    EndingSignals::renew();
    ::kill(::getpid(), SIGTERM);
    if (!waiter->isTold()) ::_exit(2);
    waiter.reset();
    untilEnded();
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("where nobody waits any more, signals do what they did") {
  int status = statusOf([] {
    { Waiter waiter; }
    { Waiter waiter; }
    ::kill(::getpid(), SIGHUP);
    untilEnded();
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGHUP);
}

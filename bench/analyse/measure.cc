// Runs a command with its output thrown away, and prints what it took as JSON: wall and CPU time, peak memory.
//
//   measure COMMAND [ARGUMENT...]
//
// A small process of its own: what a child's peak begins with is its parent's.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "measure COMMAND [ARGUMENT...]\n");
    return 2;
  }
  auto begin = std::chrono::steady_clock::now();
  pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execvp(arguments[1], arguments + 1);
    std::perror(arguments[1]);
    ::_exit(127);
  }
  int status = 1;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) {
    std::perror("measure");
    return 1;
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  std::printf("{\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"peakBytes\":%ld}\n", took.count(),
              seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

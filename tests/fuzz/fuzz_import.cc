// Any bytes as a saved trace, as one CPU's file and as a stream of several: imported, merged and analysed to the end.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "session/import_session.h"

using namespace blkscope;

namespace {

void import(const std::string& path) {
  ImportOptions options{.files = {{4096, {{0, 8, 8}}}}, .deliver = false};
  options.traces.push_back({path});
  ImportSession session(std::move(options), [] {});
  session.start();
  for (bool ended = false; !ended;) {
    session.take(ended);
    if (!ended) ::usleep(50);
  }
  if (session.failure()) return;
  uint64_t counted = 0;
  for (uint64_t n : session.analysis().actions()) counted += n;
  // Every event that was decoded has been analysed.
  if (counted != session.events()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string base = "/dev/shm/blkscope-fuzz-" + std::to_string(::getpid());
  for (const std::string& path : {base + ".blktrace.0", base}) {
    Fd fd(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600));
    if (!fd.valid() || ::write(fd.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
    import(path);
    ::unlink(path.c_str());
  }
  return 0;
}

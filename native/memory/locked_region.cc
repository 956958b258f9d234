#include "memory/locked_region.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "memory/available.h"

namespace blkscope {
namespace {

constexpr uint64_t kMiB = 1 << 20;
// A step of the locking: small enough that progress moves and a cancel is heard, large enough to cost nothing.
constexpr uint64_t kStep = 64 * kMiB;

std::string inMiB(uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

}  // namespace

Error lockError(int number, uint64_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  if ((number == EPERM || number == ENOMEM || number == EAGAIN) && limit.rlim_cur < bytes) {
    return {"MEMLOCK_LIMIT", "cannot lock " + inMiB(bytes) + ": the limit of locked memory is " +
                                 inMiB(limit.rlim_cur) + " (ulimit -l); run as root or raise it"};
  }
  return systemError("lock " + inMiB(bytes), number);
}

Result<void> checkHeadroom(uint64_t bytes, uint64_t available, uint64_t rest) {
  if (available >= rest && bytes <= available - rest) return {};
  uint64_t most = available > rest ? available - rest : 0;
  return Error{"NO_HEADROOM", "locking " + inMiB(bytes) + " would leave less than " + inMiB(rest) + " of the " +
                                  inMiB(available) + " available; ask for " + inMiB(most) + " at most"};
}

Result<LockedRegion> LockedRegion::lock(uint64_t bytes, LockProgress& progress) {
  if (auto room = checkHeadroom(bytes, memoryAvailable(), safeRest()); !room) return room.error();
  auto memory = Mapping::map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  if (!memory) return memory.error();
  ::madvise(memory->data(), memory->size(), MADV_HUGEPAGE);  // a wish

  std::atomic<uint64_t> next = 0;
  std::atomic<int> failure = 0;
  auto work = [&] {
    for (;;) {
      uint64_t from = next.fetch_add(kStep);
      if (from >= bytes || progress.cancelled || failure) return;
      uint64_t length = std::min(kStep, bytes - from);
      if (::mlock(memory->data() + from, length) != 0) {  // populates as well
        failure = errno;
        return;
      }
      progress.lockedBytes += length;
    }
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()) - 1);
  for (std::jthread& thread : threads) thread = std::jthread(work);
  work();
  threads.clear();  // joins
  if (failure) return lockError(failure, bytes);
  if (progress.cancelled) return Error{"ABORTED", "the locking of " + inMiB(bytes) + " was ended early"};
  return LockedRegion(std::move(*memory));
}

}  // namespace blkscope

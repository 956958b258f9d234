#include "memory/mapped_by.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "system/page_size.h"

using namespace blkscope;

namespace {

constexpr uint64_t kPages = 64;

struct MappedFile {
  std::string folder = std::filesystem::current_path() / ("mapped-" + std::to_string(::getpid()));
  std::string path = folder + "/file";
  MappedFile() {
    std::filesystem::create_directory(folder);
    std::ofstream(path) << std::string(kPages * pageBytes(), 'm');
  }
  ~MappedFile() { std::filesystem::remove_all(folder); }
};

/// A process that does something and then waits to be ended.
class Other {
 public:
  explicit Other(const std::function<bool()>& action) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      char told = action() ? 'y' : 'n';
      (void)!::write(ready[1], &told, 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    (void)!::read(ready[0], &told_, 1);
    ::close(ready[0]);
  }
  ~Other() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  bool did() const { return told_ == 'y'; }
  int pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  char told_ = 'n';
};

volatile const char* mapWhole(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY);
  void* mapped = ::mmap(nullptr, kPages * pageBytes(), PROT_READ, MAP_SHARED, fd, 0);
  ::madvise(mapped, kPages * pageBytes(), MADV_RANDOM);
  return mapped == MAP_FAILED ? nullptr : static_cast<volatile const char*>(mapped);
}

}  // namespace

TEST_CASE("of a file that a process maps several times, each mapping counts") {
  MappedFile file;
  Other other([&] {
    volatile const char* looked = mapWhole(file.path);
    volatile const char* used = mapWhole(file.path);
    if (!looked || !used) return false;
    (void)looked[10 * pageBytes()];
    (void)used[40 * pageBytes()];
    return true;
  });
  REQUIRE(other.did());
  auto found = MappedBy::find({file.path});
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->pid() == other.pid());
  CHECK((*found)->touched(0, 10 * pageBytes()));
  CHECK((*found)->touched(0, 40 * pageBytes()));
  CHECK(!(*found)->touched(0, kPages * pageBytes()));
  CHECK((*found)->unmoved());
}

TEST_CASE("a file is found where another mount namespace shows it under another path") {
  if (::geteuid() != 0) return;
  MappedFile file;
  Other other([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    if (::mount(file.folder.c_str(), "/mnt", nullptr, MS_BIND, nullptr) != 0) return false;
    volatile const char* used = mapWhole("/mnt/file");
    if (used) (void)used[8 * pageBytes()];
    return used != nullptr;
  });
  REQUIRE(other.did());
  auto found = MappedBy::find({file.path});
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->pid() == other.pid());
  CHECK((*found)->touched(0, 8 * pageBytes()));
}

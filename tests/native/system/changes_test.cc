#include "system/changes.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

using namespace blkscope;
namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/blkscope-changes-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
};

std::string put(const Folder& folder, const char* name, const char* value) {
  std::string path = folder.path + "/" + name;
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  REQUIRE(writeText(path, value));
  return path;
}

}  // namespace

TEST_CASE("changes are undone in reverse order, and the journal goes with them") {
  Folder folder;
  std::string setting = put(folder, "setting", "old");
  Changes changes(folder.path + "/journal");
  REQUIRE(changes.writeSetting(setting, "first"));
  REQUIRE(changes.writeSetting(setting, "second"));
  CHECK(*readText(setting) == "second");
  CHECK(changes.undo().undone.size() == 2);
  CHECK(*readText(setting) == "old");
  CHECK(fs::is_empty(folder.path + "/journal"));
}

TEST_CASE("recover undoes what a killed process left, and leaves a live one alone") {
  Folder folder;
  std::string setting = put(folder, "setting", "old");
  std::string journal = folder.path + "/journal";
  pid_t child = ::fork();
  if (child == 0) {
    Changes changes(journal);
    if (!changes.writeSetting(setting, "changed")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(*readText(setting) == "changed");

  std::string other = put(folder, "other", "a");
  Changes live(journal);
  REQUIRE(live.writeSetting(other, "b"));
  UndoReport report = recover(journal);
  CHECK(report.failed.empty());
  CHECK(report.undone.size() == 1);
  CHECK(*readText(setting) == "old");
  CHECK(*readText(other) == "b");
}

TEST_CASE("what cannot be undone stays in the journal, for another try") {
  Folder folder;
  std::string made = folder.path + "/made";
  std::string setting = put(folder, "setting", "old");
  Changes changes(folder.path + "/journal");
  REQUIRE(changes.makeDirectory(made));
  REQUIRE(changes.writeSetting(setting, "new"));
  std::string stranger = made + "/stranger";
  ::close(::open(stranger.c_str(), O_CREAT | O_WRONLY, 0600));

  UndoReport first = changes.undo();
  CHECK(first.undone.size() == 1);
  CHECK(first.failed.size() == 1);
  CHECK(readText(setting).value() == "old");
  CHECK(changes.size() == 1);
  CHECK_FALSE(fs::is_empty(folder.path + "/journal"));

  fs::remove(stranger);
  CHECK(changes.undo().failed.empty());
  CHECK_FALSE(fs::exists(made));
  CHECK(fs::is_empty(folder.path + "/journal"));
}

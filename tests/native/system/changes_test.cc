#include "system/changes.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

using namespace blkscope;
namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path;
  explicit Folder(const std::string& parent = "/tmp") : path(parent + "/blkscope-changes-XXXXXX") {
    REQUIRE(::mkdtemp(path.data()));
  }
  ~Folder() { fs::remove_all(path); }
};

std::string put(const Folder& folder, const char* name, const char* value) {
  std::string path = folder.path + "/" + name;
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  REQUIRE(writeText(path, value));
  return path;
}

/// A session that makes a setting "changed" and is killed. Returns its process.
pid_t changeAndBeKilled(const std::string& journal, const std::string& setting) {
  pid_t child = ::fork();
  if (child == 0) {
    Changes changes(journal);
    if (!changes.writeSetting(setting, "changed")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  return child;
}

// These tests change files of their own, which are at no place of blkscope's.
const Places anywhere = [](const Undo&) { return true; };

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
  pid_t child = changeAndBeKilled(journal, setting);
  CHECK(*readText(setting) == "changed");

  std::string other = put(folder, "other", "a");
  Changes live(journal);
  REQUIRE(live.writeSetting(other, "b"));
  std::vector<DeadSession> dead = deadSessions(journal);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].pid == child);
  CHECK(dead[0].undos == std::vector<std::string>{setting + " = old"});
  UndoReport report = recover(journal, anywhere);
  CHECK(report.failed.empty());
  CHECK(report.undone.size() == 1);
  CHECK(*readText(setting) == "old");
  CHECK(*readText(other) == "b");
  CHECK(deadSessions(journal).empty());
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

TEST_CASE("a session never runs on with a journal that recover has unlinked") {
  Folder folder("/dev/shm");  // thousands of journals
  std::string setting = put(folder, "setting", "old");
  std::string journal = folder.path + "/journal";
  fs::create_directory(journal);
  pid_t recovering = ::fork();
  if (recovering == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) recover(journal, anywhere);
  }
  size_t unlinked = 0;
  for (int i = 0; i < 20000; ++i) {
    Changes changes(journal);
    REQUIRE(changes.writeSetting(setting, "new"));
    unlinked += fs::is_empty(journal);
  }
  ::kill(recovering, SIGKILL);
  ::waitpid(recovering, nullptr, 0);
  CHECK(unlinked == 0);
  CHECK(*readText(setting) == "old");
}

TEST_CASE("what a live session has changed as well waits for its end") {
  Folder folder;
  std::string shared = put(folder, "shared", "old");
  std::string own = put(folder, "own", "old");
  std::string journal = folder.path + "/journal";
  pid_t child = ::fork();
  if (child == 0) {
    Changes changes(journal);
    if (!changes.writeSetting(own, "changed") || !changes.writeSetting(shared, "changed")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  {
    Changes live(journal);
    REQUIRE(live.writeSetting(shared, "live"));
    UndoReport report = recover(journal, anywhere);
    CHECK(report.failed.empty());
    CHECK(report.undone.size() == 1);
    CHECK(*readText(own) == "old");
    CHECK(*readText(shared) == "live");
  }
  REQUIRE(writeText(own, "later"));  // undone once, and never again
  recover(journal, anywhere);
  CHECK(*readText(shared) == "old");
  CHECK(*readText(own) == "later");
  CHECK(fs::is_empty(journal));
}

TEST_CASE("a setting that several sessions change is as before them when the last has ended, in whatever order they end") {
  std::vector<int> order{0, 1, 2};
  do {
    Folder folder;
    std::string setting = put(folder, "setting", "old");
    std::vector<std::unique_ptr<Changes>> sessions;
    for (const char* value : {"first", "second", "third"}) {
      sessions.push_back(std::make_unique<Changes>(folder.path + "/journal"));
      REQUIRE(sessions.back()->writeSetting(setting, value));
    }
    CHECK(*readText(setting) == "third");
    for (int ended : order) CHECK(sessions[static_cast<size_t>(ended)]->undo().failed.empty());
    CHECK(*readText(setting) == "old");
    CHECK(fs::is_empty(folder.path + "/journal"));
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("who ends leaves a setting as others that live have it") {
  Folder folder;
  std::string setting = put(folder, "setting", "old");
  Changes first(folder.path + "/journal");
  REQUIRE(first.writeSetting(setting, "first"));
  SUBCASE("as the one before it had it") {
    Changes second(folder.path + "/journal");
    REQUIRE(second.writeSetting(setting, "second"));
    CHECK(second.undo().failed.empty());
    CHECK(*readText(setting) == "first");
  }
  SUBCASE("as one has made it since") {
    Changes second(folder.path + "/journal");
    Changes third(folder.path + "/journal");
    REQUIRE(second.writeSetting(setting, "second"));
    REQUIRE(third.writeSetting(setting, "third"));
    CHECK(second.undo().failed.empty());
    CHECK(*readText(setting) == "third");
    CHECK(first.undo().failed.empty());
    CHECK(*readText(setting) == "third");
  }
}

TEST_CASE("recover puts back what was before all, when those that were killed had changed the same as one that has ended") {
  Folder folder;
  std::string setting = put(folder, "setting", "old");
  std::string journal = folder.path + "/journal";
  auto first = std::make_unique<Changes>(journal);
  REQUIRE(first->writeSetting(setting, "first"));
  changeAndBeKilled(journal, setting);
  recover(journal, anywhere);
  CHECK(*readText(setting) == "changed");  // one lives that has changed it as well
  first.reset();
  CHECK(*readText(setting) == "old");
  recover(journal, anywhere);
  CHECK(*readText(setting) == "old");
  CHECK(deadSessions(journal).empty());
}

TEST_CASE("an undo of what is no setting does not read what it names") {
  Folder folder;
  std::string disk = put(folder, "disk", "");
  REQUIRE(::truncate(disk.c_str(), off_t{1} << 40) == 0);  // more than there is memory
  Changes changes(folder.path + "/journal");
  REQUIRE(changes.willChange({Undo::Kind::unmount, disk, ""}));  // nothing is mounted there: it is undone
  CHECK(changes.undo().failed.empty());
}

TEST_CASE("a cgroup's controller is shared by sessions, and the last of them undoes it") {
  Folder folder;
  // A cgroup's file shows "memory" when "+memory" was written.
  std::string control = put(folder, "cgroup.subtree_control", "cpu io");
  std::string journal = folder.path + "/journal";
  Changes first(journal), second(journal);
  REQUIRE(first.passController(folder.path, "memory"));
  CHECK(*readText(control) == "+memory");
  REQUIRE(writeText(control, "cpu memory"));
  REQUIRE(second.passController(folder.path, "memory"));
  first.undo();
  CHECK(*readText(control) == "cpu memory");
  second.undo();
  CHECK(*readText(control) == "-memory");
  CHECK(fs::is_empty(journal));

  REQUIRE(writeText(control, "memory"));
  REQUIRE(first.passController(folder.path, "memory"));  // as it was before all sessions
  first.undo();
  CHECK(*readText(control) == "memory");
}

TEST_CASE("a cgroup goes with those that were made in it") {
  Folder folder;
  Changes changes(folder.path + "/journal");
  REQUIRE(changes.makeCgroup(folder.path + "/group"));
  fs::create_directories(folder.path + "/group/inner/innermost");
  fs::create_directory(folder.path + "/group/other");
  CHECK(changes.undo().failed.empty());
  CHECK_FALSE(fs::exists(folder.path + "/group"));
}

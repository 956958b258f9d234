#include "system/journal.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "system/changes.h"

using namespace blkscope;
namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path = "/tmp/blkscope-journal-XXXXXX";
  Folder() { REQUIRE(::mkdtemp(path.data())); }
  ~Folder() { fs::remove_all(path); }
};

void put(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

bool tellsOf(const UndoReport& report, const char* text) {
  for (const std::string& line : report.failed) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a journal's folder that others may write, or that is a link, is left alone") {
  Folder folder;
  std::string journal = folder.path + "/journal";
  std::string victim = folder.path + "/victim";
  put(victim, "as it was");
  fs::create_directory(journal);
  put(journal + "/session-1-0", "write\t" + victim + "\tchanged\n");
  REQUIRE(::chmod(journal.c_str(), 0777) == 0);
  CHECK(tellsOf(recover(journal), "nobody else may write"));
  CHECK(Changes(journal).makeDirectory(folder.path + "/made").error().code == "UNSAFE_JOURNAL");
  REQUIRE(::chmod(journal.c_str(), 0700) == 0);
  fs::create_directory_symlink(journal, folder.path + "/link");
  CHECK(tellsOf(recover(folder.path + "/link"), "nobody else may write"));
  CHECK(*readText(victim) == "as it was");
}

TEST_CASE("what is no journal of ours is not opened for good, followed or written") {
  Folder folder;
  std::string victim = folder.path + "/victim";
  put(victim, "write\t/proc/sys/kernel/panic\t1\n");
  auto at = [&](const char* name) { return folder.path + "/" + name; };
  REQUIRE(::mkfifo(at("session-1-0").c_str(), 0600) == 0);
  REQUIRE(::symlink(victim.c_str(), at("session-2-0").c_str()) == 0);
  REQUIRE(::link(victim.c_str(), at("session-3-0").c_str()) == 0);
  put(at("session-4-0"), "rmdir\t/x\t\n", 0666);
  fs::create_directory(at("session-5-0"));
  UndoReport report = recover(folder.path);
  CHECK(report.undone.empty());
  for (int i = 1; i <= 5; ++i) CHECK(tellsOf(report, ("session-" + std::to_string(i) + "-0").c_str()));
  CHECK(*readText(victim) == "write\t/proc/sys/kernel/panic\t1");
}

TEST_CASE("an undo elsewhere than where blkscope changes something is not made, and stays") {
  Folder folder;
  std::string victim = folder.path + "/victim";
  put(victim, "as it was");
  fs::create_directory(folder.path + "/empty");
  fs::create_directories(folder.path + "/blkscope-1");
  std::string text = "write\t" + victim + "\tchanged\n" +                     //
                     "write\t" + folder.path + "/queue/read_ahead_kb\t1\n" +  //
                     "write\t/proc/sys/kernel/panic\t1\n" +                   //
                     "write\t/sys/kernel/../kernel/tracing/tracing_on\t1\n" +  //
                     "rmdir\t" + folder.path + "/empty\t\n" +                 //
                     "cgroup\t" + folder.path + "/blkscope-1\t\n" +           //
                     "unmount\t/\t\n" +                                       //
                     "teardown\t" + victim + "\t\n" +                         //
                     "controller\t" + folder.path + "/cgroup.subtree_control\t-memory\n";
  fs::create_directory(folder.path + "/queue");
  put(folder.path + "/queue/read_ahead_kb", "128");
  put(folder.path + "/cgroup.subtree_control", "memory");
  fs::create_directory(folder.path + "/journal");
  ::chmod((folder.path + "/journal").c_str(), 0700);
  std::string journal = folder.path + "/journal/session-1-0";
  put(journal, text);
  UndoReport report = recover(folder.path + "/journal");
  CHECK(report.undone.empty());
  CHECK(report.failed.size() == 9);
  CHECK(*readText(victim) == "as it was");
  CHECK(*readText(folder.path + "/queue/read_ahead_kb") == "128");
  CHECK(fs::exists(folder.path + "/empty"));
  CHECK(fs::exists(folder.path + "/blkscope-1"));
  CHECK(*readText(journal) + '\n' == text);
}

TEST_CASE("what is not understood is kept and told, and the rest is undone") {
  Folder folder;
  std::string journal = folder.path + "/session-1-0";
  put(journal, "rmdir\t" + folder.path + "/spool-77\t\nrewind\t/sys/x\t1\nno line\n");
  fs::create_directory(folder.path + "/spool-77");
  UndoReport report = recover(folder.path);
  CHECK(report.undone.size() == 1);
  CHECK_FALSE(fs::exists(folder.path + "/spool-77"));
  CHECK(report.failed.size() == 2);
  CHECK(tellsOf(report, "rewind"));
  CHECK(*readText(journal) == "rewind\t/sys/x\t1\nno line");
}

TEST_CASE("places where blkscope changes something") {
  Places places = kernelPlaces("/run/blkscope");
  using Kind = Undo::Kind;
  CHECK(places({Kind::unmount, "/sys/kernel/tracing", ""}));
  CHECK(places({Kind::unmount, "/run/blkscope/spool-12", ""}));
  CHECK(places({Kind::removeDirectory, "/run/blkscope/spool-12", ""}));
  CHECK_FALSE(places({Kind::removeDirectory, "/run/blkscope/spool-", ""}));
  CHECK_FALSE(places({Kind::removeDirectory, "/run/blkscope/spool-1/../../x", ""}));
  CHECK(places({Kind::teardown, "/dev/no-such-disk", ""}));
  CHECK_FALSE(places({Kind::teardown, "/dev/null", ""}));
  CHECK_FALSE(places({Kind::write, "relative/queue/read_ahead_kb", ""}));
}

// How a change to the machine is undone, and where blkscope makes such changes.
#pragma once

#include <functional>
#include <string>

namespace blkscope {

/// How one change is undone; also one line of the journal.
struct Undo {
  enum class Kind { write, removeDirectory, removeCgroup, unmount, teardown, controller } kind;
  std::string path;
  std::string value;  // write, controller: what to write back

  bool operator==(const Undo&) const = default;
};

/// Whether an undo that was read from a file is at a place where blkscope changes something.
using Places = std::function<bool(const Undo&)>;

/// The few settings of disks and of the tracer, blkscope's own memory cgroups, where tracing is mounted, traces of block
/// devices, and spools in the journal's folder. A file system that is no kernel's own is no place for a setting.
Places kernelPlaces(const std::string& journalDirectory);

}  // namespace blkscope

// The file in memory through which the library that is preloaded into llama.cpp tells of its passes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "preload/records.h"
#include "system/fd.h"
#include "system/result.h"

namespace blkscope {

/// A file of the model: its real path, where its mappings are to be split (offsets, ascending, whole pages), and of the pieces,
/// one more than cuts, which are to fault in each profiled pass, and of which each pass uses all.
struct WantedFile {
  std::string path;
  std::vector<uint64_t> cuts;
  std::vector<bool> watched;
  std::vector<bool> always;
};

class PassChannel {
 public:
  /// `profiledPasses`: the first so many passes of the program are profiled. Behind them the model is mapped as it was; with
  /// `follow` only where each pass uses all, and only as long as memory is enough for it.
  static Result<PassChannel> create(const std::vector<WantedFile>& files, uint32_t profiledPasses, bool follow);

  /// For the workload to inherit.
  int fd() const { return fd_.get(); }
  /// All records so far.
  Result<std::vector<blkscope_record>> records() const;

 private:
  PassChannel(Fd fd, size_t begin) : fd_(std::move(fd)), begin_(begin) {}

  Fd fd_;
  size_t begin_;
};

}  // namespace blkscope

#include "touches/pass_channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace blkscope {
namespace {

// Two a pass and one a mapping: so many no run has.
constexpr size_t kMostRecords = 1 << 20;

template <class Value>
void append(std::string& text, const Value& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string wantedText(const std::vector<WantedFile>& files, uint32_t profiledPasses, bool follow) {
  blkscope_wanted wanted{0, static_cast<uint32_t>(files.size()), profiledPasses, follow};
  std::string text;
  append(text, wanted);
  for (const WantedFile& file : files) {
    append(text, static_cast<uint32_t>(file.path.size()));
    append(text, static_cast<uint32_t>(file.cuts.size()));
    text += file.path;
    text.resize((text.size() + 7) / 8 * 8);
    for (size_t i = 0; i < file.cuts.size(); ++i) {
      uint64_t leftAlone = file.watched[i + 1] ? 0 : BLKSCOPE_LEFT_ALONE;
      uint64_t always = file.always[i + 1] ? BLKSCOPE_ALWAYS : 0;
      append(text, file.cuts[i] | leftAlone | always);
    }
  }
  wanted.bytes = static_cast<uint32_t>(text.size());
  std::memcpy(text.data(), &wanted, sizeof wanted);
  return text;
}

}  // namespace

Result<PassChannel> PassChannel::create(const std::vector<WantedFile>& files, uint32_t profiledPasses, bool follow) {
  Fd fd(::memfd_create("blkscope-touches", MFD_CLOEXEC));
  if (!fd.valid()) return systemError("make a file in memory");
  std::string text = wantedText(files, profiledPasses, follow);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return systemError("write a file in memory");
  // What several processes write comes one after another.
  if (::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) return systemError("set up a file in memory");
  return PassChannel(std::move(fd), text.size());
}

Result<std::vector<blkscope_record>> PassChannel::records() const {
  struct stat state {};
  if (::fstat(fd_.get(), &state) != 0) return systemError("look at a file in memory");
  // The workload may do to it what it likes.
  auto size = static_cast<size_t>(state.st_size);
  if (size < begin_ || size - begin_ > kMostRecords * sizeof(blkscope_record))
    return Error{"TOUCHES_CHANGED", "the workload changed what the library had told of its passes; nothing of it is used"};
  // A record that was being written when its process ended is no record.
  std::vector<blkscope_record> records((size - begin_) / sizeof(blkscope_record));
  size_t bytes = records.size() * sizeof(blkscope_record);
  if (::pread(fd_.get(), records.data(), bytes, static_cast<off_t>(begin_)) != static_cast<ssize_t>(bytes))
    return systemError("read a file in memory");
  return records;
}

}  // namespace blkscope

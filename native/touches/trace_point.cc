#include "touches/trace_point.h"

#include <cstdio>
#include <sstream>

#include "system/fd.h"
#include "system/mounts.h"

namespace blkscope {

TracePoint TracePoint::parse(const std::string& format) {
  TracePoint point;
  std::istringstream lines(format);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ID: ")) point.id_ = std::strtoull(line.c_str() + 4, nullptr, 10);
    size_t declared = line.find("field:");
    size_t end = line.find(';');
    size_t numbers = line.find("offset:");
    if (declared == std::string::npos || end == std::string::npos || numbers == std::string::npos) continue;
    std::string name = line.substr(0, end);
    name = name.substr(name.find_last_of(" *") + 1);
    Field field;
    if (std::sscanf(line.c_str() + numbers, "offset:%zu; size:%zu", &field.offset_, &field.bytes_) == 2 &&
        field.bytes_ <= sizeof(uint64_t))
      point.fields_.emplace(name, field);
  }
  return point;
}

Result<TracePoint> TracePoint::find(const std::string& group, const std::string& name) {
  std::string tracefs = mountPoint("tracefs", "/sys/kernel/tracing");
  std::string debugfs = mountPoint("debugfs", "/sys/kernel/debug");
  if (tracefs.empty() && !debugfs.empty()) tracefs = debugfs + "/tracing";
  if (tracefs.empty())
    return Error{"NO_TRACEFS", "tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing (or give --mount)"};
  auto text = readText(tracefs + "/events/" + group + "/" + name + "/format");
  if (!text) return Error{"NO_TRACEPOINT", "this kernel has no event " + group + ":" + name};
  return parse(*text);
}

TracePoint::Field TracePoint::field(const std::string& name) const {
  auto found = fields_.find(name);
  return found == fields_.end() ? Field{} : found->second;
}

}  // namespace blkscope

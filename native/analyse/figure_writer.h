// How figures leave the core: every metric tells its own, by the names that they have in the summary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace blkscope {

/// Takes figures by name. The addon's makes a JavaScript object of them.
class FigureWriter {
 public:
  using Tell = std::function<void(FigureWriter&)>;

  virtual ~FigureWriter() = default;
  /// A count, or bytes.
  virtual void number(const std::string& name, uint64_t value) = 0;
  virtual void real(const std::string& name, double value) = 0;
  /// Sectors, or a time: exact beyond 2^53.
  virtual void exact(const std::string& name, uint64_t value) = 0;
  virtual void flag(const std::string& name, bool value) = 0;
  virtual void text(const std::string& name, const std::string& value) = 0;
  /// Not known from this trace.
  virtual void unknown(const std::string& name) = 0;
  virtual void column(const std::string& name, std::span<const double> values) = 0;
  /// Figures under one name.
  virtual void group(const std::string& name, const Tell& tell) = 0;
  /// `count` groups under one name, one after the other.
  virtual void list(const std::string& name, size_t count, const std::function<void(size_t, FigureWriter&)>& tell) = 0;

  /// What a metric tells, under one name.
  template <class Metric>
  void metric(const std::string& name, const Metric& metric) {
    group(name, [&](FigureWriter& out) { metric.tell(out); });
  }
};

}  // namespace blkscope

// Results and errors as values: the core throws nothing.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace blkscope {

/// What went wrong, in words a user can act on.
///
/// `code` is a short stable name (`EPERM`, `TRACER_BUSY`, ...) that the TypeScript side maps to an exit code;
/// `message` is one line: what failed, where, and what to do.
struct Error {
  std::string code;
  std::string message;
};

/// An error from errno: "<what>: <strerror>", with the errno's name as its code.
Error systemError(const std::string& what, int number = errno);

/// A value or an Error. `Result<void>` carries success alone.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  Error& error() { return error_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace blkscope

// JavaScript values <-> C++ values at the addon's edge: argument checks, errors, byte sizes.
//
// Convention of every binding: byte sizes and counts are numbers (safe integers), sectors and times are
// bigints. A bad argument throws a TypeError with code BAD_ARGUMENT that names the argument and what came.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "system/result.h"

namespace blkscope {

inline constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

/// A JavaScript Error with the core error's `.message` and `.code`; for rejecting promises.
Napi::Error jsError(Napi::Env env, const Error& error);

[[noreturn]] void throwError(Napi::Env env, const Error& error);

/// The value of a result; throws its error into JavaScript otherwise.
template <class T>
T valueOrThrow(Napi::Env env, Result<T> result) {
  if (!result) throwError(env, result.error());
  return std::move(*result);
}
inline void valueOrThrow(Napi::Env env, const Result<void>& result) {
  if (!result) throwError(env, result.error());
}

/// A value that JavaScript passed, together with the name it has in messages ("options.path").
///
///     Argument options = Argument::at(info, 0, "options");
///     std::string path = options["path"].string();
///     uint64_t depth = options["depth"].integerOr(4);
class Argument {
 public:
  Argument(Napi::Value value, std::string name) : value_(value), name_(std::move(name)) {}
  static Argument at(const Napi::CallbackInfo& info, size_t index, std::string name) {
    return {info[index], std::move(name)};
  }

  /// False for undefined (and so for a missing argument or property) and null.
  bool given() const { return !value_.IsUndefined() && !value_.IsNull(); }
  const Napi::Value& value() const { return value_; }
  const std::string& name() const { return name_; }

  std::string string() const;
  bool boolean() const;
  /// Any finite number.
  double number() const;
  /// A number that is a whole, safe integer from 0 to `max`: byte sizes, counts, process ids.
  uint64_t integer(uint64_t max = kMaxSafeInteger) const;
  /// A bigint from 0 to 2^64 - 1: sectors, times.
  uint64_t bigint() const;
  Napi::Object object() const;
  Napi::Function function() const;
  /// The elements of an array, named "ranges[0]", "ranges[1]", ...
  std::vector<Argument> elements() const;
  std::vector<std::string> strings() const;

  std::string stringOr(std::string fallback) const { return given() ? string() : std::move(fallback); }
  bool booleanOr(bool fallback) const { return given() ? boolean() : fallback; }
  double numberOr(double fallback) const { return given() ? number() : fallback; }
  uint64_t integerOr(uint64_t fallback, uint64_t max = kMaxSafeInteger) const {
    return given() ? integer(max) : fallback;
  }
  uint64_t bigintOr(uint64_t fallback) const { return given() ? bigint() : fallback; }
  std::vector<std::string> stringsOr(std::vector<std::string> fallback) const {
    return given() ? strings() : std::move(fallback);
  }

  /// A property, named "<this>.<key>"; it need not be there (see given). An options argument that was left
  /// out altogether counts as an empty object.
  Argument operator[](const char* key) const;

  /// Throws "<name> must be <expected>, not <what came>"; for checks of a binding's own.
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  Napi::Value value_;
  std::string name_;
};

/// A byte size, count or pid as a number. Sizes beyond 2^53 (8 PiB) lose their low bits, as any number does.
inline Napi::Value jsNumber(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}
/// A sector or a time as a bigint.
inline Napi::Value jsBigint(Napi::Env env, uint64_t value) { return Napi::BigInt::New(env, value); }

}  // namespace blkscope

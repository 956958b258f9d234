#include "addon/convert.h"

#include <cmath>

namespace blkscope {
namespace {

// What came, for the message: its type, and its value where that is short.
std::string describe(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>() ? "true" : "false";
    case napi_number:
      return "the number " + value.ToString().Utf8Value();
    case napi_bigint:
      return "the bigint " + value.ToString().Utf8Value() + "n";
    case napi_string: {
      std::string text = value.As<Napi::String>().Utf8Value();
      return text.size() <= 60 ? "the string '" + text + "'" : "a string";
    }
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

}  // namespace

Napi::Error jsError(Napi::Env env, const Error& error) {
  Napi::Error made = Napi::Error::New(env, error.message);
  made.Set("code", Napi::String::New(env, error.code));
  return made;
}

void throwError(Napi::Env env, const Error& error) { throw jsError(env, error); }

void Argument::refuse(const std::string& expected) const {
  Napi::Env env = value_.Env();
  Napi::TypeError made =
      Napi::TypeError::New(env, name_ + " must be " + expected + ", not " + describe(value_));
  made.Set("code", Napi::String::New(env, "BAD_ARGUMENT"));
  throw made;
}

std::string Argument::string() const {
  if (!value_.IsString()) refuse("a string");
  std::string text = value_.As<Napi::String>().Utf8Value();
  // The core hands strings to system calls, which would silently cut them at a NUL.
  if (text.find('\0') != std::string::npos) refuse("a string without NUL characters");
  return text;
}

bool Argument::boolean() const {
  if (!value_.IsBoolean()) refuse("true or false");
  return value_.As<Napi::Boolean>().Value();
}

double Argument::number() const {
  if (!value_.IsNumber() || !std::isfinite(value_.As<Napi::Number>().DoubleValue()))
    refuse("a finite number");
  return value_.As<Napi::Number>().DoubleValue();
}

uint64_t Argument::integer(uint64_t max) const {
  double given = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : -1;
  if (!(given >= 0 && given <= static_cast<double>(max)) || given != std::floor(given)) {
    refuse("a whole number from 0 to " + std::to_string(max));
  }
  return static_cast<uint64_t>(given);
}

uint64_t Argument::bigint() const {
  bool lossless = false;
  uint64_t number = value_.IsBigInt() ? value_.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) refuse("a bigint from 0 to 2^64 - 1");
  return number;
}

Napi::Object Argument::object() const {
  if (!value_.IsObject() || value_.IsArray() || value_.IsFunction()) refuse("an object");
  return value_.As<Napi::Object>();
}

Napi::Function Argument::function() const {
  if (!value_.IsFunction()) refuse("a function");
  return value_.As<Napi::Function>();
}

std::vector<Argument> Argument::elements() const {
  if (!value_.IsArray()) refuse("an array");
  Napi::Array array = value_.As<Napi::Array>();
  std::vector<Argument> elements;
  elements.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    elements.emplace_back(array.Get(i), name_ + "[" + std::to_string(i) + "]");
  }
  return elements;
}

std::vector<std::string> Argument::strings() const {
  std::vector<std::string> strings;
  for (const Argument& element : elements()) strings.push_back(element.string());
  return strings;
}

Argument Argument::operator[](const char* key) const {
  std::string name = name_ + "." + key;
  if (value_.IsUndefined()) return {value_, std::move(name)};
  return {object().Get(key), std::move(name)};
}

}  // namespace blkscope

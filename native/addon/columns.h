// Typed arrays of JavaScript: as spans, and made of rows.
#pragma once

#include <napi.h>

#include <functional>
#include <span>
#include <type_traits>

#include "addon/convert.h"

namespace blkscope {

/// The elements of a typed array; valid as long as the array is referenced. `expected` names it in the message.
template <class Element>
std::span<const Element> column(const Argument& argument, napi_typedarray_type type, const char* expected) {
  if (!argument.value().IsTypedArray() || argument.value().As<Napi::TypedArray>().TypedArrayType() != type) {
    argument.refuse(expected);
  }
  auto array = argument.value().As<Napi::TypedArrayOf<Element>>();
  return {array.Data(), array.ElementLength()};
}

inline std::span<const uint64_t> bigColumn(const Argument& argument) {
  return column<uint64_t>(argument, napi_biguint64_array, "a BigUint64Array");
}
inline std::span<const uint32_t> column32(const Argument& argument) {
  return column<uint32_t>(argument, napi_uint32_array, "a Uint32Array");
}

/// A typed array with one value of each row: a member of it, or what a function makes of it.
///
///     object["bytes"] = jsColumn<Napi::Float64Array>(env, touches, &SeenTouch::bytes);
template <class Array, class Rows, class ValueOf = std::identity>
Array jsColumn(Napi::Env env, const Rows& rows, ValueOf valueOf = {}) {
  auto array = Array::New(env, rows.size());
  size_t i = 0;
  for (const auto& row : rows) {
    array[i++] = static_cast<std::remove_cvref_t<decltype(array[0])>>(std::invoke(valueOf, row));
  }
  return array;
}

}  // namespace blkscope

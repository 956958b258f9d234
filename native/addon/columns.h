// Typed arrays of JavaScript as spans.
#pragma once

#include <napi.h>

#include <span>

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

}  // namespace blkscope

#include "addon/batch.h"

#include "addon/convert.h"

namespace blkscope {

// Views on one external block; the block is freed with the last of them.
Napi::Object jsBatch(Napi::Env env, ColumnBatch& batch) {
  using C = ColumnBatch;
  size_t length = batch.length();
  std::byte* block = batch.release().release();
  auto buffer = Napi::ArrayBuffer::New(env, block, C::kBytes,
                                       [](Napi::Env, void* data) { delete[] static_cast<std::byte*>(data); });
  auto object = Napi::Object::New(env);
  object["length"] = jsNumber(env, length);
  object["time"] = Napi::BigUint64Array::New(env, length, buffer, C::kTime, napi_biguint64_array);
  object["sector"] = Napi::BigUint64Array::New(env, length, buffer, C::kSector, napi_biguint64_array);
  object["payload"] = Napi::BigUint64Array::New(env, length, buffer, C::kPayload, napi_biguint64_array);
  object["bytes"] = Napi::Uint32Array::New(env, length, buffer, C::kByteCount);
  object["pid"] = Napi::Uint32Array::New(env, length, buffer, C::kPid);
  object["device"] = Napi::Uint32Array::New(env, length, buffer, C::kDevice);
  object["fromDevice"] = Napi::Uint32Array::New(env, length, buffer, C::kFromDevice);
  object["cpu"] = Napi::Uint16Array::New(env, length, buffer, C::kCpu);
  object["error"] = Napi::Uint16Array::New(env, length, buffer, C::kError);
  object["flags"] = Napi::Uint16Array::New(env, length, buffer, C::kFlags);
  object["action"] = Napi::Uint8Array::New(env, length, buffer, C::kAction);
  object["direction"] = Napi::Uint8Array::New(env, length, buffer, C::kDirection);
  return object;
}

}  // namespace blkscope

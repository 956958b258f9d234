#include "addon/batch.h"

#include "addon/convert.h"

namespace blkscope {

namespace {

Napi::Object jsIos(Napi::Env env, IoColumns& ios) {
  using C = IoColumns;
  size_t length = ios.length();
  std::byte* block = ios.release().release();
  if (!block) block = new std::byte[C::kBytes];  // views need a block, even of no rows
  auto buffer = Napi::ArrayBuffer::New(env, block, C::kBytes,
                                       [](Napi::Env, void* data) { delete[] static_cast<std::byte*>(data); });
  auto object = Napi::Object::New(env);
  object["length"] = jsNumber(env, length);
  object["sector"] = Napi::BigUint64Array::New(env, length, buffer, C::kSector, napi_biguint64_array);
  object["queue"] = Napi::BigUint64Array::New(env, length, buffer, C::kQueue, napi_biguint64_array);
  object["getrq"] = Napi::BigUint64Array::New(env, length, buffer, C::kGetrq, napi_biguint64_array);
  object["insert"] = Napi::BigUint64Array::New(env, length, buffer, C::kInsert, napi_biguint64_array);
  object["issue"] = Napi::BigUint64Array::New(env, length, buffer, C::kIssue, napi_biguint64_array);
  object["complete"] = Napi::BigUint64Array::New(env, length, buffer, C::kComplete, napi_biguint64_array);
  object["sectors"] = Napi::Uint32Array::New(env, length, buffer, C::kSectors);
  object["device"] = Napi::Uint32Array::New(env, length, buffer, C::kDevice);
  object["pid"] = Napi::Uint32Array::New(env, length, buffer, C::kPid);
  object["merges"] = Napi::Uint32Array::New(env, length, buffer, C::kMerges);
  object["error"] = Napi::Uint16Array::New(env, length, buffer, C::kError);
  object["direction"] = Napi::Uint8Array::New(env, length, buffer, C::kDirection);
  return object;
}

}  // namespace

// Views on one external block; the block is freed with the last of them.
Napi::Object jsBatch(Napi::Env env, ColumnBatch& batch) {
  using C = ColumnBatch;
  size_t length = batch.length();
  auto ios = jsIos(env, batch.ios());
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
  object["ios"] = ios;
  return object;
}

}  // namespace blkscope

#include "addon/batch.h"

#include "addon/convert.h"

namespace blkscope {

namespace {

/// Owns the block from now on; views on it keep it.
Napi::ArrayBuffer jsBlock(Napi::Env env, ColumnBlock& block, size_t rowBytes) {
  return Napi::ArrayBuffer::New(env, block.bytes.release(), block.rows * rowBytes,
                                [](Napi::Env, void* data) { delete[] static_cast<std::byte*>(data); });
}

Napi::Object jsIos(Napi::Env env, IoColumns& ios) {
  using C = IoColumns;
  size_t length = ios.length();
  ColumnBlock block = ios.release();
  auto buffer = jsBlock(env, block, C::kRowBytes);
  auto object = Napi::Object::New(env);
  object["length"] = jsNumber(env, length);
  object["sector"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kSector, napi_biguint64_array);
  object["queue"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kQueue, napi_biguint64_array);
  object["getrq"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kGetrq, napi_biguint64_array);
  object["insert"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kInsert, napi_biguint64_array);
  object["issue"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kIssue, napi_biguint64_array);
  object["complete"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kComplete, napi_biguint64_array);
  object["sectors"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kSectors);
  object["device"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kDevice);
  object["pid"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kPid);
  object["merges"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kMerges);
  object["error"] = Napi::Uint16Array::New(env, length, buffer, block.rows * C::kError);
  object["direction"] = Napi::Uint8Array::New(env, length, buffer, block.rows * C::kDirection);
  return object;
}

}  // namespace

// Views on one external block; the block is freed with the last of them.
Napi::Object jsBatch(Napi::Env env, ColumnBatch& batch) {
  using C = ColumnBatch;
  size_t length = batch.length();
  auto ios = jsIos(env, batch.ios());
  ColumnBlock block = batch.release();
  auto buffer = jsBlock(env, block, C::kRowBytes);
  auto object = Napi::Object::New(env);
  object["length"] = jsNumber(env, length);
  object["time"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kTime, napi_biguint64_array);
  object["sector"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kSector, napi_biguint64_array);
  object["payload"] = Napi::BigUint64Array::New(env, length, buffer, block.rows * C::kPayload, napi_biguint64_array);
  object["bytes"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kByteCount);
  object["pid"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kPid);
  object["device"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kDevice);
  object["fromDevice"] = Napi::Uint32Array::New(env, length, buffer, block.rows * C::kFromDevice);
  object["cpu"] = Napi::Uint16Array::New(env, length, buffer, block.rows * C::kCpu);
  object["error"] = Napi::Uint16Array::New(env, length, buffer, block.rows * C::kError);
  object["flags"] = Napi::Uint16Array::New(env, length, buffer, block.rows * C::kFlags);
  object["action"] = Napi::Uint8Array::New(env, length, buffer, block.rows * C::kAction);
  object["direction"] = Napi::Uint8Array::New(env, length, buffer, block.rows * C::kDirection);
  object["ios"] = ios;
  return object;
}

}  // namespace blkscope

#include "addon/memory.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/lock_progress.h"
#include "addon/promise_worker.h"
#include "memory/available.h"
#include "memory/locked_region.h"
#include "memory/page_cache.h"
#include "system/page_size.h"
#include "system/tile_registers.h"

namespace blkscope {
namespace {

Napi::Value orNull(Napi::Env env, const std::optional<uint64_t>& value) {
  return value ? jsNumber(env, *value) : env.Null();
}

Napi::Value jsResidency(Napi::Env env, const Residency& residency) {
  auto object = Napi::Object::New(env);
  object["fileBytes"] = jsNumber(env, residency.fileBytes);
  object["cachedBytes"] = orNull(env, residency.cachedBytes);
  object["dirtyBytes"] = orNull(env, residency.dirtyBytes);
  object["evictedBytes"] = orNull(env, residency.evictedBytes);
  object["recentlyEvictedBytes"] = orNull(env, residency.recentlyEvictedBytes);
  static constexpr const char* kMethods[] = {"cachestat", "mincore", "reading"};
  object["method"] = Napi::String::New(env, kMethods[static_cast<size_t>(residency.method)]);
  return object;
}

Napi::Value jsLockedRegion(Napi::Env env, LockedRegion region) {
  auto held = std::make_shared<std::optional<LockedRegion>>(std::move(region));
  auto object = Napi::Object::New(env);
  object["bytes"] = jsNumber(env, (*held)->bytes());
  object["release"] = Napi::Function::New(env, [held](const Napi::CallbackInfo&) { held->reset(); }, "release");
  return object;
}

Napi::Value lockMemory(const Napi::CallbackInfo& info) {
  uint64_t bytes = Argument::at(info, 0, "bytes").integer();
  if (bytes == 0) Argument::at(info, 0, "bytes").refuse("more than 0");
  return jsLockProgress<LockedRegion>(
      info.Env(), [bytes](LockProgress& progress) { return LockedRegion::lock(bytes, progress); }, jsLockedRegion);
}

template <Result<Residency> (*operation)(const std::string&)>
Napi::Value cachePromise(const Napi::CallbackInfo& info) {
  std::string path = Argument::at(info, 0, "path").string();
  return PromiseWorker<Residency>::run(
      info.Env(), [path] { return operation(path); },
      [](Napi::Env env, Residency residency) { return jsResidency(env, residency); });
}

Napi::Value residencyNow(const Napi::CallbackInfo& info) {
  return jsResidency(info.Env(),
                     valueOrThrow(info.Env(), pageCacheResidency(Argument::at(info, 0, "path").string())));
}

/// As doubles, like all sizes in bytes.
Napi::Value cachedPartsNow(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = Argument::at(info, 0, "path").string();
  auto offsets = bigColumn(Argument::at(info, 1, "offsets"));
  auto bytes = bigColumn(Argument::at(info, 2, "bytes"));
  if (bytes.size() != offsets.size()) Argument::at(info, 2, "bytes").refuse("as many as the offsets");
  std::vector<FilePart> parts;
  for (size_t i = 0; i < offsets.size(); ++i) parts.push_back({offsets[i], bytes[i]});
  auto cached = valueOrThrow(env, cachedParts(path, parts));
  if (!cached) return env.Null();
  auto array = Napi::Float64Array::New(env, cached->size());
  for (size_t i = 0; i < cached->size(); ++i) array[i] = static_cast<double>((*cached)[i]);
  return array;
}

}  // namespace

void registerMemory(Napi::Env env, Napi::Object exports) {
  exports["lockMemory"] = Napi::Function::New(env, lockMemory, "lockMemory");
  exports["memoryAvailable"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return jsNumber(info.Env(), memoryAvailable()); }, "memoryAvailable");
  exports["safeRest"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return jsNumber(info.Env(), safeRest()); }, "safeRest");
  exports["pageBytes"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return jsNumber(info.Env(), pageBytes()); }, "pageBytes");
  exports["pageCacheResidency"] = Napi::Function::New(env, residencyNow, "pageCacheResidency");
  exports["cachedParts"] = Napi::Function::New(env, cachedPartsNow, "cachedParts");
  exports["evictFile"] = Napi::Function::New(env, cachePromise<evictFile>, "evictFile");
  exports["warmFile"] = Napi::Function::New(env, cachePromise<warmFile>, "warmFile");
  exports["declineTileRegisters"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo&) { declineTileRegisters(); }, "declineTileRegisters");
}

}  // namespace blkscope

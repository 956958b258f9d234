#include "addon/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/promise_worker.h"
#include "files/disk_speed.h"
#include "files/extents.h"
#include "system/fd.h"

namespace blkscope {
namespace {

Napi::Value jsFileExtents(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  TracedFile file = valueOrThrow(env, fileExtents(Argument::at(info, 0, "path").string()));
  auto object = Napi::Object::New(env);
  object["bytes"] = jsNumber(env, file.bytes);
  object["fileOffsets"] = jsColumn<Napi::BigUint64Array>(env, file.extents, &FileExtent::fileOffset);
  object["sectors"] = jsColumn<Napi::BigUint64Array>(env, file.extents, &FileExtent::sector);
  object["sectorCounts"] = jsColumn<Napi::BigUint64Array>(env, file.extents, &FileExtent::sectors);
  return object;
}

Napi::Value jsFileDevice(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  FileDevice device = valueOrThrow(env, fileDevice(Argument::at(info, 0, "path").string()));
  auto object = Napi::Object::New(env);
  object["name"] = Napi::String::New(env, device.name);
  object["disk"] = Napi::String::New(env, device.disk);
  object["startSector"] = jsBigint(env, device.startSector);
  object["fileSystem"] = Napi::String::New(env, device.fileSystem);
  return object;
}

Napi::Value jsDiskSpeed(const Napi::CallbackInfo& info) {
  std::string path = Argument::at(info, 0, "path").string();
  return PromiseWorker<DiskSpeed>::run(
      info.Env(), [path] { return diskSpeed(path); },
      [](Napi::Env env, DiskSpeed speed) -> Napi::Value {
        auto object = Napi::Object::New(env);
        object["sequential"] = Napi::Number::New(env, speed.sequential);
        object["random"] = Napi::Number::New(env, speed.random);
        return object;
      });
}

/// [reader, writer], whose owner is JavaScript.
Napi::Value jsOpenPipe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  bool packets = Argument::at(info, 0, "packets").booleanOr(false);
  auto ends = valueOrThrow(env, openPipe(packets ? O_DIRECT : 0));
  // By its name, /dev/stdout say, a pipe is opened with the rights of whoever opens it: a workload of another user's.
  constexpr mode_t kForAll = 0666;
  ::fchmod(ends.second.get(), kForAll);
  auto pair = Napi::Array::New(env, 2);
  pair[0u] = Napi::Number::New(env, ends.first.release());
  pair[1u] = Napi::Number::New(env, ends.second.release());
  return pair;
}

}  // namespace

void registerFiles(Napi::Env env, Napi::Object exports) {
  exports["fileExtents"] = Napi::Function::New(env, jsFileExtents, "fileExtents");
  exports["fileDevice"] = Napi::Function::New(env, jsFileDevice, "fileDevice");
  exports["openPipe"] = Napi::Function::New(env, jsOpenPipe, "openPipe");
  exports["diskSpeed"] = Napi::Function::New(env, jsDiskSpeed, "diskSpeed");
}

}  // namespace blkscope

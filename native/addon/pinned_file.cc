#include "addon/pinned_file.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/lock_progress.h"
#include "memory/pinned_file.h"

namespace blkscope {
namespace {

Napi::Value jsPinnedFile(Napi::Env env, PinnedFile pinned) {
  auto held = std::make_shared<std::optional<PinnedFile>>(std::move(pinned));
  auto object = Napi::Object::New(env);
  object["bytes"] = jsNumber(env, (*held)->bytes());
  object["check"] = Napi::Function::New(
      env,
      [held](const Napi::CallbackInfo& info) {
        if (*held) valueOrThrow(info.Env(), (*held)->check());
      },
      "check");
  object["release"] = Napi::Function::New(env, [held](const Napi::CallbackInfo&) { held->reset(); }, "release");
  return object;
}

std::vector<ByteRange> byteRanges(const Argument& list) {
  std::vector<ByteRange> ranges;
  for (const Argument& range : list.elements()) {
    ranges.push_back({range["offset"].integer(), range["bytes"].integer()});
  }
  return ranges;
}

Napi::Value pinFile(const Napi::CallbackInfo& info) {
  std::string path = Argument::at(info, 0, "path").string();
  std::vector<ByteRange> ranges = byteRanges(Argument::at(info, 1, "ranges"));
  return jsLockProgress<PinnedFile>(
      info.Env(), [path, ranges](LockProgress& progress) { return PinnedFile::pin(path, ranges, progress); }, jsPinnedFile);
}

}  // namespace

void registerPinnedFile(Napi::Env env, Napi::Object exports) {
  exports["pinFile"] = Napi::Function::New(env, pinFile, "pinFile");
}

}  // namespace blkscope

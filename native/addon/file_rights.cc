#include "addon/file_rights.h"

#include <climits>

#include "addon/convert.h"
#include "system/file_rights.h"

namespace blkscope {
namespace {

int descriptor(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return static_cast<int>(Argument::at(info, index, name).integer(INT_MAX));
}

/// Runs a function on this thread with somebody's rights on files; what it throws comes out after they were given back.
Napi::Value jsActAs(const Napi::CallbackInfo& info) {
  constexpr uint64_t kMostId = UINT_MAX - 1;
  Argument given = Argument::at(info, 0, "identity");
  Identity identity{static_cast<uid_t>(given["uid"].integer(kMostId)), static_cast<gid_t>(given["gid"].integer(kMostId)),
                    {}};
  for (const Argument& group : given["groups"].elements()) {
    identity.groups.push_back(static_cast<gid_t>(group.integer(kMostId)));
  }
  Napi::Function action = Argument::at(info, 1, "action").function();
  FileRights rights = valueOrThrow(info.Env(), FileRights::of(identity));
  return action.Call({});
}

Napi::Value jsRenameNew(const Napi::CallbackInfo& info) {
  valueOrThrow(info.Env(), renameNew(descriptor(info, 0, "fromFolder"), Argument::at(info, 1, "from").string(),
                                     descriptor(info, 2, "toFolder"), Argument::at(info, 3, "to").string()));
  return info.Env().Undefined();
}

Napi::Value jsLockOpenFile(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), valueOrThrow(info.Env(), lockOpenFile(descriptor(info, 0, "descriptor"))));
}

Napi::Value jsUnforeseenDigits(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), valueOrThrow(info.Env(), unforeseenDigits()));
}

}  // namespace

void registerFileRights(Napi::Env env, Napi::Object exports) {
  exports["actAs"] = Napi::Function::New(env, jsActAs, "actAs");
  exports["renameNew"] = Napi::Function::New(env, jsRenameNew, "renameNew");
  exports["lockOpenFile"] = Napi::Function::New(env, jsLockOpenFile, "lockOpenFile");
  exports["unforeseenDigits"] = Napi::Function::New(env, jsUnforeseenDigits, "unforeseenDigits");
}

}  // namespace blkscope

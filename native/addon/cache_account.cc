#include "addon/cache_account.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/file_regions.h"
#include "memory/page_cache.h"
#include "system/page_size.h"
#include "touches/cache_recorder.h"
#include "touches/page_account.h"

namespace blkscope {
namespace {

/// A row for each slot and region.
Napi::Value jsFates(Napi::Env env, const std::vector<ReadFates>& fates) {
  auto object = Napi::Object::New(env);
  auto column = [&](const char* name, uint64_t ReadFates::*of) {
    auto values = Napi::Float64Array::New(env, fates.size());
    for (size_t i = 0; i < fates.size(); ++i) values[i] = static_cast<double>(fates[i].*of);
    object[name] = values;
  };
  column("used", &ReadFates::used);
  column("usedLater", &ReadFates::usedLater);
  column("neverUsed", &ReadFates::neverUsed);
  column("stillCached", &ReadFates::stillCached);
  column("usedAgain", &ReadFates::usedAgain);
  column("unseen", &ReadFates::unseen);
  return object;
}

class JsCacheAccount : public Napi::ObjectWrap<JsCacheAccount> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "CacheAccount",
                       {InstanceMethod<&JsCacheAccount::attach>("attach"), InstanceMethod<&JsCacheAccount::stop>("stop"),
                        InstanceMethod<&JsCacheAccount::fates>("fates")});
  }

  explicit JsCacheAccount(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsCacheAccount>(info) {
    paths_ = Argument::at(info, 0, "files").strings();
    recorder_ = valueOrThrow(info.Env(), CacheRecorder::start(paths_));
  }

 private:
  void attach(const Napi::CallbackInfo& info) {
    auto pid = static_cast<int>(Argument::at(info, 0, "pid").integer(INT32_MAX));
    if (recorder_) valueOrThrow(info.Env(), recorder_->attach(pid));
  }

  Napi::Value stop(const Napi::CallbackInfo& info) {
    if (recorder_) {
      record_ = recorder_->stop();
      recorder_.reset();
      for (const std::string& path : paths_) {
        CachedPages pages = valueOrThrow(info.Env(), cachedPages(path));
        files_.push_back({pages.fileBytes, std::move(pages.cached)});
      }
    }
    return jsNumber(info.Env(), record_.lost);
  }

  Napi::Value fates(const Napi::CallbackInfo& info) {
    Argument options = Argument::at(info, 0, "options");
    auto regions = wholeOrPartRegions<AccountedRegion>(options["regions"], paths_.size());
    auto slots = bigColumn(options["slots"]);
    if (slots.size() > kMostSlots || !std::ranges::is_sorted(slots)) options["slots"].refuse("at most 100 times, ascending");
    PageAccount account(files_, regions, slots, pageBytes(), faultsMapFolios());
    if (options["unmappedAt"].given()) account.unmappedAt(options["unmappedAt"].bigint());
    record_.log.each([&](const CacheEvent& event) { account.take(event); });
    return jsFates(info.Env(), account.finish());
  }

  static constexpr size_t kMostSlots = 100;

  std::vector<std::string> paths_;
  std::unique_ptr<CacheRecorder> recorder_;
  CacheRecord record_;
  std::vector<AccountedFile> files_;
};

}  // namespace

void registerCacheAccount(Napi::Env env, Napi::Object exports) {
  exports["CacheAccount"] = JsCacheAccount::define(env);
}

}  // namespace blkscope

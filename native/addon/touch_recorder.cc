#include "addon/touch_recorder.h"

#include <memory>
#include <optional>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/file_regions.h"
#include "system/page_size.h"
#include "touches/fault_reader.h"
#include "touches/pass_channel.h"
#include "touches/seen_touches.h"

namespace blkscope {
namespace {

/// Of the 65,530 mappings that a process may have; what else it maps is a few hundred.
constexpr size_t kMostCuts = 50'000;

Napi::Value jsPasses(Napi::Env env, const std::vector<Pass>& passes) {
  auto object = Napi::Object::New(env);
  object["begins"] = jsColumn<Napi::BigUint64Array>(env, passes, &Pass::begin);
  object["ends"] = jsColumn<Napi::BigUint64Array>(env, passes, &Pass::end);
  object["readyNs"] = jsColumn<Napi::Float64Array>(env, passes, &Pass::readyNs);
  object["profiled"] = jsColumn<Napi::Uint8Array>(env, passes, &Pass::profiled);
  object["faults"] = jsColumn<Napi::Uint32Array>(env, passes, &Pass::faults);
  return object;
}

Napi::Value jsTouches(Napi::Env env, const std::vector<SeenTouch>& touches) {
  auto object = Napi::Object::New(env);
  object["passes"] = jsColumn<Napi::Uint32Array>(env, touches, &SeenTouch::pass);
  object["regions"] = jsColumn<Napi::Uint32Array>(env, touches, &SeenTouch::region);
  object["bytes"] = jsColumn<Napi::Float64Array>(env, touches, &SeenTouch::bytes);
  return object;
}

class JsTouchRecorder : public Napi::ObjectWrap<JsTouchRecorder> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TouchRecorder",
                       {InstanceAccessor<&JsTouchRecorder::fd>("fd"),
                        InstanceMethod<&JsTouchRecorder::attach>("attach"),
                        InstanceMethod<&JsTouchRecorder::stop>("stop")});
  }

  explicit JsTouchRecorder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsTouchRecorder>(info) {
    Argument options = Argument::at(info, 0, "options");
    std::vector<std::string> paths = options["files"].strings();
    regions_ = wholeOrPartRegions<ModelRegion>(options["regions"], paths.size());
    setFlags(regions_, options["regions"], "always", &ModelRegion::always);
    auto files = static_cast<uint32_t>(paths.size());
    bool pieces = options["pieces"].booleanOr(true);
    cuts_ = pieces ? cutsFor(regions_, files, pageBytes(), kMostCuts) : cutsAroundRegions(regions_, files, pageBytes(), kMostCuts);
    std::vector<WantedFile> wanted;
    for (uint32_t i = 0; i < files; ++i) {
      const Cuts& cuts = cuts_[i];
      wanted.push_back({paths[i], cuts, watchedPieces(regions_, i, cuts, pageBytes()), alwaysUsedPieces(regions_, i, cuts)});
    }
    auto passes = static_cast<uint32_t>(options["profiledPasses"].integer(UINT32_MAX));
    channel_.emplace(valueOrThrow(info.Env(), PassChannel::create(wanted, passes, options["follow"].booleanOr(false))));
  }

 private:
  Napi::Value fd(const Napi::CallbackInfo& info) { return jsNumber(info.Env(), static_cast<uint64_t>(channel_->fd())); }

  void attach(const Napi::CallbackInfo& info) {
    auto pid = static_cast<int>(Argument::at(info, 0, "pid").integer(INT32_MAX));
    reader_ = valueOrThrow(info.Env(), FaultReader::open(pid));
  }

  Napi::Value stop(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Faults faults = reader_ ? reader_->stop() : Faults{};
    reader_.reset();
    auto records = valueOrThrow(env, channel_->records());
    SeenTouches seen = seenTouches(records, faults, regions_, cuts_, pageBytes());
    auto object = Napi::Object::New(env);
    object["lost"] = jsNumber(env, faults.lost);
    object["refused"] = jsNumber(env, seen.refused);
    object["called"] = Napi::Boolean::New(env, seen.called);
    object["mapped"] = Napi::Boolean::New(env, seen.mapped);
    object["passes"] = jsPasses(env, seen.passes);
    object["touches"] = jsTouches(env, seen.touches);
    return object;
  }

  std::vector<ModelRegion> regions_;
  std::vector<Cuts> cuts_;
  std::optional<PassChannel> channel_;
  std::unique_ptr<FaultReader> reader_;
};

}  // namespace

void registerTouchRecorder(Napi::Env env, Napi::Object exports) {
  exports["TouchRecorder"] = JsTouchRecorder::define(env);
}

}  // namespace blkscope

#include "addon/region_reads.h"

#include <algorithm>
#include <memory>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/events.h"
#include "addon/file_regions.h"
#include "addon/traced_file.h"
#include "analyse/region_reads.h"

namespace blkscope {
namespace {

std::vector<std::vector<uint32_t>> groupings(const Argument& argument, size_t regions) {
  std::vector<std::vector<uint32_t>> all;
  for (const Argument& grouping : argument.elements()) {
    auto groups = column32(grouping);
    if (groups.size() != regions) grouping.refuse("a group for every region");
    // Groups are numbered densely, at most one a region in each grouping.
    for (uint32_t group : groups) {
      if (group != RegionReads::kNoGroup && group >= regions * argument.elements().size()) {
        grouping.refuse("groups numbered from 0 on");
      }
    }
    all.emplace_back(groups.begin(), groups.end());
  }
  return all;
}

Napi::Object jsRegions(Napi::Env env, std::span<const RegionFigures> figures) {
  auto object = Napi::Object::New(env);
  object["reads"] = jsColumn<Napi::Float64Array>(env, figures, &RegionFigures::reads);
  object["readBytes"] = jsColumn<Napi::Float64Array>(env, figures, &RegionFigures::readBytes);
  object["uniqueBytes"] = jsColumn<Napi::Float64Array>(env, figures, &RegionFigures::uniqueBytes);
  object["firstNs"] = jsColumn<Napi::Float64Array>(env, figures, &RegionFigures::firstNs);
  object["lastNs"] = jsColumn<Napi::Float64Array>(env, figures, &RegionFigures::lastNs);
  return object;
}

Napi::Object jsTouches(Napi::Env env, std::span<const RegionTouch> touches) {
  auto object = Napi::Object::New(env);
  object["slots"] = jsColumn<Napi::Uint32Array>(env, touches, &RegionTouch::slot);
  object["regions"] = jsColumn<Napi::Uint32Array>(env, touches, &RegionTouch::region);
  object["bytes"] = jsColumn<Napi::Float64Array>(env, touches, &RegionTouch::bytes);
  return object;
}

class JsRegionReads : public Napi::ObjectWrap<JsRegionReads> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "RegionReads",
                       {InstanceMethod<&JsRegionReads::consume>("consume"),
                        InstanceMethod<&JsRegionReads::finish>("finish")});
  }

  explicit JsRegionReads(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsRegionReads>(info) {
    Argument options = Argument::at(info, 0, "options");
    auto files = tracedFiles(options["files"]);
    auto device = static_cast<uint32_t>(options["device"].integer(UINT32_MAX));
    auto boundaries = bigColumn(options["boundaries"]);
    if (!std::is_sorted(boundaries.begin(), boundaries.end())) options["boundaries"].refuse("times in order");
    auto regions = fileRegions<FileRegion>(options["regions"], files.size());
    auto groups = groupings(options["groupings"], regions.size());
    JoinableSlots joinable{options["joinable"]["from"].integer(boundaries.size()), options["joinable"]["to"].integer(boundaries.size())};
    reads_ = std::make_unique<RegionReads>(std::move(files), device, std::move(regions),
                                           std::vector<uint64_t>(boundaries.begin(), boundaries.end()),
                                           std::move(groups), joinable);
  }

 private:
  void requireOpen(Napi::Env env) {
    if (!reads_) throwError(env, {"CLOSED", "these region reads were finished"});
  }

  void consume(const Napi::CallbackInfo& info) {
    requireOpen(info.Env());
    readEvents(Argument::at(info, 0, "batch"), events_);
    reads_->consume(events_);
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    requireOpen(env);
    reads_->finish();
    auto object = Napi::Object::New(env);
    object["regions"] = jsRegions(env, reads_->figures());
    object["groupReads"] = jsColumn<Napi::Float64Array>(env, reads_->groupReads());
    object["touches"] = jsTouches(env, reads_->touches());
    object["complete"] = reads_->complete();
    size_t joined = reads_->joinedFrom();
    object["joinedFrom"] = joined == SIZE_MAX ? env.Null() : jsNumber(env, joined);
    reads_.reset();
    return object;
  }

  std::unique_ptr<RegionReads> reads_;
  std::vector<Event> events_;
};

}  // namespace

void registerRegionReads(Napi::Env env, Napi::Object exports) {
  exports["RegionReads"] = JsRegionReads::define(env);
}

}  // namespace blkscope

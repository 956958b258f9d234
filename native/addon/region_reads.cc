#include "addon/region_reads.h"

#include <algorithm>
#include <memory>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/figures.h"
#include "addon/traced_file.h"
#include "analyse/region_phases.h"
#include "analyse/region_reads.h"

namespace blkscope {
namespace {

std::vector<FileRegion> fileRegions(const Argument& argument, size_t files) {
  auto file = column32(argument["files"]);
  auto offsets = bigColumn(argument["offsets"]);
  auto bytes = bigColumn(argument["bytes"]);
  if (file.size() != offsets.size() || file.size() != bytes.size()) {
    argument.refuse("regions whose three columns have one length");
  }
  std::vector<FileRegion> regions;
  for (size_t i = 0; i < file.size(); ++i) {
    FileRegion region{file[i], offsets[i], bytes[i]};
    bool behind = regions.empty() || regions.back().file < region.file ||
                  (regions.back().file == region.file && regions.back().offset + regions.back().bytes <= region.offset);
    if (region.file >= files || !behind) argument.refuse("regions of the files given, in order, that do not overlap");
    regions.push_back(region);
  }
  return regions;
}

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

std::vector<Phase> phaseList(const Argument& argument) {
  std::vector<Phase> phases;
  for (const Argument& phase : argument.elements()) {
    phases.push_back({phase["fromNs"].bigint(), phase["toNs"].bigint()});
  }
  return phases;
}

/// The rows of a NativeBatch, in `events`, whose memory is used again.
void readBatch(const Argument& batch, std::vector<Event>& events) {
  size_t length = batch["length"].integer();
  auto time = bigColumn(batch["time"]);
  auto sector = bigColumn(batch["sector"]);
  auto payload = bigColumn(batch["payload"]);
  auto bytes = column32(batch["bytes"]);
  auto device = column32(batch["device"]);
  auto error = column<uint16_t>(batch["error"], napi_uint16_array, "a Uint16Array");
  auto action = column<uint8_t>(batch["action"], napi_uint8_array, "a Uint8Array");
  auto direction = column<uint8_t>(batch["direction"], napi_uint8_array, "a Uint8Array");
  for (size_t size : {time.size(), sector.size(), payload.size(), bytes.size(), device.size(), error.size(),
                      action.size(), direction.size()}) {
    if (size < length) batch.refuse("columns of at least `length` rows");
  }
  events.resize(length);
  for (size_t i = 0; i < length; ++i) {
    Event& event = events[i];
    event.time = time[i];
    event.sector = sector[i];
    event.payload = payload[i];
    event.bytes = bytes[i];
    event.device = device[i];
    event.error = error[i];
    event.action = action[i] < kActions ? static_cast<Action>(action[i]) : Action::other;
    event.direction = direction[i] < kDirections ? static_cast<Direction>(direction[i]) : Direction::none;
  }
}

Napi::Object jsRegions(Napi::Env env, std::span<const RegionFigures> figures) {
  size_t n = figures.size();
  auto reads = Napi::Float64Array::New(env, n);
  auto readBytes = Napi::Float64Array::New(env, n);
  auto uniqueBytes = Napi::Float64Array::New(env, n);
  auto firstNs = Napi::Float64Array::New(env, n);
  auto lastNs = Napi::Float64Array::New(env, n);
  for (size_t i = 0; i < n; ++i) {
    reads[i] = static_cast<double>(figures[i].reads);
    readBytes[i] = static_cast<double>(figures[i].readBytes);
    uniqueBytes[i] = static_cast<double>(figures[i].uniqueBytes);
    firstNs[i] = static_cast<double>(figures[i].firstNs);
    lastNs[i] = static_cast<double>(figures[i].lastNs);
  }
  auto object = Napi::Object::New(env);
  object["reads"] = reads;
  object["readBytes"] = readBytes;
  object["uniqueBytes"] = uniqueBytes;
  object["firstNs"] = firstNs;
  object["lastNs"] = lastNs;
  return object;
}

Napi::Object jsTouches(Napi::Env env, std::span<const RegionTouch> touches) {
  auto slots = Napi::Uint32Array::New(env, touches.size());
  auto regions = Napi::Uint32Array::New(env, touches.size());
  auto bytes = Napi::Float64Array::New(env, touches.size());
  for (size_t i = 0; i < touches.size(); ++i) {
    slots[i] = touches[i].slot;
    regions[i] = touches[i].region;
    bytes[i] = static_cast<double>(touches[i].bytes);
  }
  auto object = Napi::Object::New(env);
  object["slots"] = slots;
  object["regions"] = regions;
  object["bytes"] = bytes;
  return object;
}

Napi::Object jsPhase(Napi::Env env, const Analysis& phase) {
  FileReads model;
  for (const FileReads& file : phase.files()) {
    model.reads += file.reads;
    model.readBytes += file.readBytes;
    model.uniqueBytes += file.uniqueBytes;
  }
  auto object = Napi::Object::New(env);
  object["reads"] = jsNumber(env, phase.reads().count);
  object["bytes"] = jsNumber(env, phase.reads().bytes);
  object["uniqueSectors"] = jsNumber(env, phase.uniqueReadSectors());
  object["modelReads"] = jsNumber(env, model.reads);
  object["modelBytes"] = jsNumber(env, model.readBytes);
  object["modelUniqueBytes"] = jsNumber(env, model.uniqueBytes);
  object["writes"] = jsNumber(env, phase.writes().count);
  object["writtenBytes"] = jsNumber(env, phase.writes().bytes);
  object["sizes"] = jsSizes(env, phase.readSizes());
  object["gaps"] = jsGapOrders(env, phase);
  object["latency"] = jsLatency(env, phase.matcher().latency(Direction::read));
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
    std::vector<TracedFile> files;
    for (const Argument& file : options["files"].elements()) files.push_back(tracedFile(file));
    auto device = static_cast<uint32_t>(options["device"].integer(UINT32_MAX));
    auto boundaries = bigColumn(options["boundaries"]);
    if (!std::is_sorted(boundaries.begin(), boundaries.end())) options["boundaries"].refuse("times in order");
    auto regions = fileRegions(options["regions"], files.size());
    phases_ = std::make_unique<RegionPhases>(files, device, phaseList(options["phases"]));
    auto groups = groupings(options["groupings"], regions.size());
    reads_ = std::make_unique<RegionReads>(std::move(files), device, std::move(regions),
                                           std::vector<uint64_t>(boundaries.begin(), boundaries.end()),
                                           std::move(groups));
  }

 private:
  void requireOpen(Napi::Env env) {
    if (!reads_) throwError(env, {"CLOSED", "these region reads were finished"});
  }

  void consume(const Napi::CallbackInfo& info) {
    requireOpen(info.Env());
    readBatch(Argument::at(info, 0, "batch"), events_);
    reads_->consume(events_);
    phases_->consume(events_);
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    requireOpen(env);
    reads_->finish();
    phases_->finish();
    auto phases = Napi::Array::New(env, phases_->size());
    for (uint32_t i = 0; i < phases_->size(); ++i) phases[i] = jsPhase(env, (*phases_)[i]);
    auto object = Napi::Object::New(env);
    object["regions"] = jsRegions(env, reads_->figures());
    auto groupReads = Napi::Float64Array::New(env, reads_->groupReads().size());
    for (size_t i = 0; i < groupReads.ElementLength(); ++i) {
      groupReads[i] = static_cast<double>(reads_->groupReads()[i]);
    }
    object["groupReads"] = groupReads;
    object["touches"] = jsTouches(env, reads_->touches());
    object["phases"] = phases;
    reads_.reset();
    phases_.reset();
    return object;
  }

  std::unique_ptr<RegionReads> reads_;
  std::unique_ptr<RegionPhases> phases_;
  std::vector<Event> events_;
};

}  // namespace

void registerRegionReads(Napi::Env env, Napi::Object exports) {
  exports["RegionReads"] = JsRegionReads::define(env);
}

}  // namespace blkscope

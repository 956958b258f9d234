#include "addon/touches.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/promise_worker.h"
#include "touches/belady.h"
#include "touches/least_often.h"
#include "touches/least_stale.h"
#include "touches/page_cache_model.h"
#include "touches/pins.h"
#include "touches/reuse.h"

namespace blkscope {
namespace {

/// What a curve is made from. The columns are JavaScript's; `held` keeps them.
struct CurveInput {
  TouchTrace trace;
  std::span<const uint32_t> layers;
  std::span<const uint64_t> capacities;
  std::span<const uint32_t> windows;
  PageCacheSetting cache;
  size_t loadTouches = 0;
  std::vector<uint64_t> refreshes;
  bool pins = false;
  bool belady = false;
  bool leastOften = false;
  bool leastStale = false;
  bool kernel = false;
  std::vector<Napi::ObjectReference> held;
};

struct Curve {
  Reuse reuse;
  std::vector<double> workingSets;
  ReadBytes pins, belady, leastOften, leastStale, kernel;
};

void requireBelow(const Argument& argument, std::span<const uint32_t> values, uint64_t limit) {
  for (uint32_t value : values) {
    if (value >= limit) argument.refuse("of numbers below " + std::to_string(limit));
  }
}

TouchTrace touchTrace(const Argument& options) {
  TouchTrace trace;
  trace.items = column32(options["items"]);
  trace.itemCount = static_cast<uint32_t>(options["itemCount"].integer(UINT32_MAX - 1));
  if (trace.items.size() >= UINT32_MAX) options["items"].refuse("fewer than 2^32 - 1 touches");
  requireBelow(options["items"], trace.items, trace.itemCount);
  if (options["itemBytes"].given()) trace.bytes = bigColumn(options["itemBytes"]);
  if (!trace.bytes.empty() && trace.bytes.size() != trace.itemCount) options["itemBytes"].refuse("a size for every item");
  trace.passes = column32(options["passes"]);
  requireBelow(options["passes"], trace.passes, trace.items.size() + 1);
  if (!std::ranges::is_sorted(trace.passes)) options["passes"].refuse("indices of touches, ascending");
  trace.counted = options["counted"].integer(trace.items.size());
  return trace;
}

PageCacheSetting cacheSetting(const Argument& options, uint32_t blocks) {
  PageCacheSetting setting;
  setting.blocks = blocks;
  setting.window = static_cast<uint32_t>(options["readAheadWindow"].integer(1 << 30));
  setting.blockPages = static_cast<uint32_t>(options["blockPages"].integer(1 << 20));
  if (setting.blockPages == 0) options["blockPages"].refuse("a number above 0");
  return setting;
}

std::shared_ptr<CurveInput> curveInput(const Argument& options) {
  auto input = std::make_shared<CurveInput>();
  input->trace = touchTrace(options);
  input->capacities = bigColumn(options["capacities"]);
  if (!std::ranges::is_sorted(input->capacities)) options["capacities"].refuse("ascending");
  input->windows = column32(options["windows"]);
  for (const Argument& policy : options["policies"].elements()) {
    std::string name = policy.string();
    if (name == "pins") input->pins = true;
    else if (name == "belady") input->belady = true;
    else if (name == "leastOften") input->leastOften = true;
    else if (name == "leastStale") input->leastStale = true;
    else if (name == "kernel") input->kernel = true;
    else policy.refuse("pins, belady, leastOften, leastStale or kernel");
  }
  if (input->leastStale) {
    input->layers = column32(options["layers"]);
    requireBelow(options["layers"], input->layers, 1 << 20);
    if (input->layers.size() != input->trace.itemCount) options["layers"].refuse("a layer for every item");
  }
  if (input->kernel) {
    input->cache = cacheSetting(options, input->trace.itemCount);
    input->loadTouches = options["loadTouches"].integer(input->trace.items.size());
    for (const Argument& refresh : options["refreshes"].elements()) input->refreshes.push_back(refresh.integer());
    if (!input->trace.bytes.empty()) options["itemBytes"].refuse("left out: the kernel's cache holds blocks of one size");
  }
  input->held.push_back(Napi::Persistent(options.object()));
  return input;
}

/// Plays touches, of which the first are the load of the file. What those from `counted` on did.
CacheFigures played(PageCacheModel& cache, std::span<const uint32_t> touches, size_t loadTouches, size_t counted) {
  CacheFigures before;
  for (size_t i = 0; i < touches.size(); ++i) {
    if (i == counted) before = cache.figures();
    if (i < loadTouches) cache.load(touches[i]);
    else cache.access(touches[i]);
  }
  if (counted >= touches.size()) return {};
  const CacheFigures& after = cache.figures();
  return {after.read - before.read, after.unused - before.unused, after.waits - before.waits};
}

/// A play for each memory and refresh, by memory.
ReadBytes kernelReads(const CurveInput& input) {
  ReadBytes read;
  PageCacheSetting setting = input.cache;
  for (uint64_t capacity : input.capacities) {
    for (uint64_t refresh : input.refreshes) {
      setting.capacity = capacity;
      setting.refresh = refresh;
      PageCacheModel cache(setting);
      read.push_back(played(cache, input.trace.items, input.loadTouches, input.trace.counted).read);
    }
  }
  return read;
}

template <class Reads>
ReadBytes atEach(const CurveInput& input, bool wanted, Reads reads) {
  ReadBytes read;
  if (!wanted) return read;
  for (uint64_t capacity : input.capacities) read.push_back(reads(capacity));
  return read;
}

Curve curveOf(const CurveInput& input) {
  const TouchTrace& trace = input.trace;
  Curve curve;
  curve.reuse = reuseOf(trace, input.capacities);
  curve.workingSets = workingSets(trace, input.windows);
  if (input.pins) curve.pins = pinReads(trace, input.capacities);
  if (input.belady) {
    std::vector<uint32_t> next = nextTouches(trace);
    curve.belady = atEach(input, true, [&](uint64_t capacity) { return beladyReads(trace, next, capacity); });
  }
  curve.leastOften =
      atEach(input, input.leastOften, [&](uint64_t capacity) { return leastOftenReads(trace, capacity); });
  curve.leastStale = atEach(input, input.leastStale,
                            [&](uint64_t capacity) { return leastStaleReads(trace, input.layers, capacity); });
  if (input.kernel) curve.kernel = kernelReads(input);
  return curve;
}

Napi::Value jsCurve(Napi::Env env, const Curve& curve) {
  auto object = Napi::Object::New(env);
  object["touchedBytes"] = jsNumber(env, curve.reuse.touchedBytes);
  object["firstBytes"] = jsNumber(env, curve.reuse.firstBytes);
  object["bytesByDistance"] = jsColumn<Napi::Float64Array>(env, curve.reuse.bytesByDistance);
  object["workingSets"] = jsColumn<Napi::Float64Array>(env, curve.workingSets);
  object["lru"] = jsColumn<Napi::Float64Array>(env, curve.reuse.lru);
  object["pins"] = jsColumn<Napi::Float64Array>(env, curve.pins);
  object["belady"] = jsColumn<Napi::Float64Array>(env, curve.belady);
  object["leastOften"] = jsColumn<Napi::Float64Array>(env, curve.leastOften);
  object["leastStale"] = jsColumn<Napi::Float64Array>(env, curve.leastStale);
  object["kernel"] = jsColumn<Napi::Float64Array>(env, curve.kernel);
  return object;
}

Napi::Value touchCurve(const Napi::CallbackInfo& info) {
  auto input = curveInput(Argument::at(info, 0, "options"));
  return PromiseWorker<Curve>::run(
      info.Env(), [input]() -> Result<Curve> { return curveOf(*input); },
      [input](Napi::Env env, Curve curve) { return jsCurve(env, curve); });
}

Napi::Value pageCacheReads(const Napi::CallbackInfo& info) {
  Argument options = Argument::at(info, 0, "options");
  auto blocks = static_cast<uint32_t>(options["blocks"].integer(UINT32_MAX - 1));
  auto touches = column32(options["touches"]);
  requireBelow(options["touches"], touches, blocks);
  size_t counted = options["counted"].integer(touches.size());
  PageCacheSetting setting = cacheSetting(options, blocks);
  setting.capacity = options["capacity"].integer();
  setting.refresh = options["refresh"].integer();
  PageCacheModel cache(setting);
  auto from = column32(options["pinnedFrom"]);
  auto to = column32(options["pinnedTo"]);
  if (from.size() != to.size()) options["pinnedTo"].refuse("as many ends as starts");
  for (size_t i = 0; i < from.size(); ++i) cache.pin(from[i], to[i]);
  CacheFigures figures = played(cache, touches, options["loadTouches"].integer(touches.size()), counted);
  auto object = Napi::Object::New(info.Env());
  object["read"] = jsNumber(info.Env(), figures.read);
  object["unused"] = jsNumber(info.Env(), figures.unused);
  object["waits"] = jsNumber(info.Env(), figures.waits);
  return object;
}

}  // namespace

void registerTouches(Napi::Env env, Napi::Object exports) {
  exports["touchCurve"] = Napi::Function::New(env, touchCurve, "touchCurve");
  exports["pageCacheReads"] = Napi::Function::New(env, pageCacheReads, "pageCacheReads");
}

}  // namespace blkscope

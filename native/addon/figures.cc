#include "addon/figures.h"

#include <string>

#include "addon/convert.h"

namespace blkscope {
namespace {

Napi::Value jsDistribution(Napi::Env env, const Histogram& histogram) {
  if (histogram.count() == 0) return env.Null();
  auto object = Napi::Object::New(env);
  object["count"] = jsNumber(env, histogram.count());
  object["min"] = jsNumber(env, histogram.min());
  object["mean"] = Napi::Number::New(env, histogram.mean());
  object["p50"] = jsNumber(env, histogram.quantile(0.5));
  object["p90"] = jsNumber(env, histogram.quantile(0.9));
  object["p99"] = jsNumber(env, histogram.quantile(0.99));
  object["p999"] = jsNumber(env, histogram.quantile(0.999));
  object["max"] = jsNumber(env, histogram.max());
  return object;
}

}  // namespace

Napi::Object jsGaps(Napi::Env env, const Gaps& gaps) {
  auto object = Napi::Object::New(env);
  object["sequential"] = jsNumber(env, gaps.sequential());
  object["small"] = jsNumber(env, gaps.small());
  object["medium"] = jsNumber(env, gaps.medium());
  object["large"] = jsNumber(env, gaps.large());
  object["backward"] = jsNumber(env, gaps.backward());
  return object;
}

Napi::Object jsSizes(Napi::Env env, const Sizes& sizes) {
  auto object = Napi::Object::New(env);
  for (auto [bytes, count] : sizes.counts()) object.Set(std::to_string(bytes), jsNumber(env, count));
  return object;
}

Napi::Object jsLatency(Napi::Env env, const Latency& latency) {
  auto object = Napi::Object::New(env);
  for (size_t i = 0; i < kStages; ++i) object[kStageNames[i]] = jsDistribution(env, latency.stage(i));
  return object;
}

Napi::Object jsGapOrders(Napi::Env env, const Analysis& analysis) {
  auto gaps = Napi::Object::New(env);
  gaps["device"] = jsGaps(env, analysis.deviceGaps());
  gaps["demand"] = jsGaps(env, analysis.demandGaps());
  gaps["file"] = jsGaps(env, analysis.fileGaps());
  return gaps;
}

}  // namespace blkscope

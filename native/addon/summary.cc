#include "addon/summary.h"

#include "addon/convert.h"
#include "addon/figures.h"
#include "system/peak_memory.h"

namespace blkscope {
namespace {

Napi::Object jsCost(Napi::Env env, const TracerCost& cost) {
  auto object = Napi::Object::New(env);
  object["captureCpuNs"] = jsNumber(env, cost.captureCpuNs);
  object["analysisCpuNs"] = jsNumber(env, cost.analysisCpuNs);
  object["peakRssBytes"] = jsNumber(env, peakMemoryBytes());
  object["kernelBufferBytes"] = jsNumber(env, cost.kernelBufferBytes);
  object["spoolBytes"] = jsNumber(env, cost.spoolPeakBytes);
  object["spoolPeakBytes"] = jsNumber(env, cost.spoolPeakBytes);
  object["spoolFilePeakBytes"] = jsNumber(env, cost.spoolFilePeakBytes);
  object["spoolTotalBytes"] = jsNumber(env, cost.spoolTotalBytes);
  return object;
}

Napi::Object jsProcesses(Napi::Env env, const Notes& notes) {
  auto object = Napi::Object::New(env);
  auto pids = Napi::Uint32Array::New(env, notes.processNames.size());
  auto names = Napi::Array::New(env, notes.processNames.size());
  uint32_t i = 0;
  for (const auto& [pid, name] : notes.processNames) {
    pids[i] = pid;
    names[i] = Napi::String::New(env, name);
    ++i;
  }
  object["pids"] = pids;
  object["names"] = names;
  return object;
}

Napi::Array jsDefects(Napi::Env env, const std::vector<Defect>& defects) {
  auto array = Napi::Array::New(env, defects.size());
  for (uint32_t i = 0; i < defects.size(); ++i) {
    auto values = Napi::Object::New(env);
    for (const auto& [name, value] : defects[i].values) {
      const auto* number = std::get_if<uint64_t>(&value);
      values[name] = number ? jsNumber(env, *number) : Napi::String::New(env, std::get<std::string>(value));
    }
    auto object = Napi::Object::New(env);
    object["code"] = Napi::String::New(env, defects[i].code);
    object["values"] = values;
    array[i] = object;
  }
  return array;
}

Napi::Array jsLosses(Napi::Env env, const LossLog& log) {
  auto array = Napi::Array::New(env, log.losses().size());
  uint32_t i = 0;
  for (const Loss& loss : log.losses()) {
    auto object = Napi::Object::New(env);
    object["fromNs"] = jsBigint(env, loss.fromNs);
    object["toNs"] = jsBigint(env, loss.toNs);
    object["count"] = jsNumber(env, loss.count);
    object["cpu"] = loss.cpu == Loss::kAnyCpu ? env.Null() : Napi::Value(jsNumber(env, static_cast<uint64_t>(loss.cpu)));
    object["by"] = Napi::String::New(env, loss.by == Loss::By::kernel ? "kernel" : "spool");
    array[i++] = object;
  }
  return array;
}

}  // namespace

Napi::Object jsSummary(Napi::Env env, const TraceFigures& trace) {
  const Analysis& analysis = trace.analysis;
  const Integrity& integrity = trace.integrity;
  Napi::Object object = jsFigures(env, analysis);
  object["eventsRead"] = jsNumber(env, analysis.events());
  object["eventsDropped"] = jsNumber(env, integrity.dropped);
  object["sequenceGaps"] = jsNumber(env, integrity.sequenceGaps);
  object["readSectorsTraced"] = jsBigint(env, analysis.reads().bytes >> 9);
  const auto& counted = integrity.counted;
  object["readSectorsDiskstats"] = counted ? jsBigint(env, counted->readSectors) : env.Null();
  object["writeSectorsTraced"] = jsBigint(env, analysis.writes().bytes >> 9);
  object["writeSectorsDiskstats"] = counted ? jsBigint(env, counted->writtenSectors) : env.Null();
  object["defects"] = jsDefects(env, integrity.defects);
  object["losses"] = jsLosses(env, integrity.losses);
  object["firstEventNs"] = jsBigint(env, analysis.firstNs());
  object["lastEventNs"] = jsBigint(env, analysis.lastNs());
  object["startedNs"] = jsBigint(env, trace.startedNs);
  object["stoppedNs"] = jsBigint(env, trace.stoppedNs);
  object["tracer"] = jsCost(env, trace.cost);
  object["processes"] = jsProcesses(env, trace.notes);
  return object;
}

}  // namespace blkscope

#include "addon/summary.h"


#include "addon/convert.h"
#include "addon/figures.h"
#include "system/peak_memory.h"

namespace blkscope {
namespace {

Napi::Object jsTransfer(Napi::Env env, const Transfer& transfer, uint64_t uniqueSectors) {
  auto object = Napi::Object::New(env);
  object["count"] = jsNumber(env, transfer.count);
  object["bytes"] = jsNumber(env, transfer.bytes);
  object["errors"] = jsNumber(env, transfer.errors);
  object["uniqueSectors"] = jsBigint(env, uniqueSectors);
  return object;
}

Napi::Object jsActions(Napi::Env env, const Analysis& analysis) {
  auto object = Napi::Object::New(env);
  for (size_t i = 0; i < analysis.actions().size(); ++i) {
    uint64_t count = analysis.actions()[i];
    if (count) object.Set(std::string(1, kActionLetters[i]), jsNumber(env, count));
  }
  return object;
}

Napi::Object jsRequests(Napi::Env env, const Matcher& matcher) {
  auto object = Napi::Object::New(env);
  object["matched"] = jsNumber(env, matcher.counts().requests);
  object["unmatched"] = jsNumber(env, matcher.counts().unmatched);
  object["givenUp"] = jsNumber(env, matcher.counts().givenUp);
  object["open"] = jsNumber(env, matcher.open());
  return object;
}

Napi::Array jsQueueDepth(Napi::Env env, const QueueDepth& depth) {
  size_t length = depth.nsAtDepth().size();
  while (length > 0 && depth.nsAtDepth()[length - 1] == 0) --length;
  auto array = Napi::Array::New(env, length);
  for (uint32_t i = 0; i < length; ++i) array[i] = jsNumber(env, depth.nsAtDepth()[i]);
  return array;
}

Napi::Array jsProcessReads(Napi::Env env, const Processes& processes) {
  auto array = Napi::Array::New(env);
  uint32_t i = 0;
  for (const auto& [pid, process] : processes.all()) {
    auto object = Napi::Object::New(env);
    object["pid"] = jsNumber(env, pid);
    object["reads"] = jsNumber(env, process.reads);
    object["bytes"] = jsNumber(env, process.bytes);
    object["gaps"] = jsGaps(env, process.gaps);
    array[i++] = object;
  }
  return array;
}

Napi::Object jsNaive(Napi::Env env, const Naive& naive) {
  auto object = Napi::Object::New(env);
  object["count"] = jsNumber(env, naive.count());
  object["bytes"] = jsNumber(env, naive.bytes());
  object["gaps"] = jsGaps(env, naive.gaps());
  object["peakBytesPerSecond"] = jsNumber(env, naive.peakBytesPerSecond());
  return object;
}

Napi::Object jsTimeline(Napi::Env env, const Timeline& timeline) {
  auto object = Napi::Object::New(env);
  const auto& buckets = timeline.buckets();
  auto column = [&](uint64_t Timeline::Bucket::*field) {
    auto array = Napi::Float64Array::New(env, buckets.size());
    for (size_t i = 0; i < buckets.size(); ++i) array[i] = static_cast<double>(buckets[i].*field);
    return array;
  };
  object["bucketNs"] = jsNumber(env, timeline.bucketNs());
  object["startNs"] = jsBigint(env, timeline.startNs());
  object["readBytes"] = column(&Timeline::Bucket::readBytes);
  object["readOps"] = column(&Timeline::Bucket::readOps);
  object["writeBytes"] = column(&Timeline::Bucket::writeBytes);
  object["writeOps"] = column(&Timeline::Bucket::writeOps);
  auto mean = column(&Timeline::Bucket::depthNs);
  for (size_t i = 0; i < buckets.size(); ++i) mean[i] = mean[i] / static_cast<double>(timeline.bucketNs());
  object["meanDepth"] = mean;
  object["maxDepth"] = column(&Timeline::Bucket::maxDepth);
  return object;
}

Napi::Array jsFiles(Napi::Env env, const std::vector<FileReads>& files) {
  auto array = Napi::Array::New(env, files.size());
  for (uint32_t i = 0; i < files.size(); ++i) {
    auto object = Napi::Object::New(env);
    object["bytes"] = jsNumber(env, files[i].bytes);
    object["reads"] = jsNumber(env, files[i].reads);
    object["readBytes"] = jsNumber(env, files[i].readBytes);
    object["uniqueBytes"] = jsNumber(env, files[i].uniqueBytes);
    array[i] = object;
  }
  return array;
}

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
  uint64_t traced = (analysis.reads().bytes) >> 9;
  auto object = Napi::Object::New(env);
  object["actions"] = jsActions(env, analysis);
  object["eventsRead"] = jsNumber(env, analysis.events());
  object["eventsDropped"] = jsNumber(env, integrity.dropped);
  object["sequenceGaps"] = jsNumber(env, integrity.sequenceGaps);
  object["readSectorsTraced"] = jsBigint(env, traced);
  object["readSectorsDiskstats"] = jsBigint(env, integrity.traced.readSectors);
  object["writeSectorsTraced"] = jsBigint(env, analysis.writes().bytes >> 9);
  object["writeSectorsDiskstats"] = jsBigint(env, integrity.traced.writtenSectors);
  object["defects"] = jsDefects(env, integrity.defects);
  object["losses"] = jsLosses(env, integrity.losses);
  object["firstEventNs"] = jsBigint(env, analysis.firstNs());
  object["lastEventNs"] = jsBigint(env, analysis.lastNs());
  object["startedNs"] = jsBigint(env, trace.startedNs);
  object["stoppedNs"] = jsBigint(env, trace.stoppedNs);
  object["reads"] = jsTransfer(env, analysis.reads(), analysis.uniqueReadSectors());
  object["writes"] = jsTransfer(env, analysis.writes(), analysis.uniqueWriteSectors());
  auto sizes = Napi::Object::New(env);
  sizes["read"] = jsSizes(env, analysis.readSizes());
  sizes["write"] = jsSizes(env, analysis.writeSizes());
  object["sizes"] = sizes;
  object["gaps"] = jsGapOrders(env, analysis);
  auto latency = Napi::Object::New(env);
  latency["read"] = jsLatency(env, analysis.matcher().latency(Direction::read));
  latency["write"] = jsLatency(env, analysis.matcher().latency(Direction::write));
  object["latency"] = latency;
  object["requests"] = jsRequests(env, analysis.matcher());
  object["queueDepthNs"] = jsQueueDepth(env, analysis.matcher().depth());
  object["readers"] = jsProcessReads(env, analysis.processes());
  object["naive"] = jsNaive(env, analysis.naive());
  object["timeline"] = jsTimeline(env, analysis.timeline());
  object["files"] = jsFiles(env, analysis.files());
  object["tracer"] = jsCost(env, trace.cost);
  object["processes"] = jsProcesses(env, trace.notes);
  return object;
}

}  // namespace blkscope

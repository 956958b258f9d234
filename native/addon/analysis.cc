#include "addon/analysis.h"

#include <memory>
#include <optional>

#include "addon/columns.h"
#include "addon/events.h"
#include "addon/figures.h"
#include "addon/traced_file.h"
#include "analyse/analysis.h"
#include "analyse/file_map.h"

namespace blkscope {
namespace {

class JsAnalysis : public Napi::ObjectWrap<JsAnalysis> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Analysis",
        {InstanceMethod<&JsAnalysis::consume>("consume"), InstanceMethod<&JsAnalysis::finish>("finish"),
         InstanceAccessor<&JsAnalysis::setsComplete>("setsComplete")});
  }

  explicit JsAnalysis(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsAnalysis>(info) {
    Argument options = Argument::at(info, 0, "options");
    files_ = tracedFiles(options["files"]);
    device_ = static_cast<uint32_t>(options["device"].integer(UINT32_MAX));
    auto layered = column32(options["layered"]);
    layered_.assign(layered.begin(), layered.end());
    fromNs_ = options["fromNs"].bigintOr(0);
    toNs_ = options["toNs"].bigintOr(UINT64_MAX);
    if (options["filesOnly"].booleanOr(false)) inFiles_ = FileMap(files_);
    if (options["fromNs"].given()) begin(fromNs_);
  }

 private:
  // A part of a trace starts where it was told; the whole with its first event.
  void begin(uint64_t startNs) {
    analysis_ = std::make_unique<Analysis>(std::move(files_), device_, startNs, Marks::taken);
    analysis_->setLayered(std::move(layered_));
  }

  void requireOpen(Napi::Env env) {
    if (finished_) throwError(env, {"CLOSED", "this analysis was finished"});
  }

  void consume(const Napi::CallbackInfo& info) {
    requireOpen(info.Env());
    readEvents(Argument::at(info, 0, "batch"), events_, fromNs_, toNs_);
    if (inFiles_) std::erase_if(events_, [&](const Event& event) { return !landsInFiles(event); });
    if (events_.empty()) return;
    if (!analysis_) begin(events_.front().time);
    analysis_->consume(events_);
  }

  bool landsInFiles(const Event& event) {
    bool lands = false;
    if (event.device == device_) {
      inFiles_->forEachOverlap(event.sector, event.endSector(), [&](const auto&, uint64_t, uint64_t) { lands = true; });
    }
    return lands;
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    requireOpen(info.Env());
    finished_ = true;
    if (!analysis_) begin(0);
    analysis_->finish(toNs_ == UINT64_MAX ? analysis_->lastNs() + 1 : toNs_);
    Napi::Object figures = jsFigures(info.Env(), *analysis_);
    setsComplete_ = analysis_->setsComplete();
    analysis_.reset();
    return figures;
  }

  Napi::Value setsComplete(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), setsComplete_); }

  std::vector<TracedFile> files_;
  uint32_t device_;
  std::vector<uint32_t> layered_;
  std::optional<FileMap> inFiles_;  // only what lands in the files is analysed
  uint64_t fromNs_;
  uint64_t toNs_;
  std::unique_ptr<Analysis> analysis_;
  std::vector<Event> events_;
  bool finished_ = false;
  bool setsComplete_ = true;
};

}  // namespace

void registerAnalysis(Napi::Env env, Napi::Object exports) { exports["Analysis"] = JsAnalysis::define(env); }

}  // namespace blkscope

#include "addon/access_map.h"

#include <memory>
#include <ranges>

#include "addon/columns.h"
#include "addon/convert.h"
#include "addon/traced_file.h"
#include "analyse/access_map.h"

namespace blkscope {
namespace {

Napi::Object jsGrid(Napi::Env env, const AccessGrid& grid, uint64_t sectors) {
  auto cells = grid.cells();
  auto object = Napi::Object::New(env);
  object["times"] = grid.times();
  object["places"] = grid.places();
  object["sectors"] = static_cast<double>(sectors);
  auto numberOf = [&](const AccessCell& cell) { return cell.time * grid.places() + cell.place; };
  object["cell"] = jsColumn<Napi::Uint32Array>(env, cells, numberOf);
  object["first"] = jsColumn<Napi::Uint32Array>(env, cells, &AccessCell::first);
  object["second"] = jsColumn<Napi::Uint32Array>(env, cells, &AccessCell::second);
  object["later"] = jsColumn<Napi::Uint32Array>(env, cells, &AccessCell::later);
  object["reads"] = jsColumn<Napi::Uint32Array>(env, cells, &AccessCell::reads);
  return object;
}

class JsAccessMap : public Napi::ObjectWrap<JsAccessMap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "AccessMap",
                       {InstanceMethod<&JsAccessMap::add>("add"), InstanceMethod<&JsAccessMap::finish>("finish")});
  }

  explicit JsAccessMap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsAccessMap>(info) {
    Argument options = Argument::at(info, 0, "options");
    auto files = tracedFiles(options["files"]);
    uint64_t start = options["startNs"].bigint();
    uint64_t end = options["endNs"].bigint();
    auto times = static_cast<uint32_t>(options["times"].integer(kMostTimes));
    auto places = static_cast<uint32_t>(options["places"].integer(kMostPlaces));
    if (end <= start) options["endNs"].refuse("a time after startNs");
    if (times == 0) options["times"].refuse("a number above 0");
    if (places == 0) options["places"].refuse("a number above 0");
    auto mostCells = static_cast<size_t>(options["mostCells"].integer(UINT32_MAX));
    if (mostCells == 0) options["mostCells"].refuse("a number above 0");
    map_ = std::make_unique<AccessMap>(std::move(files), start, end, times, places, mostCells);
  }

 private:
  // A cell's number, time x places + place, has 32 bits.
  static constexpr uint32_t kMostTimes = 1 << 16;
  static constexpr uint32_t kMostPlaces = 1 << 14;

  void requireOpen(Napi::Env env) {
    if (!map_) throwError(env, {"CLOSED", "this access map was finished"});
  }

  void add(const Napi::CallbackInfo& info) {
    requireOpen(info.Env());
    auto time = bigColumn(Argument::at(info, 0, "time"));
    auto sector = bigColumn(Argument::at(info, 1, "sector"));
    auto sectors = column32(Argument::at(info, 2, "sectors"));
    if (sector.size() != time.size() || sectors.size() != time.size()) {
      Argument::at(info, 2, "sectors").refuse("as many as the times");
    }
    for (size_t i = 0; i < time.size(); ++i) map_->add(time[i], sector[i], sectors[i]);
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    requireOpen(env);
    map_->finish();
    auto object = Napi::Object::New(env);
    object["byFile"] = jsGrid(env, map_->byFile(), map_->fileSectors());
    object["byDisk"] = jsGrid(env, map_->byDisk(), map_->diskSectors());
    object["unitSectors"] = map_->unitSectors();
    auto timesRead = map_->timesRead();
    object["timesRead"] = jsColumn<Napi::Float64Array>(env, timesRead | std::views::keys);
    object["timesReadSectors"] = jsColumn<Napi::Float64Array>(env, timesRead | std::views::values);
    map_.reset();
    return object;
  }

  std::unique_ptr<AccessMap> map_;
};

}  // namespace

void registerAccessMap(Napi::Env env, Napi::Object exports) { exports["AccessMap"] = JsAccessMap::define(env); }

}  // namespace blkscope

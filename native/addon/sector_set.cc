#include "addon/sector_set.h"

#include "addon/columns.h"
#include "addon/convert.h"
#include "sectors/sector_set.h"

namespace blkscope {
namespace {

constexpr napi_type_tag kTag = {0x8d1c5f0c2f6b4a39, 0xa4e90d7b61c83f52};

/// A typed array of one element type: "a BigUint64Array" or whatever `expected` calls it.
template <class Element>
Napi::TypedArrayOf<Element> typedArray(const Argument& argument, napi_typedarray_type type,
                                       const std::string& expected) {
  if (!argument.value().IsTypedArray() || argument.value().As<Napi::TypedArray>().TypedArrayType() != type) {
    argument.refuse(expected);
  }
  return argument.value().As<Napi::TypedArrayOf<Element>>();
}

/// A number of sectors: a bigint, or a number where that is handier.
uint64_t sectorCount(const Argument& argument) {
  if (argument.value().IsNumber()) return argument.integer();
  if (!argument.value().IsBigInt()) argument.refuse("a bigint or a number");
  return argument.bigint();
}

class JsSectorSet : public Napi::ObjectWrap<JsSectorSet> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "SectorSet",
        {InstanceMethod<&JsSectorSet::insert>("insert"),
         InstanceMethod<&JsSectorSet::insertMany>("insertMany"),
         InstanceMethod<&JsSectorSet::intersect>("intersect"),
         InstanceMethod<&JsSectorSet::intervals>("intervals"),
         InstanceMethod<&JsSectorSet::combine<&SectorSet::unionWith>>("union"),
         InstanceMethod<&JsSectorSet::combine<&SectorSet::difference>>("difference"),
         InstanceMethod<&JsSectorSet::clear>("clear"), InstanceAccessor<&JsSectorSet::size>("size"),
         InstanceAccessor<&JsSectorSet::memoryBytes>("memoryBytes"),
         InstanceAccessor<&JsSectorSet::complete>("complete")});
  }

  explicit JsSectorSet(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsSectorSet>(info) {
    info.This().As<Napi::Object>().TypeTag(&kTag);
  }

 private:
  static JsSectorSet& unwrap(const Argument& argument) {
    if (!argument.value().IsObject() || !argument.value().As<Napi::Object>().CheckTypeTag(&kTag)) {
      argument.refuse("a SectorSet");
    }
    return *Unwrap(argument.value().As<Napi::Object>());
  }

  void insert(const Napi::CallbackInfo& info) {
    uint64_t start = Argument::at(info, 0, "start").bigint();
    set_.insert(start, sectorCount(Argument::at(info, 1, "count")));
  }

  void insertMany(const Napi::CallbackInfo& info) {
    auto starts =
        typedArray<uint64_t>(Argument::at(info, 0, "starts"), napi_biguint64_array, "a BigUint64Array");
    auto counts = typedArray<uint32_t>(Argument::at(info, 1, "counts"), napi_uint32_array, "a Uint32Array");
    if (starts.ElementLength() != counts.ElementLength()) {
      throwError(
          info.Env(),
          {"BAD_ARGUMENT", "starts has " + std::to_string(starts.ElementLength()) + " elements and counts " +
                               std::to_string(counts.ElementLength()) + ": each start needs its count"});
    }
    const uint64_t* start = starts.Data();
    const uint32_t* count = counts.Data();
    for (size_t i = 0; i < starts.ElementLength(); ++i) set_.insert(start[i], count[i]);
  }

  Napi::Value intersect(const Napi::CallbackInfo& info) {
    uint64_t start = Argument::at(info, 0, "start").bigint();
    return jsBigint(info.Env(), set_.intersect(start, sectorCount(Argument::at(info, 1, "count"))));
  }

  Napi::Value intervals(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    std::vector<SectorRange> ranges = set_.intervals();
    auto object = Napi::Object::New(env);
    object["starts"] = jsColumn<Napi::BigUint64Array>(env, ranges, &SectorRange::start);
    object["counts"] = jsColumn<Napi::BigUint64Array>(env, ranges, &SectorRange::count);
    return object;
  }

  template <SectorSet (SectorSet::*operation)(const SectorSet&) const>
  Napi::Value combine(const Napi::CallbackInfo& info) {
    const SectorSet& other = unwrap(Argument::at(info, 0, "other")).set_;
    Napi::Object result = Value().Get("constructor").As<Napi::Function>().New({});
    unwrap({result, "constructor"}).set_ = (set_.*operation)(other);
    return result;
  }

  void clear(const Napi::CallbackInfo&) { set_.clear(); }

  Napi::Value size(const Napi::CallbackInfo& info) { return jsBigint(info.Env(), set_.size()); }
  Napi::Value memoryBytes(const Napi::CallbackInfo& info) { return jsNumber(info.Env(), set_.memoryBytes()); }
  Napi::Value complete(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), set_.complete());
  }

  SectorSet set_;
};

}  // namespace

void registerSectorSet(Napi::Env env, Napi::Object exports) {
  exports["SectorSet"] = JsSectorSet::define(env);
}

}  // namespace blkscope

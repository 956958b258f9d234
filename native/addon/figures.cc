#include "addon/figures.h"

#include <algorithm>
#include <string>

#include "addon/convert.h"

namespace blkscope {
namespace {

class JsFigures : public FigureWriter {
 public:
  explicit JsFigures(Napi::Env env) : env_(env), object_(Napi::Object::New(env)) {}
  Napi::Object object() const { return object_; }

  void number(const std::string& name, uint64_t value) override { set(name, jsNumber(env_, value)); }
  void real(const std::string& name, double value) override { set(name, Napi::Number::New(env_, value)); }
  void exact(const std::string& name, uint64_t value) override { set(name, jsBigint(env_, value)); }
  void flag(const std::string& name, bool value) override { set(name, Napi::Boolean::New(env_, value)); }
  void text(const std::string& name, const std::string& value) override {
    set(name, Napi::String::New(env_, value));
  }
  void unknown(const std::string& name) override { set(name, env_.Null()); }

  void column(const std::string& name, std::span<const double> values) override {
    auto array = Napi::Float64Array::New(env_, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    set(name, array);
  }

  void group(const std::string& name, const Tell& tell) override { set(name, made(tell)); }

  void list(const std::string& name, size_t count, const std::function<void(size_t, FigureWriter&)>& tell) override {
    auto array = Napi::Array::New(env_, count);
    for (uint32_t i = 0; i < count; ++i) {
      array[i] = made([&](FigureWriter& out) { tell(i, out); });
    }
    set(name, array);
  }

 private:
  void set(const std::string& name, Napi::Value value) { object_.Set(name, value); }

  Napi::Object made(const Tell& tell) const {
    JsFigures inner(env_);
    tell(inner);
    return inner.object_;
  }

  Napi::Env env_;
  Napi::Object object_;
};

}  // namespace

Napi::Object jsFigures(Napi::Env env, const Analysis& analysis) {
  JsFigures figures(env);
  analysis.tell(figures);
  return figures.object();
}

}  // namespace blkscope

#include "addon/blktrace_writer.h"

#include <memory>

#include "addon/columns.h"
#include "saved/blktrace_writer.h"

namespace blkscope {
namespace {

std::span<const uint16_t> column16(const Argument& argument) {
  return column<uint16_t>(argument, napi_uint16_array, "a Uint16Array");
}
std::span<const uint8_t> column8(const Argument& argument) {
  return column<uint8_t>(argument, napi_uint8_array, "a Uint8Array");
}

template <class T>
std::span<const T> rows(std::span<const T> given, size_t length, const Argument& columns) {
  if (given.size() < length) columns.refuse("columns of `length` rows");
  return given.first(length);
}

std::vector<Event> eventsOf(const Argument& columns) {
  size_t length = columns["length"].integer(1 << 24);
  auto time = rows(bigColumn(columns["time"]), length, columns);
  auto sector = rows(bigColumn(columns["sector"]), length, columns);
  auto payload = rows(bigColumn(columns["payload"]), length, columns);
  auto sectors = rows(column32(columns["sectors"]), length, columns);
  auto pid = rows(column32(columns["pid"]), length, columns);
  auto device = rows(column32(columns["device"]), length, columns);
  auto fromDevice = rows(column32(columns["fromDevice"]), length, columns);
  auto cpu = rows(column16(columns["cpu"]), length, columns);
  auto error = rows(column16(columns["error"]), length, columns);
  auto flags = rows(column16(columns["flags"]), length, columns);
  auto action = rows(column8(columns["action"]), length, columns);
  auto direction = rows(column8(columns["direction"]), length, columns);
  std::vector<Event> events(length);
  for (size_t i = 0; i < length; ++i) {
    if (action[i] >= kActions || direction[i] >= kDirections) columns.refuse("events of known actions");
    Event& event = events[i];
    event.time = time[i];
    event.sector = sector[i];
    event.payload = payload[i];
    event.bytes = sectors[i] << 9;
    event.pid = pid[i];
    event.device = device[i];
    event.fromDevice = fromDevice[i];
    event.cpu = cpu[i];
    event.error = error[i];
    event.flags = flags[i];
    event.action = static_cast<Action>(action[i]);
    event.direction = static_cast<Direction>(direction[i]);
  }
  return events;
}

class WriterBinding : public Napi::ObjectWrap<WriterBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "BlktraceWriter",
                       {InstanceMethod<&WriterBinding::write>("write"), InstanceMethod<&WriterBinding::finish>("finish")});
  }

  explicit WriterBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WriterBinding>(info) {
    std::string base = Argument::at(info, 0, "base").string();
    Argument options = Argument::at(info, 1, "notes");
    Notes notes;
    notes.wallClock = options["wallClockNs"].bigint();
    notes.wallClockAt = options["atNs"].bigint();
    auto pids = column32(options["pids"]);
    auto names = options["names"].strings();
    if (names.size() != pids.size()) options.refuse("pids and names of one length");
    for (size_t i = 0; i < pids.size(); ++i) notes.processNames[pids[i]] = names[i];
    auto queueless = column32(options["makeQueues"]);
    writer_ = std::make_unique<BlktraceWriter>(std::move(base), std::move(notes),
                                               std::set<uint32_t>(queueless.begin(), queueless.end()));
  }

 private:
  Napi::Value write(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), writer_->write(eventsOf(Argument::at(info, 0, "events"))));
    return info.Env().Undefined();
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    valueOrThrow(info.Env(), writer_->finish());
    return jsNumber(info.Env(), writer_->leftOut());
  }

  std::unique_ptr<BlktraceWriter> writer_;
};

}  // namespace

void registerBlktraceWriter(Napi::Env env, Napi::Object exports) {
  exports["BlktraceWriter"] = WriterBinding::define(env);
}

}  // namespace blkscope

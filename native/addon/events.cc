#include "addon/events.h"

#include <algorithm>

#include "addon/columns.h"

namespace blkscope {

void readEvents(const Argument& batch, std::vector<Event>& events, uint64_t fromNs, uint64_t toNs) {
  size_t length = batch["length"].integer();
  auto time = bigColumn(batch["time"]);
  auto sector = bigColumn(batch["sector"]);
  auto payload = bigColumn(batch["payload"]);
  auto bytes = column32(batch["bytes"]);
  auto pid = column32(batch["pid"]);
  auto device = column32(batch["device"]);
  auto fromDevice = column32(batch["fromDevice"]);
  auto cpu = column<uint16_t>(batch["cpu"], napi_uint16_array, "a Uint16Array");
  auto error = column<uint16_t>(batch["error"], napi_uint16_array, "a Uint16Array");
  auto flags = column<uint16_t>(batch["flags"], napi_uint16_array, "a Uint16Array");
  auto action = column<uint8_t>(batch["action"], napi_uint8_array, "a Uint8Array");
  auto direction = column<uint8_t>(batch["direction"], napi_uint8_array, "a Uint8Array");
  for (size_t size : {time.size(), sector.size(), payload.size(), bytes.size(), pid.size(), device.size(),
                      fromDevice.size(), cpu.size(), error.size(), flags.size(), action.size(), direction.size()}) {
    if (size < length) batch.refuse("columns of at least `length` rows");
  }
  auto rows = time.first(length);
  auto from = std::lower_bound(rows.begin(), rows.end(), fromNs);
  auto first = static_cast<size_t>(from - rows.begin());
  events.resize(static_cast<size_t>(std::lower_bound(from, rows.end(), toNs) - from));
  for (size_t i = 0; i < events.size(); ++i) {
    size_t row = first + i;
    Event& event = events[i];
    event.time = time[row];
    event.sector = sector[row];
    event.payload = payload[row];
    event.bytes = bytes[row];
    event.pid = pid[row];
    event.device = device[row];
    event.fromDevice = fromDevice[row];
    event.cpu = cpu[row];
    event.error = error[row];
    event.flags = flags[row];
    event.action = action[row] < kActions ? static_cast<Action>(action[row]) : Action::other;
    event.direction = direction[row] < kDirections ? static_cast<Direction>(direction[row]) : Direction::none;
  }
}

}  // namespace blkscope

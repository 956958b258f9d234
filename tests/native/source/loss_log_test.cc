#include "source/loss_log.h"

#include <doctest/doctest.h>

using namespace blkscope;

TEST_CASE("a loss that goes on is one entry; another CPU's, cause's or time's is its own") {
  LossLog log;
  log.add({1'000'000'000, 1'100'000'000, 5, 0, Loss::By::kernel});
  log.add({1'100'000'000, 1'200'000'000, 7, 0, Loss::By::kernel});
  log.add({1'100'000'000, 1'200'000'000, 1, 1, Loss::By::kernel});
  log.add({1'150'000'000, 1'160'000'000, 2, 0, Loss::By::spool});
  log.add({9'000'000'000, 9'100'000'000, 3, 0, Loss::By::kernel});
  REQUIRE(log.losses().size() == 4);
  CHECK(log.losses()[0].count == 12);
  CHECK(log.losses()[0].fromNs == 1'000'000'000);
  CHECK(log.losses()[0].toNs == 1'200'000'000);
  CHECK(log.losses()[3].count == 3);
}

TEST_CASE("the list is bounded and loses no count") {
  LossLog log;
  for (uint64_t i = 0; i < 10 * LossLog::kMost; ++i) log.add({i * 1'000'000'000, i * 1'000'000'000 + 1, 1, 0, Loss::By::kernel});
  CHECK(log.losses().size() == LossLog::kMost);
  uint64_t total = 0;
  for (const Loss& loss : log.losses()) total += loss.count;
  CHECK(total == 10 * LossLog::kMost);
}

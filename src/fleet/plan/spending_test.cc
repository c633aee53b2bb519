#include "fleet/plan/spending.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

constexpr Instant kBegin{1000h};

TEST(Spending, counts_instance_hours_of_a_day_and_forgets_what_is_older) {
  Spending spending;
  auto minutes = [&, at = kBegin](int n, int instances) mutable {
    for (int k = 0; k <= n; ++k) spending.note(at + k * 1min, instances);
    at += n * 1min;
  };
  minutes(0, 10);
  EXPECT_EQ(spending.hours(), 0);
  minutes(30, 10);
  EXPECT_NEAR(spending.hours(), 5, 1e-9);
  minutes(60, 20);
  EXPECT_NEAR(spending.hours(), 25, 0.2);
  minutes(22 * 60, 0);
  EXPECT_NEAR(spending.hours(), 25, 0.4);
  minutes(60, 0);
  EXPECT_LT(spending.hours(), 21) << "the first hour is more than 23 whole ones ago";
  minutes(120, 0);
  EXPECT_NEAR(spending.hours(), 0, 1e-9);
}

TEST(DayWindow, goes_on_after_a_restart_and_survives_damage) {
  DayWindow window;
  window.add(kBegin, 6);
  window.add(kBegin + 90min, 3);
  DayWindow again = DayWindow::from_text(window.text());
  EXPECT_EQ(again.sum(), 9);
  again.add(kBegin + 500h, 0);
  EXPECT_EQ(again.sum(), 9) << "nobody knows what was while there was no controller";
  again.add(kBegin + 530h, 1);
  EXPECT_EQ(again.sum(), 1);
  for (const char* text : {"", "x", "1 2 3", "1800 nan", "1e99 1 1"})
    EXPECT_EQ(DayWindow::from_text(text).sum(), 0) << text;
}

}  // namespace
}  // namespace utakata

// The host's own tables, on dates that history has settled.
#include "zones/zones.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace utakata {
namespace {

using namespace std::chrono;

TEST(Zones, tokyo_is_nine_hours_ahead_all_year) {
  const auto tokyo = load_zone("Asia/Tokyo");
  ASSERT_TRUE(tokyo);
  EXPECT_EQ(tokyo->periods.size(), 1u);
  EXPECT_EQ(to_wall(*tokyo, local_days{year{2027} / month{1} / day{1}} + 20h),
            sys_days{year{2027} / month{1} / day{1}} + 11h);
}

TEST(Zones, berlin_puts_its_clocks_forward_and_back) {
  const auto berlin = load_zone("Europe/Berlin");
  ASSERT_TRUE(berlin);
  EXPECT_GT(berlin->periods.size(), 20u);
  EXPECT_EQ(to_wall(*berlin, local_days{year{2027} / month{7} / day{1}} + 12h),
            sys_days{year{2027} / month{7} / day{1}} + 10h);
  EXPECT_EQ(to_wall(*berlin, local_days{year{2027} / month{12} / day{1}} + 12h),
            sys_days{year{2027} / month{12} / day{1}} + 11h);
}

TEST(Zones, what_is_no_zone_is_none) {
  EXPECT_FALSE(load_zone("Mars/Olympus"));
  EXPECT_FALSE(load_zone(""));
  EXPECT_FALSE(load_zone("../../etc/passwd"));
  ASSERT_TRUE(load_zone("UTC"));
}

TEST(Zones, have_names_that_can_be_loaded) {
  const auto names = zone_names();
  EXPECT_GT(names.size(), 300u);
  EXPECT_TRUE(std::ranges::binary_search(names, std::string("Asia/Tokyo")));
}

}  // namespace
}  // namespace utakata

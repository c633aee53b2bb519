#include "realtime/host/merged.h"

#include <gtest/gtest.h>

#include <vector>

namespace utakata::realtime {
namespace {

TEST(Merged, stats_are_added_and_flags_joined) {
  const std::vector<std::string> texts = {R"({"connections":2,"accepted":5,"draining":false})",
                                          R"({"connections":3,"accepted":4,"draining":true})",
                                          "not JSON"};
  EXPECT_EQ(merged_stats(texts), R"({"connections":5,"accepted":9,"draining":true})");
  EXPECT_EQ(merged_stats({}), "{}");
}

TEST(Merged, of_one_that_is_gone_what_it_counted_stays) {
  EXPECT_EQ(former_stats(R"({"connections":2,"accepted":5,"draining":true})"),
            R"({"connections":0,"accepted":5,"draining":false})");
  EXPECT_EQ(former_stats("cut sho"), "{}");
}

TEST(Merged, metrics_are_added_by_name_and_labels_and_families_stay_together) {
  const std::vector<std::string> texts = {
      "# HELP a A.\n# TYPE a gauge\na{app=\"1\"} 2\n# HELP b B.\nb 1\nrealtime_peers 3\n",
      "# HELP a A.\n# TYPE a gauge\na{app=\"1\"} 5\na{app=\"2\"} 7\n# HELP b B.\nb 1\n"
      "realtime_peers 2\n"};
  EXPECT_EQ(merged_metrics(texts),
            "# HELP a A.\n# TYPE a gauge\na{app=\"1\"} 7\na{app=\"2\"} 7\n# HELP b B.\nb 2\n"
            "realtime_peers 3\n");
}

}  // namespace
}  // namespace utakata::realtime

#include "wire/prometheus.h"

#include <gtest/gtest.h>

#include <cmath>

namespace utakata::wire {
namespace {

constexpr std::string_view page =
    "# HELP http_requests_total The total number of HTTP requests.\n"
    "# TYPE http_requests_total counter\n"
    "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
    "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
    "\n"
    "# Escaping in label values:\n"
    "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find "
    "file:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9\n"
    "metric_without_timestamp_and_labels 12.47\r\n"
    "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
    "  indented { a = \"}\" , } 5\n"
    "not_a_number NaN\n"
    "rooms:live:sum\t7\n"
    "with_exemplar_total 17 # {trace_id=\"x\"} 0.67\n"
    "last_without_newline 4";

PrometheusSum sum_of(std::string_view text, std::string_view selector) {
  const auto parsed = prometheus_selector(selector);
  EXPECT_TRUE(parsed) << selector;
  const auto sums = prometheus_sums(text, std::span(&*parsed, 1));
  EXPECT_TRUE(sums) << sums.error().what;
  return sums ? sums->at(0) : PrometheusSum{};
}

TEST(Prometheus, a_metric_is_summed_over_the_samples_that_have_the_labels_asked_for) {
  const struct {
    std::string_view selector;
    double value;
    int samples;
  } table[] = {
      {"http_requests_total", 1030, 2},
      {"http_requests_total{code=\"400\"}", 3, 1},
      {"http_requests_total{code=\"400\",method=\"post\"}", 3, 1},
      {"http_requests_total{code=\"500\"}", 0, 0},
      {"http_requests", 0, 0},
      {"metric_without_timestamp_and_labels", 12.47, 1},
      {"something_weird", INFINITY, 1},
      {"indented", 5, 1},
      {"indented{a=\"}\"}", 5, 1},
      {"rooms:live:sum", 7, 1},
      {"with_exemplar_total", 17, 1},
      {"last_without_newline", 4, 1},
      {"msdos_file_access_time_seconds{error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"}",
       1.458255915e9, 1},
  };
  for (const auto& [selector, value, samples] : table) {
    const auto sum = sum_of(page, selector);
    EXPECT_EQ(sum.value, value) << selector;
    EXPECT_EQ(sum.samples, samples) << selector;
  }
  EXPECT_TRUE(std::isnan(sum_of(page, "not_a_number").value));
}

TEST(Prometheus, several_metrics_are_read_in_one_pass_in_the_order_asked_for) {
  const PrometheusSelector both[] = {{"b", {}}, {"a", {}}, {"b", {{"x", "1"}}}};
  const auto sums = prometheus_sums("a 1\nb{x=\"1\"} 2\nb{x=\"2\"} 4\n", both);
  ASSERT_TRUE(sums);
  EXPECT_EQ(sums->at(0).value, 6);
  EXPECT_EQ(sums->at(1).value, 1);
  EXPECT_EQ(sums->at(2).value, 2);
}

TEST(Prometheus, what_is_not_the_format_is_refused_with_its_line) {
  const struct {
    std::string_view text, what;
  } table[] = {
      {"<!DOCTYPE html><html>",
       "line 1 is not in the Prometheus text format: <!DOCTYPE html><html>"},
      {"{\"connections\": 3}", "line 1 is"},
      {"# fine\nwant\n", "line 2 is"},
      {"want x\n", "line 1 is"},
      {"want 1 2 3\n", "line 1 is"},
      {"want 1e999\n", "line 1 is"},
      {"want 0x10\n", "line 1 is"},
      {"want{a=\"x} 1\n", "line 1 is"},
      {"want{a} 1\n", "line 1 is"},
      {"want{a=\"x\" b=\"y\"} 1\n", "line 1 is"},
      {"want{a=\"x\"}\n", "line 1 is"},
      {"want\xff 1\n", "line 1 is not in the Prometheus text format: want? 1"},
      {std::string_view("\0\0\0", 3), "line 1 is"},
  };
  const PrometheusSelector want{"want", {}};
  for (const auto& [text, what] : table) {
    const auto sums = prometheus_sums(text, std::span(&want, 1));
    ASSERT_FALSE(sums) << text;
    EXPECT_EQ(sums.error().what.substr(0, what.size()), what);
  }
  EXPECT_EQ(prometheus_sums("", std::span(&want, 1))->at(0).samples, 0);
}

TEST(Prometheus, a_selector_that_is_none_is_refused) {
  for (const auto text :
       {"", "9lives", "a b", "a{", "a{b}", "a{b=1}", "a{b=\"c\"}d", "a.b", "{a=\"b\"}"})
    EXPECT_FALSE(prometheus_selector(text)) << text;
}

TEST(Prometheus, what_the_writer_writes_the_reader_reads) {
  PrometheusWriter writer;
  writer.gauge("utakata_connections", "Connections,\nby \\ cluster.");
  writer.sample({{"cluster", "a \"b\"\n\\c"}, {"zone", "x"}}, std::int64_t{12});
  writer.sample({{"cluster", "d"}}, 0.5);
  writer.counter("utakata_refused_total", "Refused.");
  writer.sample(std::int64_t{7});
  EXPECT_EQ(writer.text(),
            "# HELP utakata_connections Connections,\\nby \\\\ cluster.\n"
            "# TYPE utakata_connections gauge\n"
            "utakata_connections{cluster=\"a \\\"b\\\"\\n\\\\c\",zone=\"x\"} 12\n"
            "utakata_connections{cluster=\"d\"} 0.5\n"
            "# HELP utakata_refused_total Refused.\n"
            "# TYPE utakata_refused_total counter\n"
            "utakata_refused_total 7\n");
  EXPECT_EQ(sum_of(writer.text(), "utakata_connections").value, 12.5);
  EXPECT_EQ(sum_of(writer.text(), "utakata_connections{cluster=\"a \\\"b\\\"\\n\\\\c\"}").value,
            12);
  PrometheusWriter odd;
  odd.gauge("x", "");
  odd.sample(NAN);
  odd.sample(-INFINITY);
  EXPECT_TRUE(odd.text().ends_with("x NaN\nx -Inf\n"));
  PrometheusWriter times;
  times.summary("t_seconds", "Times.");
  const PrometheusWriter::Label labels[] = {{"to", "a"}, {"quantile", "0.5"}};
  times.sample_of("", labels, 0.25);
  times.sample_of("_count", std::span(labels).first(1), 3);
  EXPECT_EQ(times.text(),
            "# HELP t_seconds Times.\n# TYPE t_seconds summary\n"
            "t_seconds{to=\"a\",quantile=\"0.5\"} 0.25\nt_seconds_count{to=\"a\"} 3\n");
}

}  // namespace
}  // namespace utakata::wire

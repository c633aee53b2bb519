#include "sim/load.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace utakata {
namespace {

using Points = std::vector<std::pair<double, double>>;  // seconds, connections

Points points_of(const LoadCurve& curve) {
  Points points;
  for (const auto& p : curve.points) points.emplace_back(to_seconds(p.at), p.connections);
  return points;
}

TEST(LoadCurves, are_straight_between_points_and_level_outside) {
  const LoadCurve curve{.name = "x", .points = {{10s, 100}, {20s, 200}, {40s, 0}}};
  struct Case {
    Duration at;
    double connections, rise;
  };
  for (const auto& c : std::vector<Case>{{0s, 100, 0},
                                         {9999ms, 100, 0},
                                         {10s, 100, 10},
                                         {15s, 150, 10},
                                         {20s, 200, -10},
                                         {30s, 100, -10},
                                         {40s, 0, 0},
                                         {100h, 0, 0}}) {
    EXPECT_DOUBLE_EQ(curve.at(c.at), c.connections) << to_seconds(c.at);
    EXPECT_DOUBLE_EQ(curve.rise_at(c.at), c.rise) << to_seconds(c.at);
  }
  EXPECT_EQ(curve.highest(), 200);
  EXPECT_EQ(curve.length(), 40s);
}

TEST(LoadShapes, are_what_their_names_say) {
  struct Case {
    const char* name;
    Points points;  // of 1000 people in an hour
  };
  for (const auto& c : std::vector<Case>{
           {"steady", {{0, 0}, {180, 500}, {360, 1000}, {3600, 1000}}},
           {"spike", {{0, 100}, {1800, 100}, {1830, 550}, {1860, 1000}, {2760, 100}, {3600, 100}}},
           {"tv-show", {{0, 100}, {900, 100}, {1650, 400}, {1800, 1000}, {3240, 1000}, {3600, 0}}},
           {"diurnal", {{0, 200}, {900, 600}, {1800, 1000}, {2700, 600}, {3600, 200}}}}) {
    const auto curve = shape_of(c.name, 1000, 1h);
    ASSERT_TRUE(curve) << c.name;
    EXPECT_EQ(curve->name, c.name);
    for (const auto& [at, connections] : c.points)
      EXPECT_NEAR(curve->at(from_seconds(at)), connections, 0.01) << c.name << " at " << at;
    EXPECT_NEAR(curve->highest(), 1000, 1e-9) << c.name;
    EXPECT_EQ(curve->length(), 1h) << c.name;
  }
  EXPECT_FALSE(shape_of("stampede", 1000, 1h));
  EXPECT_FALSE(shape_of("", 1000, 1h));
}

TEST(LoadShapes, rise_in_time_however_short) {
  for (const auto* name : {"steady", "spike", "tv-show", "diurnal"})
    for (const Duration length : {Duration{1s}, Duration{1min}, Duration{4min}, Duration{24h}}) {
      const auto curve = shape_of(name, 10, length);
      for (std::size_t i = 1; i < curve->points.size(); ++i)
        EXPECT_LT(curve->points[i - 1].at, curve->points[i].at) << name;
      EXPECT_EQ(curve->length(), length) << name;
      EXPECT_NEAR(curve->highest(), 10, 1e-9) << name;
    }
  EXPECT_EQ(shape_of("spike", 10, 0s)->at(0s), 1) << "no division by nothing";
}

struct Good {
  const char* what;
  std::string csv;
  Points points;
};

TEST(LoadFiles, are_read) {
  for (const auto& c : std::vector<Good>{
           {"plain", "seconds,connections\n0,10\n60,20\n", {{0, 10}, {60, 20}}},
           {"other order, other columns",
            "a,connections,b,seconds\nx,10,y,0\n,20,,1.5,more\n",
            {{0, 10}, {1.5, 20}}},
           {"CRLF, no end of line, empty lines",
            "seconds,connections\r\n\r\n0,10\r\n \n60,20",
            {{0, 10}, {60, 20}}},
           {"byte order mark, spaces",
            "\xef\xbb\xbf seconds , connections \n 5 ,\t1e3\n",
            {{5, 1000}}},
           {"quotes",
            "\"seconds\",\"a \"\"b\"\", c\",\"connections\"\n\"0\",\"x,y\", \"7\" \n",
            {{0, 7}}},
           {"times",
            "time,connections\n2026-12-31T23:59:00Z,1\n2027-01-01 00:00:00,2\n",
            {{0, 1}, {60, 2}}},
           {"times with fractions",
            "time,connections\n2028-02-29T00:00:00.5Z,1\n2028-02-29 00:00:01.75,2\n",
            {{0, 1}, {1.25, 2}}},
           {"seconds before time", "time,seconds,connections\nnoon,3,1\n", {{3, 1}}},
           {"a day exactly", "seconds,connections\n0,0\n86400,1\n", {{0, 0}, {86400, 1}}},
           {"nearly nothing", "seconds,connections\n0,1e-999\n1,-0\n", {{0, 0}, {1, 0}}}}) {
    const auto read = read_load(c.csv);
    ASSERT_TRUE(read) << c.what << ": " << read.error();
    EXPECT_EQ(points_of(*read), c.points) << c.what;
  }
}

TEST(LoadFiles, of_times_know_when_they_began) {
  const auto timed = read_load("time,connections\n2026-12-31T20:00:00.250Z,1\n");
  EXPECT_EQ(timed->began, WallTime{1'798'747'200'250ms});
  EXPECT_EQ(read_load("seconds,connections\n0,1\n")->began, std::nullopt);
}

struct Bad {
  std::string csv, problem;
};

void expect_problems(const std::vector<Bad>& cases) {
  for (const auto& c : cases) {
    const auto read = read_load(c.csv);
    ASSERT_FALSE(read) << c.problem;
    EXPECT_EQ(read.error(), c.problem);
  }
}

TEST(LoadFiles, with_a_wrong_header_are_refused) {
  const std::string only = "; name one so, with commas between the columns";
  expect_problems(
      {{"", "line 1: there is nothing in it; begin with a header such as seconds,connections"},
       {"\n\r\n",
        "line 1: there is nothing in it; begin with a header such as seconds,connections"},
       {"seconds,connections\n",
        "line 1: no row follows the header; write at least one, such as 0,100"},
       {"\nseconds,people\n0,1\n",
        "line 2: there is no column `connections` in the header, only `seconds`, `people`" + only},
       {"seconds;connections\n0;1\n",
        "line 1: there is no column `connections` in the header, only `seconds;connections`" +
            only},
       {"at,connections,c,d,e,f,g,h\n",
        "line 1: there is no column `seconds` or `time` in the header, only `at`, `connections`, "
        "`c`, `d`, `e`, ..." +
            only},
       {"0,10\n60,20\n",
        "line 1: there is no column `connections` in the header, only `0`, `10`" + only},
       {"seconds,connections,seconds\n0,1,2\n",
        "line 1: the column `seconds` is there twice; name one of them otherwise"},
       {"seconds,\"connections\n0,1\n",
        "line 1: a quoted field has no end, or more behind it; close it on its line with \""}});
}

TEST(LoadFiles, with_what_is_no_number_are_refused) {
  const auto row = [](std::string text) { return "seconds,connections\n0,1\n" + text + "\n"; };
  const auto number = [](std::string text) {
    return "line 3: connections `" + text + "` is not a number; write it like 1200 or 0.5";
  };
  expect_problems(
      {{row("1,many"), number("many")},
       {row("1,nan"), number("nan")},
       {row("1,-nan(0)"), number("-nan(0)")},
       {row("1,12 000"), number("12 000")},
       {row("1,12'000"), number("12'000")},
       {row("1,0x10"), number("0x10")},
       {row("1,\x1b[31m\xff"), number("?[31m?")},
       {row("1," + std::string(100'000, '9')), number(std::string(40, '9') + "...")},
       {row("1,-5"), "line 3: connections -5 is negative; it counts from 0 upwards"},
       {row("1,-inf"), "line 3: connections -inf is negative; it counts from 0 upwards"},
       {row("1,-1e999"), "line 3: connections -1e999 is negative; it counts from 0 upwards"},
       {row("-1,5"), "line 3: seconds -1 is negative; it counts from 0 upwards"},
       {row("1,inf"), "line 3: connections inf is too high; 1000000000 is the most"},
       {row("1,1e999"), "line 3: connections 1e999 is too high; 1000000000 is the most"},
       {row("1e300,1"), "line 3: seconds 1e300 is too high; 3000000000 is the most"},
       {row("1,"), "line 3: connections is empty; write a number or leave the line out"},
       {row("1"), "line 3: it ends after 1 field, but 2 of the header are needed; fill it up"},
       {row("1,\"5\"x"),
        "line 3: a quoted field has no end, or more behind it; close it on its line with \""}});
}

TEST(LoadFiles, with_times_that_do_not_rise_or_leave_a_gap_are_refused) {
  const std::string seconds = "seconds,connections\n", time = "time,connections\n";
  const std::string sort = "; sort the rows by time, each time once";
  expect_problems(
      {{seconds + "0,1\n60,1\n59,1\n", "line 4: 59 is not after that of line 3" + sort},
       {seconds + "0,1\n\n0,1\n", "line 4: 0 is not after that of line 2" + sort},
       {seconds + "1,1\n1.0000000001,1\n",
        "line 3: 1.0000000001 is not after that of line 2" + sort},
       {seconds + "0,1\n86401,1\n",
        "line 3: 86401 is more than a day after line 2; put rows between them"},
       {seconds + "1798747200,1\n",
        "line 2: seconds 1798747200 of the first row is more than a day after the beginning; count "
        "from the beginning, or name the column `time` and write 2026-12-31T20:00:00Z"},
       {time + "2026-12-31T20:00:00Z,1\n2026-12-31T19:59:59Z,1\n",
        "line 3: 2026-12-31T19:59:59Z is not after that of line 2" + sort},
       {time + "2026-12-31T20:00:00Z,1\n2027-01-02T20:00:00Z,1\n",
        "line 3: 2027-01-02T20:00:00Z is more than a day after line 2; put rows between them"},
       {time + "0001-01-01T20:00:00Z,1\n9999-12-31T20:00:00Z,1\n",
        "line 3: time 9999-12-31T20:00:00Z is decades away from the first one; correct it"}});
}

TEST(LoadFiles, with_what_is_no_time_are_refused) {
  std::vector<Bad> cases;
  for (const std::string text :
       {"noon", "2026-12-31", "2026-02-30T00:00:00Z", "2026-12-31T24:00:00Z",
        "2026-12-31T20:60:00Z", "2026-12-31T20:00:00+01:00", "2026-12-31X20:00:00Z",
        "2026-12-31T20:00:00.Z", "2026-12-31T20:00:00.1234567890Z", "20a6-12-31T20:00:00Z", ""})
    cases.push_back(
        {"time,connections\n" + text + ",1\n",
         "line 2: time `" + text + "` is not a time; write it in UTC like 2026-12-31T20:00:00Z"});
  expect_problems(cases);
}

TEST(LoadFiles, with_zero_bytes_are_refused_where_they_stand) {
  using namespace std::string_literals;
  const std::string only = "; name one so, with commas between the columns";
  expect_problems(
      {{"seconds,connections\n0,1\n1,2\0\n"s,
        "line 3: connections `2?` is not a number; write it like 1200 or 0.5"},
       {"seconds,connections\n\0001,2\n"s,
        "line 2: seconds `?1` is not a number; write it like 1200 or 0.5"},
       {"seconds,connections\n0,1\n\0\n"s,
        "line 3: it ends after 1 field, but 2 of the header are needed; fill it up"},
       {"seconds,connections\0\n0,1\n"s,
        "line 1: there is no column `connections` in the header, only `seconds`, `connections?`" +
            only},
       {"time,connections\n2026-12-31T20:00:0\0Z,1\n"s,
        "line 2: time `2026-12-31T20:00:0?Z` is not a time; write it in UTC like "
        "2026-12-31T20:00:00Z"},
       // A file of UTF-16, as a spreadsheet may write it.
       {"\xff\xfes\0e\0c\0,\0c\0\n\0"s,
        "line 1: there is no column `connections` in the header, only `??s?e?c?`, `?c?`" + only}});
}

TEST(LoadFiles, with_huge_numbers_are_refused_or_exact) {
  const std::string header = "seconds,connections\n";
  const auto high = [](std::string text) {
    return "line 2: connections " + text + " is too high; 1000000000 is the most";
  };
  expect_problems({{header + "0,1e10\n", high("1e10")},
                   {header + "0,1000000001\n", high("1000000001")},
                   {header + "0,18446744073709551616\n", high("18446744073709551616")},
                   {header + "0,1e308\n", high("1e308")},
                   {header + "9223372036854775808,1\n",
                    "line 2: seconds 9223372036854775808 is too high; 3000000000 is the most"}});
  const auto most = read_load(header + "0,1000000000\n0.000000001,0.1\n");
  ASSERT_TRUE(most) << most.error();
  EXPECT_EQ(points_of(*most), (Points{{0, 1e9}, {1e-9, 0.1}}));
}

// Whatever stands in it: rows in order, or a sentence with a line.
TEST(LoadFiles, of_anything_at_all_are_read_or_refused) {
  using namespace std::string_literals;
  const std::string pieces[] = {"seconds",
                                "connections",
                                "time",
                                ",",
                                ",",
                                "\n",
                                "\n",
                                "\r\n",
                                "\"",
                                " ",
                                "\0"s,
                                "0",
                                "1",
                                "86401",
                                "-1",
                                "1e999",
                                "nan",
                                ".",
                                "2026-12-31T20:00:00Z",
                                "\xff",
                                "seconds,connections\n",
                                "0,1\n",
                                "5,2\n",
                                "9,0.5\n"};
  Random random(7);
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string csv = i % 2 ? "seconds,connections\n" : "";
    for (auto left = random.below(6); left > 0; --left)
      csv += pieces[random.below(std::size(pieces))];
    const auto read = read_load(csv);
    if (!read) {
      EXPECT_TRUE(read.error().starts_with("line ")) << csv;
      continue;
    }
    ++good;
    for (std::size_t k = 1; k < read->points.size(); ++k)
      EXPECT_LT(read->points[k - 1].at, read->points[k].at) << csv;
    for (const auto& point : read->points)
      EXPECT_TRUE(point.connections >= 0 && point.connections <= 1e9) << csv;
  }
  EXPECT_GT(good, 50);
}

TEST(LoadFiles, of_a_million_rows_are_read_and_of_one_more_are_not) {
  std::string csv = "seconds,connections\n";
  for (int i = 0; i < 1'000'000; ++i) csv += std::to_string(i) + ",5\n";
  const auto read = read_load(csv);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->points.size(), 1'000'000u);
  EXPECT_EQ(read->length(), 999'999s);
  expect_problems({{csv + "1000000,5\n",
                    "line 1000002: there are more than a million rows; take one for each second or "
                    "minute"}});
  csv.replace(csv.find("\n500000,") + 1, 6, "499999");
  expect_problems({{csv,
                    "line 500002: 499999 is not after that of line 500001; sort the rows by "
                    "time, each time once"}});
}

// Each of these took quadratic time in some reader of CSV.
TEST(LoadFiles, of_megabytes_in_one_field_or_line_are_answered) {
  const std::size_t size = 4'000'000;
  const std::string header = "seconds,connections\n";
  for (const auto& csv : {std::string(size, ','), std::string(size, '"'), std::string(size, '\n'),
                          std::string(size, ' '), header + "0," + std::string(size, '1'),
                          header + "0,\"" + std::string(size, '"'), header + std::string(size, ','),
                          header + std::string(size, '\0')})
    EXPECT_FALSE(read_load(csv));
}

}  // namespace
}  // namespace utakata

#include "cli/render.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

constexpr Style plain{};

constexpr const char* status =
    R"({"stack":"show","controller":{"pid":7,"uptime_ms":61200,"version":"0.1.0"},"clusters":[
 {"name":"lobby","min":2,"max":20,"want":3,"winner":"headroom","because":"62 connections each",
      "held_back":"","capacity":500,
  "serving":2,"starting":1,"draining":1,"connections":52,"seats_held":3,"waiting":0,
      "braked":false,"instances":[
   {"id":"lobby-1","lifecycle":"serving","suspect":false,"address":"127.0.0.1:20001",
      "url":"ws://h:20001","pid":812,
    "version":"0123456789abcdef","connections":40,"seats_held":3,"keys":1,"age_ms":61999,
      "misses":0,"log":"/r/lobby-1.log"},
   {"id":"lobby-2","lifecycle":"serving","suspect":true,"address":"127.0.0.1:20002","url":"",
      "pid":813,"version":"0123456789abcdef",
    "connections":null,"seats_held":0,"keys":0,"age_ms":3000,"misses":2},
   {"id":"lobby-3","lifecycle":"draining","suspect":false,"url":"ws://h:20003","version":"v",
      "connections":12,"seats_held":0,"keys":0,
    "age_ms":5000,"misses":0,"drain":{"cause":"scale_in","deadline_left_ms":null}}]}]})";

}  // namespace

TEST(Rendering, status_is_two_tables) {
  EXPECT_EQ(render_status(status, plain),
            "stack show, controller 7, up 1m1s\n\n"
            "CLUSTER  SIZE   WANT  SERVING  STARTING  DRAINING  CLIENTS  HELD  WAITING  BECAUSE\n"
            "lobby    2..20     3        2         1         1       52     3        0  headroom: "
            "62 connections each\n"
            "\n"
            "INSTANCE  STATE     CLIENTS  HELD  KEYS   AGE  PID  URL              VERSION\n"
            "lobby-1   serving    40/500     3     1  1m1s  812  ws://h:20001     01234567\n"
            "lobby-2   serving     -/500     0     0    3s  813  127.0.0.1:20002  01234567  "
            "suspect; 2 probes unanswered\n"
            "lobby-3   draining   12/500     0     0    5s    -  ws://h:20003     v         "
            "scale_in, no deadline\n");
}

TEST(Rendering, hosts_and_zones_have_a_column_where_any_are_told) {
  const auto heads = [](const std::string& one, const std::string& two) {
    const std::string text =
        render_status(R"({"clusters":[{"name":"a","instances":[{"id":"a-1","url":"ws://h",)" + one +
                          R"("version":"v"},{"id":"a-2",)" + two + R"("version":"v"}]}]})",
                      plain);
    return text.substr(text.find("INSTANCE"));
  };
  EXPECT_EQ(heads("", "").find("HOST"), std::string::npos);
  const std::string both = heads(R"("host":"worker-1","zone":"b",)", "");
  EXPECT_NE(both.find("PID  HOST/ZONE   URL"), std::string::npos) << both;
  EXPECT_NE(both.find("worker-1/b  ws://h"), std::string::npos) << both;
  EXPECT_NE(heads(R"("host":"worker-1",)", "").find("PID  HOST      URL"), std::string::npos);
  EXPECT_NE(heads("", R"("zone":"b",)").find("PID  ZONE  URL"), std::string::npos);
}

TEST(Rendering, controllers_that_do_not_answer_are_named_with_the_reason) {
  const std::string text =
      render_status(R"({"others":[7,{"name":"b","url":"https://b:1","problem":"tls: \u001bno"},)"
                    R"({"name":"c","url":"https://c:1","problem":""}]})",
                    plain);
  EXPECT_NE(text.find("\nThe controller b at https://b:1 does not answer: tls: "),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find("https://c:1"), std::string::npos);
}

TEST(Rendering, explain_tells_where_launches_may_go) {
  const std::string text = render_explain(
      R"({"cluster":"a","hosts":[{"host":"w1","zone":"b","up":true,"open":true,"instances":2,
      "passed_over":"a launch failed there: no room"},
      {"host":"w2","zone":"b","up":false,"open":true,"instances":0,"passed_over":""},
      {"host":"w3","zone":"c","up":true,"open":true,"instances":1,"passed_over":""}]})",
      plain);
  EXPECT_NE(text.find("HOST  ZONE  INSTANCES\n"
                      "w1    b             2  passed over: a launch failed there: no room\n"
                      "w2    b             0  lost\n"
                      "w3    c             1\n"),
            std::string::npos)
      << text;
}

TEST(Rendering, colours_come_only_when_asked_for) {
  EXPECT_EQ(render_status(status, plain).find('\033'), std::string::npos);
  EXPECT_NE(render_status(status, {.has_colour = true}).find("\033[31mserving"), std::string::npos)
      << "a suspect is red";
}

TEST(Rendering, lines_are_cut_at_the_terminals_width) {
  std::string text = render_status(status, {.has_colour = false, .width = 40});
  std::size_t start = 0;
  for (std::size_t end; (end = text.find('\n', start)) != text.npos; start = end + 1)
    EXPECT_LE(end - start, 40u);
}

TEST(Rendering, what_is_left_on_the_way_down) {
  EXPECT_EQ(render_left(status), "lobby: 2 serving, 1 draining (52 clients)");
  EXPECT_EQ(render_left(
                R"({"clusters":[{"name":"a","instances":[]},{"name":"b",
      "instances":[{"lifecycle":"stopping"}]}]})"),
            "a: gone; b: 1 stopping");
}

TEST(Rendering, explain_shows_every_opinion_and_what_held_back) {
  EXPECT_EQ(
      render_explain(
          R"({"cluster":"lobby","at":"x","proposals":[{"rule":"min","want":2,"because":"min 2"},
              {"rule":"crowded","want":null,"because":"holds since 3s of 10s"}],
              "want":{"instances":4,"winner":"min","because":"b","limited_by":"max 4"},
      "held_back":"back-off 8s","braked":true,
              "actions":["launch lobby-4: b"]})",
          plain),
      "lobby wants 4 instances, says min: b\n"
      "  limited by max 4\n"
      "  held back by back-off 8s\n"
      "  the brake is on: too many are suspected at once, nobody is given up\n"
      "\n"
      "RULE     WANTS  BECAUSE\n"
      "min          2  min 2\n"
      "crowded      -  holds since 3s of 10s\n"
      "\n"
      "does now:\n"
      "  launch lobby-4: b\n");
}

TEST(Rendering, activities_are_a_line_each) {
  const auto rendered = render_activities(R"({"activities":[
    {"number":3,"at":"2026-11-22T02:14:33.120Z","cluster":"lobby","instance":"lobby-3",
      "phase":"intent","kind":"launch","because":"want 3","limited_by":"max 3","by":"utakata",
      "cut":null},
    {"number":4,"at":"2026-11-22T02:14:35.000Z","cluster":"lobby","instance":"","phase":"outcome",
      "kind":"stop","because":"deadline","limited_by":"","by":"operator","cut":12}]})",
                                          plain);
  EXPECT_EQ(rendered.last_number, 4);
  EXPECT_EQ(rendered.text,
            "2026-11-22 02:14:33.120  lobby-3        > launch        want 3 [limited by max 3]\n"
            "2026-11-22 02:14:35.000  lobby            stop          deadline [by operator] [12 "
            "clients cut]\n");
}

TEST(Rendering, of_what_is_not_expected_never_fails) {
  for (const auto text :
       {"", "[]", "{}", "nonsense", R"({"clusters":3})",
        R"({"clusters":[1,{"instances":[null,{"drain":{}}]}]})",
        R"({"activities":[7,{"number":1e300,"cut":"x"}],"want":[],"proposals":[[]],
      "actions":[1]})"}) {
    EXPECT_FALSE(render_status(text, plain).empty());
    EXPECT_FALSE(render_explain(text, plain).empty());
    render_activities(text, plain);
    render_left(text);
  }
}

TEST(Rendering, foreign_text_cannot_drive_the_terminal) {
  const std::string text =
      R"({"stack":"a\u001b[2J","clusters":[{"name":"\u001b[31m",
      "instances":[{"lifecycle":"\u0007"}]}]})";
  EXPECT_EQ(render_status(text, plain).find('\033'), std::string::npos);
  EXPECT_EQ(render_left(text).find('\033'), std::string::npos);
}

}  // namespace utakata

#include "load/control/load_control.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "load/control/status_json.h"
#include "net/loopback_client.h"

namespace utakata::load {
namespace {

using net::body_of;
using net::LoopbackClient;

// Its loop runs on a thread of its own; what it was told stands in `told`.
class Served {
 public:
  explicit Served(std::string token = "", bool is_running = true)
      : control_(LoadControl::listen(loop_, {.token = std::move(token)},
                                     {.status = [] { return "{}\n"; },
                                      .metrics = [] { return "one 1\n"; },
                                      .pause =
                                          [this, is_running](bool is_paused) {
                                            told += is_paused ? "pause " : "resume ";
                                            return is_running;
                                          },
                                      .more =
                                          [this, is_running](double factor) {
                                            told += fmt::format("more {} ", factor);
                                            return is_running;
                                          },
                                      .stop = [this] { told += "stop "; }})
                     .value()),
        port(std::uint16_t(std::stoul(control_->url().substr(control_->url().rfind(':') + 1)))),
        thread_([this] { loop_.run(); }) {}
  ~Served() {
    loop_.stop();
    thread_.join();
  }
  std::string ask(std::string_view line, std::string_view headers = "Host: 127.0.0.1\r\n") {
    return LoopbackClient(port).send(fmt::format("{} HTTP/1.1\r\n{}\r\n", line, headers)).answer();
  }

 private:
  net::Loop loop_;
  std::unique_ptr<LoadControl> control_;

 public:
  const std::uint16_t port;
  std::string told;  // read it once an answer has come

 private:
  std::thread thread_;
};

int status_of(const std::string& answer) {
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

TEST(LoadControl, orders_and_questions) {
  struct Row {
    const char* line;
    int status;
    const char* told;
  };
  const Row rows[] = {
      {"GET /", 200, ""},
      {"GET /status", 200, ""},
      {"HEAD /status", 200, ""},
      {"GET /metrics", 200, ""},
      {"POST /pause", 200, "pause "},
      {"POST /resume", 200, "resume "},
      {"POST /more?factor=1.5", 200, "more 1.5 "},
      {"POST /more?factor=0", 200, "more 0 "},
      {"POST /stop", 200, "stop "},
      {"POST /more", 400, ""},
      {"POST /more?factor=", 400, ""},
      {"POST /more?factor=-1", 400, ""},
      {"POST /more?factor=1001", 400, ""},
      {"POST /more?factor=nan", 400, ""},
      {"POST /more?factor=inf", 400, ""},
      {"POST /more?factor=1.5x", 400, ""},
      {"POST /more?x=1&factor=2", 400, ""},
      {"GET /stop", 405, ""},
      {"DELETE /stop", 405, ""},
      {"POST /status", 405, ""},
      {"GET /nothing", 404, ""},
      {"POST //stop", 404, ""},
      {"POST /stop/../stop", 404, ""},
      {"GET /%73tatus", 404, ""},
  };
  for (const Row& row : rows) {
    Served served;
    const bool has_body = !std::string_view(row.line).starts_with("HEAD");
    LoopbackClient client(served.port);
    client.send(fmt::format("{} HTTP/1.1\r\nHost: localhost\r\n\r\n", row.line));
    const std::string answer = client.answer(has_body);
    EXPECT_EQ(status_of(answer), row.status) << row.line << "\n" << answer;
    EXPECT_EQ(served.told, row.told) << row.line;
  }
}

TEST(LoadControl, what_does_not_run_is_not_steered) {
  Served served("", false);
  for (const char* const line : {"POST /pause", "POST /resume", "POST /more?factor=2"})
    EXPECT_EQ(status_of(served.ask(line)), 409) << line;
  EXPECT_EQ(status_of(served.ask("POST /stop")), 200);
}

// Pages of other sites in a browser here, and names of somebody else's that resolve here.
TEST(LoadControl, without_a_token_only_this_machine_itself_may_ask) {
  Served served;
  const std::string here = fmt::format("127.0.0.1:{}", served.port);
  const std::pair<std::string, int> rows[] = {
      {"Host: " + here + "\r\n", 200},
      {"Host: LocalHost\r\n", 200},
      {"Host: [::1]:80\r\n", 200},
      {"Host: evil.example\r\n", 421},
      {"Host: 127.evil.example\r\n", 421},
      {"Host: localhost.evil.example\r\n", 421},
      {"Host: [::1].evil.example\r\n", 421},
      {"Host: [::1\r\n", 421},
      {"Host: [\r\n", 421},
      {"Host: " + here + "\r\nOrigin: http://" + here + "\r\n", 200},
      {"Host: " + here + "\r\nOrigin: https://" + here + "\r\n", 403},
      {"Host: " + here + "\r\nOrigin: http://evil.example\r\n", 403},
      {"Host: " + here + "\r\nOrigin: http://127.0.0.1:1\r\n", 403},
      {"Host: " + here + "\r\nOrigin: null\r\n", 403},
  };
  for (const auto& [headers, status] : rows)
    for (const char* const line : {"GET /status", "POST /stop"}) {
      served.told.clear();
      const std::string answer = served.ask(line, headers);
      EXPECT_EQ(status_of(answer), status) << headers << answer;
      EXPECT_EQ(served.told.empty(), status != 200 || *line == 'G') << headers;
    }
}

TEST(LoadControl, with_a_token_all_must_show_it_and_whoever_does_may_ask) {
  Served served("sesame");
  const std::pair<const char*, int> rows[] = {
      {"Host: localhost\r\n", 401},
      {"Host: localhost\r\nAuthorization: Bearer sesam\r\n", 401},
      {"Host: localhost\r\nAuthorization: Basic sesame\r\n", 401},
      {"Host: localhost\r\nAuthorization: sesame\r\n", 401},
      {"Host: load.example\r\nOrigin: https://load.example\r\nAuthorization: Bearer sesame\r\n",
       200},
  };
  for (const auto& [headers, status] : rows) {
    EXPECT_EQ(status_of(served.ask("GET /status", headers)), status) << headers;
    EXPECT_EQ(status_of(served.ask("GET /nothing", headers)), status == 200 ? 404 : 401);
  }
  EXPECT_EQ(status_of(served.ask("GET /")), 200) << "the page, which has no figures in it";
}

TEST(LoadControl, who_sends_garbage_or_too_much_is_refused_and_others_are_served) {
  Served served;
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("GET\r\n\r\n"),
        "GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n",
        "POST /stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n" +
            std::string(5000, 'x')}) {
    const std::string answer = LoopbackClient(served.port).send(bytes).answer();
    EXPECT_GE(status_of(answer), 400) << answer;
    EXPECT_EQ(served.told, "");
  }
  EXPECT_EQ(status_of(served.ask("GET /status")), 200);
}

TEST(LoadControl, an_address_is_read_or_refused) {
  struct Row {
    const char* listen;
    const char* host;  // "": refused
    int port;
  };
  const Row rows[] = {{"7171", "127.0.0.1", 7171},
                      {"127.0.0.1:0", "127.0.0.1", 0},
                      {"localhost:80", "127.0.0.1", 80},
                      {"[::1]:80", "::1", 80},
                      {"0.0.0.0:65535", "0.0.0.0", 65535},
                      {"", "", 0},
                      {":80", "", 0},
                      {"127.0.0.1:", "", 0},
                      {"127.0.0.1:65536", "", 0},
                      {"127.0.0.1:-1", "", 0},
                      {"127.0.0.1:80x", "", 0}};
  for (const Row& row : rows) {
    const auto read = control_options(row.listen, "");
    ASSERT_EQ(read.has_value(), *row.host != 0) << row.listen;
    if (!read) continue;
    EXPECT_EQ(read->host, row.host) << row.listen;
    EXPECT_EQ(read->port, row.port) << row.listen;
  }
}

TEST(LoadControl, others_than_this_machine_are_not_let_in_without_a_token) {
  net::Loop loop;
  for (const char* const host : {"0.0.0.0", "::", "192.0.2.1"}) {
    const auto control = LoadControl::listen(loop, {.host = host}, {});
    ASSERT_FALSE(control) << host;
    EXPECT_EQ(control.error().kind, Problem::Kind::refused);
    EXPECT_NE(control.error().what.find("--http-token"), std::string::npos);
  }
}

TEST(StatusJson, tells_how_a_run_stands) {
  LoadReport report;
  report.file = "votes \xff.mjs";
  report.planned = 60s;
  report.elapsed = 12s;
  Metrics measured;
  const Tag tags[] = {{"scenario", "fans"}};
  measured.count(measured.id(MetricKind::counter, "iterations", tags).value(), 30);
  measured.trend(measured.id(MetricKind::trend, "echo").value(), 2000);
  measured.rate(measured.id(MetricKind::rate, "checks").value(), true);
  measured.gauge(measured.id(MetricKind::gauge, "rooms").value(), 7);
  Recent recent;
  recent.add({.at = 11s, .length = 1s, .users = 90, .sockets = 80}, measured);
  ASSERT_TRUE(report.metrics.add(measured.take()));
  const LoadState state{.phase = LoadPhase::running, .plan_time = 11s, .factor = 1.5, .users = 150};
  const auto json = nlohmann::json::parse(status_json(report, state, recent));
  EXPECT_EQ(json["phase"], "running");
  EXPECT_EQ(json["file"], "votes \xef\xbf\xbd.mjs");
  EXPECT_EQ(json["planned_s"], 60);
  EXPECT_EQ(json["users"], 90);
  EXPECT_EQ(json["users_wanted"], 150);
  EXPECT_EQ(json["arrivals_wanted_per_s"], nullptr);
  EXPECT_EQ(json["factor"], 1.5);
  EXPECT_EQ(json["metrics"]["iterations"], nlohmann::json({{"count", 30}, {"per_s", 30}}));
  EXPECT_EQ(json["metrics"]["checks"], nlohmann::json({{"trues", 1}, {"all", 1}}));
  EXPECT_EQ(json["metrics"]["rooms"], nlohmann::json({{"value", 7}}));
  EXPECT_EQ(json["metrics"]["echo"]["all_ms"]["max"], 2);
  EXPECT_EQ(json["metrics"]["echo"]["recent_ms"]["count"], 1);
}

}  // namespace
}  // namespace utakata::load

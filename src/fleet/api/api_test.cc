// The API over real loopback connections: what callers see.
#include "fleet/api/api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "net/loopback_client.h"
#include "wire/digest.h"

namespace utakata {
namespace {

using net::body_of;
using nlohmann::json;

// Answers everything with what it was asked, or as told.
class FakeFleet final : public FleetAccess {
 public:
  void ask(AdminCall call, std::function<void(Expected<std::string>)> answer) override {
    const std::string said =
        fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", int(call.verb), call.cluster, call.instance,
                    call.text, call.number.value_or(-1), call.after, call.limit, call.now,
                    call.dry_run, call.deadline_ms.value_or(-1));
    if (call.cluster == "gone") {
      answer(problem(Problem::Kind::not_found, "there is no cluster `gone`; did you mean `game`?"));
      return;
    }
    answer(json{{"asked", said}}.dump());
  }
};

PlacementView view_of(const std::string& cluster, int instances, int capacity) {
  PlacementView view;
  view.cluster = cluster;
  view.version = 1;
  view.capacity = capacity;
  view.hold = 60s;
  view.seats_per_key = 4;
  for (int i = 1; i <= instances; ++i) {
    Placeable instance;
    instance.identity =
        placeable_identity(fmt::format("{}-{}", cluster, i),
                           fmt::format("ws://127.0.0.1:{}/?t=${{ticket}}", 20000 + i),
                           wire::sha256_hex(fmt::format("token of {}", i)));
    instance.open = instance.honours_keys = instance.count_known = true;
    view.instances.push_back(instance);
  }
  return view;
}

class Served {
 public:
  explicit Served(ApiOptions options = plain()) : api_(loop_, fleet_, std::move(options)) {
    api_.on_report([this](const SeatReport& report) {
      const std::lock_guard lock(mutex_);
      report_ = report;
    });
    const auto listening = api_.listen();
    EXPECT_TRUE(listening);
    port = *listening;
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Served() {
    loop_.stop();
    thread_.join();
  }
  static ApiOptions plain() {
    ApiOptions options;
    options.stack = "demo";
    options.api.listen.port = 0;
    options.admin_token_hash = wire::sha256_hex("admin");
    options.place_token_hash = wire::sha256_hex("place");
    return options;
  }
  SeatReport apply(const PlacementView& view) {
    std::promise<void> done;
    loop_.post([&] {
      api_.apply(std::make_shared<PlacementView>(view));
      done.set_value();
    });
    done.get_future().wait();
    const std::lock_guard lock(mutex_);
    return report_;
  }
  std::string ask(std::string_view method, std::string_view path, std::string_view body = {},
                  std::string_view headers = {}) const {
    return net::LoopbackClient(port)
        .send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost:{}\r\n{}Content-Length: {}\r\n\r\n{}",
                          method, path, port, headers, body.size(), body))
        .answer(method != "HEAD" && method != "OPTIONS");
  }

  std::uint16_t port = 0;

 private:
  net::Loop loop_;
  FakeFleet fleet_;
  std::mutex mutex_;
  SeatReport report_;
  Api api_;
  std::thread thread_;
};

constexpr const char* kPlacements = "/v1/stacks/demo/clusters/game/placements";
constexpr const char* kAdmin = "Authorization: Bearer admin\r\n";
constexpr const char* kPlacer = "Authorization: Bearer place\r\n";
constexpr const char* kProxied = "X-Forwarded-For: 203.0.113.5\r\n";

int status(const std::string& answer) {
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}
bool says(const std::string& answer, std::string_view text) {
  return answer.find(text) != std::string::npos;
}

TEST(Api, a_client_asks_for_a_place_and_is_told_where_to_go) {
  Served served;
  served.apply(view_of("game", 1, 10));
  const std::string answer = served.ask("POST", kPlacements, R"({"seats":2,"hold":"10s"})");
  ASSERT_EQ(status(answer), 200) << answer;
  EXPECT_TRUE(says(answer, "Cache-Control: no-store"));
  const json body = json::parse(body_of(answer));
  EXPECT_EQ(body["instance"], "game-1");
  EXPECT_EQ(body["url"], "ws://127.0.0.1:20001/?t=" + body["ticket"].get<std::string>());
  EXPECT_EQ(body["expires_in_ms"], 10000);
  EXPECT_EQ(body["expires"].get<std::string>().size(), 24u);
  EXPECT_NE(body["id"], body["ticket"]);
  EXPECT_EQ(served.apply(view_of("game", 1, 10)).lines.at(0).seats_held, 2);
}

TEST(Api, a_client_without_a_body_is_placed_by_endpoint_and_finds_the_url_in_a_header) {
  Served served;
  served.apply(view_of("game", 1, 10));
  const std::string answer = served.ask("GET", "/v1/stacks/demo/clusters/game/endpoint");
  ASSERT_EQ(status(answer), 200) << answer;
  const json body = json::parse(body_of(answer));
  EXPECT_TRUE(says(answer, "X-Utakata-Url: " + body["url"].get<std::string>() + "\r\n"));
  EXPECT_EQ(status(served.ask("POST", kPlacements)), 200);
}

TEST(Api, seats_given_back_are_given_out_again) {
  Served served;
  served.apply(view_of("game", 1, 1));
  const json placed = json::parse(body_of(served.ask("POST", kPlacements)));
  const std::string full = served.ask("POST", kPlacements);
  EXPECT_EQ(status(full), 503);
  EXPECT_TRUE(says(full, "Retry-After: ")) << full;
  EXPECT_TRUE(says(full, "application/problem+json"));
  const json refusal = json::parse(body_of(full));
  EXPECT_EQ(refusal["ahead"], 0);
  EXPECT_GT(refusal["retry_after_ms"], 0);
  const std::string in_line = json{{"line", refusal["line"]}}.dump();
  EXPECT_EQ(status(served.ask("POST", kPlacements, in_line)), 503) << "it comes back: a claim";
  const std::string one = std::string(kPlacements) + "/" + placed["id"].get<std::string>();
  EXPECT_EQ(status(served.ask("DELETE", one)), 204);
  EXPECT_EQ(status(served.ask("DELETE", one)), 204) << "again is harmless";
  EXPECT_EQ(status(served.ask("POST", kPlacements)), 503) << "the seat is for who stands in line";
  const std::string first = served.ask("POST", kPlacements, in_line);
  EXPECT_EQ(status(first), 200) << first;
  EXPECT_EQ(status(served.ask("DELETE", std::string(kPlacements) + "/" + std::string(32, '0'))),
            404);
}

TEST(Api, a_room_is_on_one_instance_until_it_is_over) {
  Served served;
  served.apply(view_of("game", 3, 10));
  std::set<std::string> instances;
  for (int i = 0; i < 4; ++i)
    instances.insert(json::parse(
        body_of(served.ask("POST", kPlacements, R"({"key":"a/b \u00e9"})")))["instance"]);
  EXPECT_EQ(instances.size(), 1u);
  const std::string fifth = served.ask("POST", kPlacements, R"({"key":"a/b é"})");
  EXPECT_EQ(status(fifth), 409);
  EXPECT_TRUE(says(fifth, "The room `a/b é` has 4 seats")) << fifth;
  EXPECT_EQ(status(served.ask("DELETE", "/v1/stacks/demo/clusters/game/keys/a%2Fb%20%C3%A9")), 204);
  EXPECT_EQ(status(served.ask("DELETE", "/v1/stacks/demo/clusters/game/keys/a%2Fb%20%C3%A9")), 404);
  EXPECT_EQ(status(served.ask("POST", kPlacements, R"({"key":"a/b é"})")), 200);
}

TEST(Api, an_instance_confirms_its_own_tickets_only_and_each_once) {
  Served served;
  served.apply(view_of("game", 2, 10));
  const json placed = json::parse(body_of(served.ask("POST", kPlacements)));
  const bool first = placed["instance"] == "game-1";
  const char* mine =
      first ? "Authorization: Bearer token of 1\r\n" : "Authorization: Bearer token of 2\r\n";
  const char* other =
      first ? "Authorization: Bearer token of 2\r\n" : "Authorization: Bearer token of 1\r\n";
  const std::string ticket =
      "/v1/stacks/demo/clusters/game/tickets/" + placed["ticket"].get<std::string>();
  EXPECT_EQ(status(served.ask("POST", ticket)), 401);
  EXPECT_EQ(status(served.ask("POST", ticket, {}, kAdmin)), 401);
  EXPECT_EQ(status(served.ask("POST", ticket, {}, other)), 409);
  EXPECT_EQ(status(served.ask("GET", ticket, {}, mine)), 405);
  EXPECT_EQ(status(served.ask("POST", ticket, {}, mine)), 200);
  EXPECT_EQ(status(served.ask("POST", ticket, {}, mine)), 410) << "a ticket is for one client";
  EXPECT_EQ(status(served.ask("POST", "/v1/stacks/demo/clusters/game/tickets/0123", {}, mine)),
            404);
  EXPECT_EQ(status(served.ask("POST", "/v1/stacks/demo/down", "{}", mine)), 401)
      << "it only confirms";
  const json second = json::parse(body_of(served.ask("POST", kPlacements)));
  const std::string by_id =
      std::string(kPlacements) + "/" + second["id"].get<std::string>() + "/confirm";
  EXPECT_EQ(
      status(served.ask("POST", by_id, {},
                        second["instance"] == "game-1" ? "Authorization: Bearer token of 1\r\n"
                                                       : "Authorization: Bearer token of 2\r\n")),
      200);
}

struct Row {
  const char* what;
  const char *method, *path, *body, *headers;
  int status;
  const char* says;
};

TEST(Api, refusals_say_what_is_wrong_and_where) {
  const std::string placements = kPlacements;
  const std::string long_key = R"({"key":")" + std::string(257, 'k') + R"("})";
  const std::string big(1024 * 1024 + 1, ' ');
  const Row rows[] = {
      {"bad JSON", "POST", kPlacements, "{\n \"seats\": }", "", 400, "line 2, column 11 (byte 12)"},
      {"no object", "POST", kPlacements, "[1]", "", 400, "line 1, column 1 (byte 0)"},
      {"misspelt", "POST", kPlacements, R"({"seat":1})", "", 400, "did you mean `seats`?"},
      {"no seats", "POST", kPlacements, R"({"seats":0})", "", 400, "whole number"},
      {"half a seat", "POST", kPlacements, R"({"seats":1.5})", "", 400, "whole number"},
      {"bad time", "POST", kPlacements, R"({"hold":"soon"})", "", 400, "such as"},
      {"key too long", "POST", kPlacements, long_key.c_str(), "", 400, "at most 256 bytes"},
      {"not UTF-8", "POST", kPlacements, "{\"key\":\"\xff\"}", "", 400, "not UTF-8"},
      {"trailing", "POST", kPlacements, "{} x", "", 400, "nothing may follow"},
      {"too large", "POST", kPlacements, big.c_str(), "", 413, ""},
      {"too many seats", "POST", kPlacements, R"({"seats":11})", "", 409,
       "an instance of game has only 10"},
      {"more than a room", "POST", kPlacements, R"({"seats":5,"key":"r"})", "", 409,
       "a room of game has only 4"},
      {"wrong method", "GET", kPlacements, "", "", 405, "Allow: POST"},
      {"wrong method", "PUT", "/v1/stacks/demo", "", "", 405, "Allow: GET, HEAD"},
      {"unknown cluster", "POST", "/v1/stacks/demo/clusters/gome/placements", "", "", 404,
       "did you mean `game`"},
      {"unknown stack", "GET", "/v1/stacks/dema", "", "", 404, "did you mean `demo`"},
      {"unknown path", "GET", "/v2", "", "", 404, "There is no `/v2`."},
      {"bad escape", "GET", "/v1/stacks/%zz", "", "", 400, "percent"},
      {"unknown token", "POST", kPlacements, "", "Authorization: Bearer nobody\r\n", 401,
       "WWW-Authenticate: Bearer"},
      {"change without token", "POST", "/v1/stacks/demo/down", "{}", "", 401,
       "needs the admin token"},
      {"change with the place token", "POST", "/v1/stacks/demo/down", "{}", kPlacer, 401,
       "needs the admin token"},
      {"read from elsewhere", "GET", "/v1/stacks/demo", "", kProxied, 401, "needs a token"},
      {"key from elsewhere", "DELETE", "/v1/stacks/demo/clusters/game/keys/k", "", kProxied, 401,
       "needs a token"},
      {"metrics from elsewhere", "GET", "/metrics", "", kProxied, 401, "needs a token"},
      {"party from elsewhere", "POST", kPlacements, R"({"seats":2})", kProxied, 401, "place token"},
      {"bad admin JSON", "POST", "/v1/stacks/demo/clusters/game/scale", "{\"instances\":\n}",
       kAdmin, 400, "line 2, column 1"},
      {"scale by nothing", "POST", "/v1/stacks/demo/clusters/game/scale", "{}", kAdmin, 400,
       "`instances` must"},
      {"scale by text", "POST", "/v1/stacks/demo/clusters/game/scale", R"({"instances":"2"})",
       kAdmin, 400, "whole number"},
      {"misspelt admin", "POST", "/v1/stacks/demo/down", R"({"nov":true})", kAdmin, 400,
       "did you mean `now`?"},
      {"apply nothing", "POST", "/v1/stacks/demo/apply", "{}", kAdmin, 400, "`text`"},
      {"bad limit", "GET", "/v1/stacks/demo/activities?limit=-1", "", "", 400, "`limit`"},
      {"what control says", "GET", "/v1/stacks/demo/clusters/gone/explain", "", "", 404,
       "did you mean `game`?"},
  };
  Served served;
  served.apply(view_of("game", 1, 10));
  for (const Row& row : rows) {
    const std::string answer = served.ask(row.method, row.path, row.body, row.headers);
    EXPECT_EQ(status(answer), row.status) << row.what << "\n" << answer;
    EXPECT_TRUE(says(answer, row.says)) << row.what << "\n" << answer;
    EXPECT_TRUE(says(answer, "application/problem+json")) << row.what << "\n" << answer;
    EXPECT_FALSE(json::parse(body_of(answer), nullptr, false).is_discarded()) << answer;
  }
}

TEST(Api, the_control_loop_is_asked_what_the_caller_asked) {
  struct Asked {
    const char *method, *path, *body, *headers, *asked;
  };
  const Asked rows[] = {
      // verb, cluster, instance, text, number, after, limit, now, dry run, deadline
      {"GET", "/v1/stacks/demo", "", "", "0||||-1|0|100|false|false|-1"},
      {"GET", "/v1/stacks/demo/clusters/game/explain", "", "", "1|game|||-1|0|100|false|false|-1"},
      {"GET", "/v1/stacks/demo/activities?cluster=game&instance=game-1&after=7&limit=5", "",
       kPlacer, "2|game|game-1||-1|7|5|false|false|-1"},
      {"POST", "/v1/stacks/demo/clusters/game/scale", R"({"instances":3})", kAdmin,
       "3|game|||3|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/clusters/game/scale", R"({"instances":null})", kAdmin,
       "3|game|||-1|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/instances/game-1/drain", R"({"deadline_ms":5})", kAdmin,
       "4||game-1||-1|0|100|false|false|5"},
      {"POST", "/v1/stacks/demo/instances/game-1/undrain", "", kAdmin,
       "5||game-1||-1|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/instances/game-1/replace", "{}", kAdmin,
       "6||game-1||-1|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/instances/game-1/restart", "{}", kAdmin,
       "7||game-1||-1|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/clusters/game/restart", "{}", kAdmin,
       "7|game|||-1|0|100|false|false|-1"},
      {"POST", "/v1/stacks/demo/apply", R"({"text":"stack: demo","dry_run":true})", kAdmin,
       "8|||stack: demo|-1|0|100|false|true|-1"},
      {"POST", "/v1/stacks/demo/down", R"({"now":true})", kAdmin, "9||||-1|0|100|true|false|-1"},
  };
  Served served;
  served.apply(view_of("game", 1, 10));
  for (const Asked& row : rows) {
    const std::string answer = served.ask(row.method, row.path, row.body, row.headers);
    ASSERT_EQ(status(answer), 200) << row.path << answer;
    EXPECT_EQ(json::parse(body_of(answer))["asked"], row.asked) << row.path;
    EXPECT_TRUE(says(answer, "no-store"));
  }
  EXPECT_EQ(body_of(served.ask("GET", "/v1/stacks")), R"({"stacks":[{"name":"demo"}]})");
  EXPECT_EQ(body_of(served.ask("GET", "/healthz")), R"({"ok":true})");
  EXPECT_EQ(status(served.ask("HEAD", "/healthz")), 200);
  EXPECT_TRUE(says(served.ask("GET", "/metrics"),
                   "utakata_placements_total{cluster=\"game\",outcome=\"granted\"} 0"));
}

TEST(Api, pages_may_place_from_the_origins_that_are_named_and_change_nothing) {
  ApiOptions options = Served::plain();
  options.api.origins = {"https://game.example"};
  Served served(std::move(options));
  served.apply(view_of("game", 1, 100));
  const char* good = "Origin: https://game.example\r\n";
  const char* bad = "Origin: https://evil.example\r\n";
  const std::string preflight = served.ask("OPTIONS", kPlacements, "", good);
  EXPECT_EQ(status(preflight), 204);
  EXPECT_TRUE(says(preflight, "Access-Control-Allow-Origin: https://game.example\r\n"))
      << preflight;
  EXPECT_TRUE(says(preflight, "Access-Control-Allow-Headers: Content-Type"));
  const std::string placed = served.ask("POST", kPlacements, "", good);
  EXPECT_EQ(status(placed), 200);
  EXPECT_TRUE(says(placed, "Access-Control-Allow-Origin: https://game.example\r\n"));
  EXPECT_EQ(status(served.ask("POST", kPlacements, "", bad)), 403);
  EXPECT_EQ(status(served.ask("OPTIONS", kPlacements, "", bad)), 403);
  EXPECT_EQ(status(served.ask("POST", kPlacements, R"({"seats":2})", good)), 401)
      << "a page is a stranger";
  EXPECT_EQ(status(served.ask("GET", "/v1/stacks/demo", "", good)), 401);
  const std::string change =
      served.ask("POST", "/v1/stacks/demo/down", "{}", std::string(kAdmin) + good);
  EXPECT_EQ(status(change), 403);
  EXPECT_FALSE(says(change, "Access-Control-Allow-Origin"));
}

TEST(Api, a_foreign_name_that_resolves_here_is_not_answered) {
  Served served;
  served.apply(view_of("game", 1, 100));
  const auto ask = [&](std::string_view host) {
    return net::LoopbackClient(served.port)
        .send(fmt::format("GET /v1/stacks HTTP/1.1\r\nHost: {}\r\n\r\n", host))
        .answer();
  };
  for (const char* ours : {"localhost", "LOCALHOST:80", "127.0.0.1:7070", "[::1]:7070"})
    EXPECT_EQ(status(ask(ours)), 200) << ours;
  for (const char* foreign : {"evil.example", "127.0.0.1.evil.example:7070", "[::2]"})
    EXPECT_EQ(status(ask(foreign)), 421) << foreign;
}

TEST(Api, strangers_are_held_to_a_rate_and_a_share) {
  Served served;
  served.apply(view_of("game", 1, 100));
  int placed = 0, slowed = 0, full = 0;
  for (int i = 0; i < 60; ++i) {
    const int code = status(served.ask("POST", kPlacements, "", kProxied));
    placed += code == 200;
    slowed += code == 429;
    full += code == 503;
  }
  EXPECT_EQ(placed, 10) << "a tenth of 100";
  EXPECT_GT(full, 0);
  EXPECT_EQ(placed + slowed + full, 60);
  EXPECT_EQ(status(served.ask("POST", kPlacements, "", "X-Forwarded-For: 203.0.113.6\r\n")), 503);
  EXPECT_EQ(status(served.ask("POST", kPlacements, "", std::string(kProxied) + kPlacer)), 200)
      << "a place token lifts that";
}

}  // namespace
}  // namespace utakata

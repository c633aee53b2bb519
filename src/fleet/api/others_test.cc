// Two controllers' APIs, a and b, over real loopback connections: what is asked of the wrong one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "fleet/api/api.h"
#include "net/loopback_client.h"
#include "wire/digest.h"

namespace utakata {
namespace {

using nlohmann::json;

// As one controller sees them; asked on its loop, told on the test's thread.
class ToldOwners final : public Owners {
 public:
  void want(std::vector<std::string>) override {}
  std::vector<std::string> wanted() const override { return {"game", "lobby"}; }
  Ownership of(std::string_view cluster) const override {
    const std::lock_guard guard(mutex_);
    const auto known = now_.find(cluster);
    return known == now_.end() ? Ownership{} : known->second;
  }
  std::optional<std::int64_t> fence(std::string_view) const override { return std::nullopt; }
  std::vector<Controller> others() const override {
    const std::lock_guard guard(mutex_);
    return others_;
  }
  void set(const std::string& cluster, Ownership ownership) {
    const std::lock_guard guard(mutex_);
    now_[cluster] = std::move(ownership);
  }
  void set_others(std::vector<Controller> others) {
    const std::lock_guard guard(mutex_);
    others_ = std::move(others);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Ownership, std::less<>> now_;
  std::vector<Controller> others_;
};

// Tells who was asked.
class NamedFleet final : public FleetAccess {
 public:
  explicit NamedFleet(std::string name) : name_(std::move(name)) {}
  void ask(AdminCall call, std::function<void(Expected<std::string>)> answer) override {
    ++asked;
    if (call.verb != AdminCall::Verb::status)
      return answer(json{{"done", name_ + " did it"}}.dump());
    json clusters;
    for (const auto& [cluster, owner] : {std::pair{"game", "a"}, {"lobby", "b"}})
      clusters.push_back({{"name", cluster},
                          {"ours", owner == name_},
                          {"owner", owner},
                          {"connections", owner == name_ ? 7 : 0}});
    answer(json{{"clusters", clusters}}.dump());
  }
  std::atomic<int> asked = 0;

 private:
  std::string name_;
};

struct Side {
  explicit Side(const std::string& name)
      : fleet(name),
        api(loop, fleet,
            {.stack = "demo",
             .api = {.listen = {.host = "127.0.0.1", .port = 0}},
             .admin_token_hash = wire::sha256_hex("admin of " + name),
             .owners = &owners,
             .peer_token = "between them",
             .place_secret = PlaceSecret{1, 2}}),
        port(*api.listen()),
        url(fmt::format("http://127.0.0.1:{}", port)),
        thread([this] { loop.run(); }) {}
  ~Side() {
    loop.stop();
    thread.join();
  }
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop.post([&] { work(), done.set_value(); });
    done.get_future().wait();
  }
  void sees(const std::string& cluster, int capacity = 3) {
    auto view = std::make_shared<PlacementView>();
    view->cluster = cluster, view->version = 1, view->capacity = capacity, view->hold = 60s;
    Placeable instance;
    instance.identity = placeable_identity(cluster + "-1", "ws://127.0.0.1:20001");
    instance.open = instance.honours_keys = instance.count_known = true;
    view->instances.push_back(instance);
    on_loop([&] { api.apply(view); });
  }
  void becomes(const std::string& cluster, Ownership ownership) {
    owners.set(cluster, std::move(ownership));
    on_loop([&] { api.turn(); });
  }
  bool is_heard() {
    bool heard = false;
    on_loop([&] { heard = api.is_heard(); });
    return heard;
  }
  std::string ask(std::string_view method, std::string_view path, std::string_view body = {},
                  std::string_view headers = {}) const {
    return net::LoopbackClient(port)
        .send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost:{}\r\n{}Content-Length: {}\r\n\r\n{}",
                          method, path, port, headers, body.size(), body))
        .answer();
  }

  net::Loop loop;
  ToldOwners owners;
  NamedFleet fleet;
  Api api;
  std::uint16_t port;
  std::string url;
  std::thread thread;
};

constexpr const char* game = "/v1/stacks/demo/clusters/game/placements";

int status(const std::string& answer) {
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}
json body(const std::string& answer) { return json::parse(net::body_of(answer)); }

struct TwoApis : testing::Test {
  TwoApis() {
    a.owners.set_others({{"b", b.url}});
    b.owners.set_others({{"a", a.url}});
    a.becomes("game", ours());
    b.becomes("game", of_a());
    a.sees("game");
  }
  static Ownership ours() {
    return {.kind = Ownership::Kind::ours, .tenure = 1, .is_inherited = true};
  }
  static Ownership taken_over() {
    return {.kind = Ownership::Kind::ours, .tenure = 2, .is_inherited = false, .controller = "b"};
  }
  Ownership of_a() const {
    return {.kind = Ownership::Kind::others, .controller = "a", .url = a.url};
  }
  // b has heard all that a has told.
  void b_listens(const std::string& cluster = "game") {
    b.becomes(cluster, of_a());
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!a.is_heard() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(a.is_heard());
    b.ask("GET", "/healthz");  // what a has sent before is read before the answer is
  }
  Side a{"a"}, b{"b"};
};

TEST_F(TwoApis, a_place_is_the_owners_to_give_whoever_is_asked) {
  std::set<std::string> ids;
  for (const Side* side : {&a, &b, &b}) {
    const std::string answer = side->ask("POST", game);
    ASSERT_EQ(status(answer), 200) << answer;
    EXPECT_EQ(body(answer)["instance"], "game-1");
    ids.insert(body(answer)["id"].get<std::string>());
  }
  EXPECT_EQ(ids.size(), 3u);
  const std::string full = b.ask("POST", game);
  EXPECT_EQ(status(full), 503) << "three seats there are, over both";
  EXPECT_NE(full.find("Retry-After: "), full.npos);
  EXPECT_EQ(status(b.ask("DELETE", game + ("/" + *ids.begin()))), 204);
  EXPECT_EQ(status(a.ask("POST", game)), 200);
}

TEST_F(TwoApis, a_key_leads_to_one_room_from_both) {
  const auto with_key = [](const Side& side) { return side.ask("POST", game, R"({"key":"k"})"); };
  const std::string first = with_key(b), second = with_key(a);
  ASSERT_EQ(status(first), 200) << first;
  EXPECT_EQ(status(b.ask("DELETE", "/v1/stacks/demo/clusters/game/keys/k")), 204);
}

TEST_F(TwoApis, what_many_ask_of_the_wrong_one_at_once_is_answered_to_each) {
  std::vector<net::LoopbackClient> callers;
  for (int i = 0; i < 50; ++i) callers.emplace_back(b.port);
  for (std::size_t i = 0; i < callers.size(); ++i) {
    const std::string key = fmt::format(R"({{"key":"k{}"}})", i % 3);
    callers[i].send(
        fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", game,
                    key.size(), key));
  }
  std::map<int, int> statuses;
  for (net::LoopbackClient& caller : callers) ++statuses[status(caller.answer())];
  EXPECT_EQ(statuses[200], 3) << "a room has one seat here, and there are three";
  EXPECT_EQ(statuses[409] + statuses[503], 47);
}

TEST_F(TwoApis, a_link_is_for_controllers_only) {
  const auto upgrade = [&](std::string_view path, std::string_view authorization) {
    return status(net::LoopbackClient(a.port)
                      .send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade"
                                        "\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
                                        path, authorization))
                      .answer(false));
  };
  EXPECT_EQ(upgrade("/v1/peer", "Authorization: Bearer between them\r\n"), 101);
  EXPECT_EQ(upgrade("/v1/peer", ""), 403);
  EXPECT_EQ(upgrade("/v1/peer", "Authorization: Bearer admin of a\r\n"), 403);
  EXPECT_EQ(upgrade("/v1/other", "Authorization: Bearer between them\r\n"), 404);
}

TEST_F(TwoApis, an_operator_may_ask_any_of_them_with_the_token_of_that_one) {
  const char* path = "/v1/stacks/demo/clusters/game/scale";
  const std::string told =
      b.ask("POST", path, R"({"instances":2})", "Authorization: Bearer admin of b\r\n");
  ASSERT_EQ(status(told), 200) << told;
  EXPECT_EQ(body(told)["done"], "a did it");
  EXPECT_EQ(status(b.ask("POST", path, R"({"instances":2})")), 401);
  EXPECT_EQ(status(b.ask("POST", path, R"({"instances":2})", "Authorization: Bearer x\r\n")), 401);
}

TEST_F(TwoApis, all_are_asked_to_go_down_and_each_shows_its_own) {
  const std::string down =
      b.ask("POST", "/v1/stacks/demo/down", "{}", "Authorization: Bearer admin of b\r\n");
  ASSERT_EQ(status(down), 200) << down;
  EXPECT_EQ(a.fleet.asked, 1);
  EXPECT_EQ(b.fleet.asked, 1);
  const json shown = body(b.ask("GET", "/v1/stacks/demo"));
  for (const auto& cluster : shown["clusters"]) EXPECT_EQ(cluster["connections"], 7) << cluster;
  EXPECT_EQ(shown["others"][0]["name"], "a");
}

TEST_F(TwoApis, one_that_has_died_is_waited_for_until_it_is_not_listed_any_more) {
  b.owners.set_others({{"c", "http://127.0.0.1:1"}});
  auto down = std::async(std::launch::async, [&] {
    return b.ask("POST", "/v1/stacks/demo/down", "{}", "Authorization: Bearer admin of b\r\n");
  });
  EXPECT_EQ(down.wait_for(300ms), std::future_status::timeout);
  EXPECT_EQ(b.fleet.asked, 0);
  b.owners.set_others({});
  EXPECT_EQ(status(down.get()), 200);
  EXPECT_EQ(b.fleet.asked, 1);
}

TEST_F(TwoApis, who_asks_while_nobody_owns_it_waits_for_the_next_owner) {
  b.becomes("game", {});
  auto waits = std::async(std::launch::async, [&] { return b.ask("POST", game); });
  EXPECT_EQ(waits.wait_for(300ms), std::future_status::timeout);
  b.becomes("game", ours());  // b has taken it over
  EXPECT_EQ(waits.wait_for(300ms), std::future_status::timeout) << "it has no view of it yet";
  b.sees("game");
  const std::string answer = waits.get();
  EXPECT_EQ(status(answer), 200) << answer;
}

TEST_F(TwoApis, an_owner_that_does_not_answer_is_tried_again_until_another_one_has_it) {
  b.becomes("game",
            {.kind = Ownership::Kind::others, .controller = "a", .url = "http://127.0.0.1:1"});
  auto waits = std::async(std::launch::async, [&] { return b.ask("POST", game); });
  EXPECT_EQ(waits.wait_for(300ms), std::future_status::timeout);
  b.becomes("game", of_a());
  EXPECT_EQ(status(waits.get()), 200);
}

TEST_F(TwoApis, a_request_goes_one_controller_further_and_not_in_circles) {
  a.becomes("game", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  auto waits = std::async(std::launch::async, [&] { return b.ask("POST", game); });
  EXPECT_EQ(waits.wait_for(300ms), std::future_status::timeout) << "each takes the other for it";
  b.becomes("game", ours());
  b.sees("game");
  EXPECT_EQ(status(waits.get()), 200);
}

TEST_F(TwoApis, the_token_between_controllers_is_nobody_elses) {
  const std::string answer =
      a.ask("POST", "/v1/stacks/demo/clusters/game/scale", R"({"instances":2})",
            "Authorization: Bearer guessed\r\nX-Utakata-Caller: admin\r\n");
  EXPECT_EQ(status(answer), 401);
  EXPECT_EQ(a.fleet.asked, 0);
}

TEST_F(TwoApis, who_takes_a_cluster_over_goes_on_with_the_seats_and_keys_of_the_former_owner) {
  const std::string in_room = a.ask("POST", game, R"({"key":"k"})");
  ASSERT_EQ(status(in_room), 200);
  b_listens();
  ASSERT_EQ(status(a.ask("POST", game)), 200);
  ASSERT_EQ(status(b.ask("POST", game)), 200);
  a.becomes("game", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  b.becomes("game", taken_over());
  b.sees("game");
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(status(b.ask("POST", game)), 503) << "three seats are held: one of a room, and two";
  EXPECT_EQ(status(b.ask("DELETE", game + ("/" + body(in_room)["id"].get<std::string>()))), 204)
      << "a placement of a's is known";
  EXPECT_EQ(status(b.ask("POST", game)), 200) << "and nothing waits for a's holds to end";
}

// More than one connection may have unsent at once, which is 8 MB.
TEST_F(TwoApis, a_ledger_of_any_size_is_told_whole) {
  constexpr int rooms = 40'000;
  const std::string lobby = "/v1/stacks/demo/clusters/lobby/";
  const auto key = [](int room) { return fmt::format("{:0>250}", room); };
  const auto body = [&](int room) {
    return fmt::format(R"({{"key":"{}","hold":"10m"}})", key(room));
  };
  a.becomes("lobby", ours());
  a.sees("lobby", rooms);
  net::LoopbackClient client(a.port);
  for (int room = 0, asked = 0; room < rooms; ++room) {
    for (; asked < std::min(rooms, room + 50); ++asked)
      client.send(fmt::format(
          "POST {}placements HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", lobby,
          body(asked).size(), body(asked)));
    ASSERT_EQ(status(client.answer()), 200) << room;
  }
  b_listens("lobby");
  a.becomes("lobby", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  b.becomes("lobby", taken_over());
  b.sees("lobby", rooms);
  for (const int room : {0, rooms / 2, rooms - 1})
    EXPECT_EQ(status(b.ask("POST", lobby + "placements", body(room))), 409)
        << "its one seat is taken";
  EXPECT_EQ(status(b.ask("POST", lobby + "placements")), 503) << "and so are all";
  EXPECT_EQ(status(b.ask("DELETE", lobby + "keys/" + key(7))), 204);
  EXPECT_EQ(status(b.ask("POST", lobby + "placements")), 200)
      << "and nothing waits for a's holds to end";
}

TEST_F(TwoApis, an_owner_that_stands_still_has_told_all_that_it_gave) {
  b_listens();
  ASSERT_EQ(status(a.ask("POST", game)), 200);
  ASSERT_EQ(status(b.ask("POST", game)), 200);
  a.owners.set("game", {});  // while it stands still its time is over
  std::promise<void> thaws;
  a.loop.post([thawed = thaws.get_future().share()] { thawed.wait(); });
  auto late = std::async(std::launch::async, [&] { return a.ask("POST", game); });
  std::this_thread::sleep_for(1200ms);
  b.becomes("game", taken_over());
  b.sees("game");
  EXPECT_EQ(status(b.ask("POST", game)), 200) << "the third seat, and no hold is waited for";
  EXPECT_EQ(status(b.ask("POST", game)), 503);
  thaws.set_value();
  EXPECT_EQ(status(late.get()), 503) << "asked of a while it stood still: b answers";
}

TEST_F(TwoApis, an_owner_that_lost_sight_of_who_owns_what_is_told_by_the_next_one) {
  b_listens();
  a.becomes("game", {});
  ASSERT_EQ(status(a.ask("POST", game)), 200) << "nobody else may have it: a goes on";
  ASSERT_EQ(status(a.ask("POST", game)), 200);
  b.becomes("game", taken_over());
  b.sees("game");
  EXPECT_EQ(status(b.ask("POST", game)), 200);
  EXPECT_EQ(status(a.ask("POST", game)), 503) << "by b: all three are taken";
  a.sees("game");
  EXPECT_EQ(status(a.ask("POST", game)), 503) << "and what a still observes changes nothing";
}

TEST_F(TwoApis, an_owner_by_its_own_clock_hands_nothing_over) {
  const auto say = [&](const char* body) {
    return status(a.ask("POST", "/v1/stacks/demo/clusters/game/ledger", body,
                        "Authorization: Bearer between them\r\nX-Utakata-Caller: admin\r\n"));
  };
  EXPECT_EQ(say(R"({"controller":"b"})"), 409);
  a.becomes("game", {});
  EXPECT_EQ(say(R"({"controller":"nobody of ours"})"), 400);
  EXPECT_EQ(say("[1"), 400);
  EXPECT_EQ(say(R"({"controller":"b"})"), 204);
}

TEST_F(TwoApis, an_owner_knows_whether_all_others_hear_it) {
  b_listens();
  a.owners.set_others({{"b", b.url}, {"c", "http://127.0.0.1:1"}});
  EXPECT_FALSE(a.is_heard()) << "c has only just come";
  a.becomes("game", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  EXPECT_TRUE(a.is_heard()) << "there is nothing of its own to hear";
}

TEST_F(TwoApis, who_heard_nothing_of_the_former_owner_places_nobody_where_that_one_may_have) {
  b.becomes("lobby", taken_over());
  b.sees("lobby");
  EXPECT_EQ(status(b.ask("POST", "/v1/stacks/demo/clusters/lobby/placements")), 503)
      << "until that one's holds have ended";
}

TEST_F(TwoApis, what_an_owner_before_the_last_one_told_is_no_knowledge) {
  b_listens();
  a.becomes("game",
            {.kind = Ownership::Kind::others, .controller = "c", .url = "http://127.0.0.1:1"});
  Ownership later = taken_over();
  later.tenure = 3;
  b.becomes("game", later);
  b.sees("game");
  EXPECT_EQ(status(b.ask("POST", game)), 503);
}

TEST_F(TwoApis, each_tells_those_who_choose_by_themselves_whose_a_cluster_is) {
  const auto told = [](Side& side) {
    std::string all;
    side.on_loop([&] {
      for (const PublishedCluster& one : side.api.published())
        all += fmt::format("{} {} {};", one.cluster, int(one.whose), one.lines.size());
    });
    return all;
  };
  EXPECT_EQ(told(a), "game 0 1;lobby 1 0;");
  EXPECT_EQ(told(b), "game 2 0;lobby 1 0;");
  a.owners.set("game", {});
  EXPECT_EQ(told(a), "game 1 1;lobby 1 0;") << "what it knows, and may be another's";
  a.owners.set_others({});
  EXPECT_EQ(told(a), "game 0 1;lobby 1 0;") << "there is nobody who could have it";
  a.owners.set_others({{"b", b.url}});
  b.becomes("game", taken_over());
  EXPECT_EQ(told(b), "game 1 0;lobby 1 0;") << "ours, and nothing known of it yet";
  a.becomes("game", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  EXPECT_EQ(told(a), "game 2 0;lobby 1 0;");
}

TEST_F(TwoApis, several_clusters_may_be_lost_at_once) {
  a.becomes("lobby", ours());
  a.sees("lobby");
  const Ownership of_b{.kind = Ownership::Kind::others, .controller = "b", .url = b.url};
  a.owners.set("lobby", of_b);
  a.becomes("game", of_b);
  b.becomes("game", ours());
  b.sees("game");
  EXPECT_EQ(status(a.ask("POST", game)), 200) << "by b";
}

TEST_F(TwoApis, who_stood_still_gives_nothing_before_it_knows_whose_the_cluster_is) {
  a.owners.set("game", {});  // its time is over
  a.loop.post([] { std::this_thread::sleep_for(1300ms); });
  auto asked = std::async(std::launch::async, [&] { return a.ask("POST", game); });
  EXPECT_EQ(asked.wait_for(1600ms), std::future_status::timeout);
  b.becomes("game", ours());
  b.sees("game");
  a.becomes("game", {.kind = Ownership::Kind::others, .controller = "b", .url = b.url});
  EXPECT_EQ(status(asked.get()), 200);
  a.becomes("game", ours());
  a.sees("game");
  EXPECT_EQ(status(a.ask("POST", game)), 200) << "and goes on when it is its own again";
}

TEST_F(TwoApis, a_ledger_is_told_to_controllers_only) {
  const char* ledger = "/v1/stacks/demo/clusters/game/ledger";
  EXPECT_EQ(status(a.ask("GET", ledger)), 404);
  EXPECT_EQ(status(a.ask("GET", ledger, {}, "Authorization: Bearer admin of a\r\n")), 404);
}

}  // namespace
}  // namespace utakata

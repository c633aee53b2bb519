// Against made-up members: what no etcd would do when asked to. etcd_real_test.cc asks a real one.
#include "net/etcd/etcd_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "net/http_server.h"
#include "net/run_until.h"
#include "net/tls_test_files.h"

namespace utakata::net {
namespace {

using Kind = Problem::Kind;

const std::string rows_at_12 =
    R"({"header":{"revision":"12"},"kvs":[{"key":"YQ==","value":"Yg=="}]})";
const std::string no_leader =
    R"({"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14})";

struct Answer {
  int status = 200;
  std::string body;
  bool is_silent = false;  // none at all
};

// A member that says what it is told to; the last answer again and again.
class FakeMember {
 public:
  FakeMember(Loop& loop, std::deque<Answer> answers)
      : answers_(std::move(answers)),
        server_(loop,
                [this](const HttpRequest& request, HttpReply r) {
                  asked.emplace_back(request.path);
                  bodies.emplace_back(request.body);
                  const Answer answer = answers_.front();
                  if (answers_.size() > 1) answers_.pop_front();
                  if (answer.is_silent)
                    unanswered_.push_back(std::move(r));
                  else if (request.path == "/v3/watch" && answer.status == 200)
                    stream(std::move(r), answer.body);
                  else
                    r.send({.status = answer.status, .body = answer.body});
                },
                {.backlog_bytes = 64 << 20}) {
    port = *server_.listen("127.0.0.1", 0);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port); }

  std::uint16_t port = 0;
  std::vector<std::string> asked, bodies;
  std::vector<HttpReply> streams;

 private:
  void stream(HttpReply reply, const std::string& lines) {
    reply.begin(200, "application/json");
    reply.write(lines);
    streams.push_back(std::move(reply));
  }
  std::deque<Answer> answers_;
  std::vector<HttpReply> unanswered_;
  HttpServer server_;
};

class EtcdClientTest : public ::testing::Test {
 protected:
  FakeMember& member(std::deque<Answer> answers) {
    members_.push_back(std::make_unique<FakeMember>(loop_, std::move(answers)));
    options_.endpoints.push_back(members_.back()->url());
    return *members_.back();
  }
  EtcdClient& client() {
    if (!client_) client_ = std::make_unique<EtcdClient>(loop_, options_);
    return *client_;
  }
  Expected<EtcdRows> range() {
    std::optional<Expected<EtcdRows>> got;
    client().range({.key = "a"}, [&](Expected<EtcdRows> rows) { got = std::move(rows); });
    EXPECT_FALSE(got) << "never before its call has returned";
    EXPECT_TRUE(until([&] { return got.has_value(); }));
    return *got;
  }
  bool until(const std::function<bool()>& holds) { return run_until(loop_, holds); }

  Loop loop_;
  EtcdOptions options_{.endpoints = {}, .deadline = 2s};
  std::vector<std::unique_ptr<FakeMember>> members_;
  std::unique_ptr<EtcdClient> client_;
};

TEST_F(EtcdClientTest, one_member_answers) {
  auto& only = member({{200, rows_at_12}});
  const auto rows = range();
  ASSERT_TRUE(rows) << rows.error().what;
  EXPECT_EQ(rows->revision, 12);
  EXPECT_EQ(rows->rows.at(0).value, "b");
  EXPECT_EQ(only.asked, std::vector<std::string>{"/v3/kv/range"});
}

TEST_F(EtcdClientTest, the_next_member_is_asked_whatever_is_wrong_with_one_and_stays_preferred) {
  const std::string huge(13 << 20, 'x');
  for (const Answer& bad :
       {Answer{503, no_leader}, Answer{500, ""}, Answer{200, "{\"hea"}, Answer{200, ""},
        Answer{404, "404 page not found\n"}, Answer{200, huge}, Answer{200, "", true}}) {
    SCOPED_TRACE(bad.body.substr(0, 50));
    members_.clear();
    options_.endpoints.clear();
    client_.reset();
    auto& first = member({bad});
    auto& second = member({{200, rows_at_12}});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(range());
    EXPECT_EQ(first.asked.size(), 1u);
    EXPECT_EQ(second.asked.size(), 3u);
  }
}

TEST_F(EtcdClientTest, a_member_that_is_away_is_passed_over) {
  options_.endpoints.push_back("http://127.0.0.1:1/");
  auto& second = member({{200, rows_at_12}});
  EXPECT_TRUE(range());
  EXPECT_EQ(second.asked.size(), 1u);
}

TEST_F(EtcdClientTest, where_nobody_can_be_reached_it_is_said_at_once_with_address_and_remedy) {
  options_.endpoints = {"http://127.0.0.1:1"};
  options_.deadline = 1h;
  const auto one = range();
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().kind, Kind::unavailable);
  EXPECT_TRUE(one.error().retry);
  EXPECT_NE(one.error().what.find("etcd http://127.0.0.1:1: "), std::string::npos)
      << one.error().what;
  EXPECT_NE(one.error().what.find("start etcd"), std::string::npos) << one.error().what;
  client_.reset();
  options_.endpoints = {"http://127.0.0.1:1", "http://127.0.0.1:2"};
  EXPECT_NE(range().error().what.find("none of its 2 members"), std::string::npos);
}

TEST_F(EtcdClientTest, an_election_is_waited_for) {
  auto& first = member({{503, no_leader}, {503, no_leader}, {200, rows_at_12}});
  auto& second = member({{503, no_leader}});
  EXPECT_TRUE(range());
  EXPECT_EQ(first.asked.size(), 3u);
  EXPECT_EQ(second.asked.size(), 2u);
}

TEST_F(EtcdClientTest, but_no_longer_than_the_deadline) {
  member({{503, no_leader}});
  options_.deadline = 300ms;
  const auto none = range();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Kind::unavailable);
  EXPECT_NE(none.error().what.find("no leader"), std::string::npos) << none.error().what;
}

TEST_F(EtcdClientTest, silence_is_timed_out) {
  member({{200, "", true}});
  options_.deadline = 200ms;
  const auto none = range();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Kind::timed_out);
  EXPECT_TRUE(none.error().retry);
}

TEST_F(EtcdClientTest, nonsense_from_everybody_is_refused) {
  member({{200, "<html>"}});
  member({{200, "{}"}});
  const auto none = range();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Kind::refused);
}

TEST_F(EtcdClientTest, a_no_that_every_member_would_say_is_said_once) {
  auto& first =
      member({{400, R"({"error":"etcdserver: mvcc: required revision has been compacted",)"
                    R"("code":11})"}});
  auto& second = member({{200, rows_at_12}});
  EXPECT_EQ(range().error().kind, Kind::conflict);
  EXPECT_EQ(first.asked.size(), 1u);
  EXPECT_TRUE(second.asked.empty());
}

TEST_F(EtcdClientTest, what_is_cancelled_is_not_called_and_a_client_may_end_inside_its_own_call) {
  member({{200, rows_at_12}});
  bool was_called = false;
  const auto id = client().range({.key = "a"}, [&](const auto&) { was_called = true; });
  client().cancel(id);
  client().cancel(id);
  client().range({.key = "a"}, [&](const auto&) { was_called = true; });
  bool has_ended = false;
  client().keep_alive(7, [&](const auto&) {
    client_.reset();
    has_ended = true;
  });
  EXPECT_TRUE(until([&] { return has_ended; }));
  client().range({.key = "a"}, [&](const auto&) { was_called = true; });
  client_.reset();
  EXPECT_TRUE(range());
}

TEST_F(EtcdClientTest, ending_a_lease_that_has_ended_is_no_failure_and_keeping_it_alive_is) {
  member({{404, R"({"error":"etcdserver: requested lease not found","code":5})"},
          {200, R"({"result":{"header":{},"ID":"7"}})"}});
  std::optional<Expected<void>> revoked;
  client().revoke(7, [&](Expected<void> result) { revoked = result; });
  ASSERT_TRUE(until([&] { return revoked.has_value(); }));
  EXPECT_TRUE(*revoked);
  std::optional<Expected<Duration>> kept;
  client().keep_alive(7, [&](Expected<Duration> left) { kept = left; });
  ASSERT_TRUE(until([&] { return kept.has_value(); }));
  EXPECT_EQ(kept->error().kind, Kind::not_found);
}

TEST_F(EtcdClientTest, over_tls_only_the_named_authority_is_trusted) {
  const TlsTestFiles files;
  HttpServer server(loop_, [](const HttpRequest&, HttpReply r) { r.send({.body = rows_at_12}); });
  const auto port = server.listen_tls("127.0.0.1", 0, files.names());
  ASSERT_TRUE(port);
  options_.endpoints = {fmt::format("https://127.0.0.1:{}", *port)};
  const auto strange = range();
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error().kind, Kind::refused) << strange.error().what;
  client_.reset();
  options_.ca_file = "/nowhere/ca.pem";
  EXPECT_EQ(range().error().kind, Kind::invalid);
}

const std::string created = R"({"result":{"header":{"revision":"12"},"created":true}})"
                            "\n";
std::string event_at(int revision) {
  return fmt::format(R"({{"result":{{"header":{{"revision":"{0}"}},"events":[)"
                     R"({{"kv":{{"key":"YQ==","mod_revision":"{0}"}}}}]}}}})"
                     "\n",
                     revision);
}

struct Heard {
  std::vector<std::int64_t> revisions;  // of events
  int stands = 0, lost = 0, compacted = 0;
  EtcdWatch watch(std::int64_t from) {
    return {.prefix = "a",
            .from = from,
            .news =
                [this](std::int64_t, std::span<const EtcdEvent> events) {
                  stands += events.empty();
                  for (const auto& e : events) revisions.push_back(e.row.mod_revision);
                },
            .compacted = [this] { ++compacted; },
            .lost = [this](const Problem&) { ++lost; }};
  }
};

TEST_F(EtcdClientTest, a_watch_that_breaks_goes_on_elsewhere_after_the_last_event_it_told) {
  auto& first = member({{200, created + event_at(13) + event_at(14)}});
  auto& second = member({{200, created + event_at(14) + event_at(16)}});
  Heard heard;
  client().watch(heard.watch(13));
  ASSERT_TRUE(until([&] { return heard.revisions.size() == 2; }));
  EXPECT_NE(first.bodies.at(0).find(R"("start_revision":"13")"), std::string::npos);
  first.streams.at(0).end();
  ASSERT_TRUE(until([&] { return heard.revisions.size() >= 3; }));
  EXPECT_EQ(heard.revisions, (std::vector<std::int64_t>{13, 14, 16}));
  EXPECT_EQ(heard.lost, 1);
  EXPECT_EQ(heard.stands, 2);
  ASSERT_FALSE(second.bodies.empty());
  EXPECT_NE(second.bodies[0].find(R"("start_revision":"15")"), std::string::npos);
}

TEST_F(EtcdClientTest, what_was_compacted_ends_a_watch) {
  auto& only = member({{200, R"({"result":{"header":{"revision":"20"},"created":true}})"
                             "\n"
                             R"({"result":{"header":{},"canceled":true,"compact_revision":"18"}})"
                             "\n"}});
  Heard heard;
  client().watch(heard.watch(5));
  ASSERT_TRUE(until([&] { return heard.compacted > 0; }));
  EXPECT_TRUE(range().error().kind == Kind::refused) << "the client goes on";
  EXPECT_EQ(std::ranges::count(only.asked, "/v3/watch"), 1);
}

TEST_F(EtcdClientTest, a_silent_watch_leaves_a_member_that_does_not_answer_any_more) {
  auto& first = member({{200, created}, {200, "", true}});
  member({{200, created + event_at(13)}});
  options_.quiet = 100ms;
  Heard heard;
  client().watch(heard.watch(13));
  ASSERT_TRUE(until([&] { return !heard.revisions.empty(); }));
  EXPECT_EQ(heard.lost, 1);
  EXPECT_EQ(first.asked.at(1), "/v3/kv/range");
}

TEST_F(EtcdClientTest, an_etcd_that_was_set_back_is_listed_again) {
  member({{200, created}, {200, rows_at_12}});
  options_.quiet = 100ms;
  Heard heard;
  client().watch(heard.watch(900));
  EXPECT_TRUE(until([&] { return heard.compacted == 1; }));
}

TEST_F(EtcdClientTest, lines_that_are_nothing_break_a_watch_and_too_long_ones_end_it) {
  member({{200, created + "{\"result\":7}\n"}, {200, "huh\n"}, {200, created + event_at(13)}});
  Heard heard;
  const auto id = client().watch(heard.watch(13));
  ASSERT_TRUE(until([&] { return !heard.revisions.empty(); }));
  client().unwatch(id);
  client_.reset();
  members_.clear();
  options_.endpoints.clear();
  member({{200, std::string(13 << 20, 'x')}});
  client().watch(heard.watch(13));
  EXPECT_TRUE(until([&] { return heard.compacted == 1; }));
}

TEST_F(EtcdClientTest, a_watch_may_be_ended_and_so_may_the_client_inside_its_news) {
  member({{200, created + event_at(13) + event_at(14)}});
  int told = 0;
  EtcdClient::WatchId id = 0;
  id = client().watch({.prefix = "a",
                       .from = 13,
                       .news =
                           [&](std::int64_t, std::span<const EtcdEvent> events) {
                             if (events.empty()) return;
                             ++told;
                             client_->unwatch(id);
                             client_.reset();
                           },
                       .compacted = [] {}});
  ASSERT_TRUE(until([&] { return told > 0; }));
  EXPECT_TRUE(range().error().kind == Kind::refused);
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace utakata::net

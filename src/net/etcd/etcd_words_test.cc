#include "net/etcd/etcd_words.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/base64.h"

namespace utakata::net {
namespace {

using Json = nlohmann::json;
using Kind = Problem::Kind;
using Then = EtcdNo::Then;

constexpr auto row = R"({"key":"YQ==","create_revision":"5","mod_revision":"9223372036854775807",)"
                     R"("version":"2","value":"AAH/","lease":"7587862094738442750"})";
const std::string header = R"("header":{"cluster_id":"1","member_id":"2","revision":"12"})";

TEST(EtcdWords, a_prefix_ends_where_no_key_can_begin_with_it_any_more) {
  EXPECT_EQ(etcd_prefix_end("/a/"), "/a0");
  EXPECT_EQ(etcd_prefix_end("a\xff"), "b");
  EXPECT_EQ(etcd_prefix_end("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(etcd_prefix("/a/").end, "/a0");
}

TEST(EtcdWords, a_transaction_is_written_with_64_bit_numbers_as_texts_and_bytes_as_base64) {
  const EtcdTxn txn{
      .compares = {{"o", EtcdCompare::What::create_revision, 7},
                   {"m", EtcdCompare::What::mod_revision, 8},
                   {"v", EtcdCompare::What::version, 0}},
      .puts = {{"k", std::string("\0\xff", 2), 9}, {"n", ""}},
      .deletes = {{"d"}, {"a", "b"}},
      .otherwise = {{.key = "k"}, {.key = "p", .end = "q", .limit = 3, .revision = 4}}};
  const auto b64 = [](const char* text) { return wire::base64_of(text); };
  const Json expected = {
      {"compare",
       {{{"key", b64("o")}, {"target", "CREATE"}, {"result", "EQUAL"}, {"create_revision", "7"}},
        {{"key", b64("m")}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", "8"}},
        {{"key", b64("v")}, {"target", "VERSION"}, {"result", "EQUAL"}, {"version", "0"}}}},
      {"success",
       {{{"request_put", {{"key", b64("k")}, {"value", "AP8="}, {"lease", "9"}}}},
        {{"request_put", {{"key", b64("n")}, {"value", ""}}}},
        {{"request_delete_range", {{"key", b64("d")}}}},
        {{"request_delete_range", {{"key", b64("a")}, {"range_end", b64("b")}}}}}},
      {"failure",
       {{{"request_range", {{"key", b64("k")}}}},
        {{"request_range",
          {{"key", b64("p")}, {"range_end", b64("q")}, {"limit", "3"}, {"revision", "4"}}}}}}};
  EXPECT_EQ(Json::parse(etcd_text(txn)), expected);
}

TEST(EtcdWords, leases_are_asked_for_in_whole_seconds_rounded_up) {
  EXPECT_EQ(etcd_grant_text(1ms), R"({"TTL":"1"})");
  EXPECT_EQ(etcd_grant_text(3s), R"({"TTL":"3"})");
  EXPECT_EQ(etcd_grant_text(3001ms), R"({"TTL":"4"})");
}

TEST(EtcdWords, rows_are_read_whole_and_what_etcd_leaves_out_is_zero) {
  const auto rows =
      etcd_rows_from("{" + header + R"(,"kvs":[)" + row + R"(,{"key":"Yg=="}],"more":true})");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->revision, 12);
  EXPECT_TRUE(rows->has_more);
  ASSERT_EQ(rows->rows.size(), 2u);
  const EtcdRow whole{.key = "a",
                      .value = std::string("\0\x01\xff", 3),
                      .create_revision = 5,
                      .mod_revision = 9223372036854775807,
                      .version = 2,
                      .lease = 7587862094738442750};
  EXPECT_EQ(rows->rows[0], whole);
  EXPECT_EQ(rows->rows[1], EtcdRow{.key = "b"});
}

TEST(EtcdWords, a_transaction_whose_compares_did_not_hold_tells_the_other_branch) {
  const auto done = etcd_txn_from("{" + header + R"(,"succeeded":true,"responses":[{}]})");
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->has_succeeded);
  EXPECT_EQ(done->revision, 12);
  const auto not_done =
      etcd_txn_from("{" + header + R"(,"responses":[{"response_range":{)" + header + R"(,"kvs":[)" +
                    row + R"(]}},{"response_range":{}}]})");
  ASSERT_TRUE(not_done);
  EXPECT_FALSE(not_done->has_succeeded);
  ASSERT_EQ(not_done->otherwise.size(), 2u);
  EXPECT_EQ(not_done->otherwise[0].rows.at(0).key, "a");
  EXPECT_TRUE(not_done->otherwise[1].rows.empty());
}

TEST(EtcdWords, a_lease_that_is_not_there_is_told_by_the_time_left) {
  EXPECT_EQ(etcd_lease_from("{" + header + R"(,"ID":"77","TTL":"5"})")->ttl, 5s);
  EXPECT_EQ(*etcd_keep_alive_from(R"({"result":{)" + header + R"(,"ID":"77","TTL":"5"}})" + "\n"),
            5s);
  EXPECT_EQ(etcd_keep_alive_from(R"({"result":{)" + header + R"(,"ID":"77"}})").error().kind,
            Kind::not_found);
}

TEST(EtcdWords, a_watch_tells_of_its_beginning_of_events_of_progress_and_of_its_end) {
  using Line = EtcdWatchLine::Kind;
  const auto read = [](const std::string& rest) {
    return etcd_watch_line_from(R"({"result":{)" + header + rest + "}}");
  };
  EXPECT_EQ(read(R"(,"created":true)")->kind, Line::created);
  EXPECT_EQ(read("")->kind, Line::progress);
  EXPECT_EQ(read("")->revision, 12);
  const auto events = read(R"(,"events":[{"kv":)" + std::string(row) +
                           R"(},{"type":"DELETE","kv":{"key":"Yg==","mod_revision":"6"}}])");
  ASSERT_EQ(events->kind, Line::events);
  ASSERT_EQ(events->events.size(), 2u);
  EXPECT_FALSE(events->events[0].is_delete);
  EXPECT_EQ(events->events[0].row.key, "a");
  EXPECT_TRUE(events->events[1].is_delete);
  EXPECT_EQ(events->events[1].row.mod_revision, 6);
  const auto compacted = read(R"(,"canceled":true,"compact_revision":"10")");
  EXPECT_EQ(compacted->kind, Line::compacted);
  EXPECT_EQ(compacted->revision, 10);
  const auto canceled = read(R"(,"canceled":true,"cancel_reason":"no leader")");
  EXPECT_EQ(canceled->kind, Line::canceled);
  EXPECT_EQ(canceled->reason, "no leader");
}

TEST(EtcdWords, each_of_etcds_errors_says_what_to_do) {
  const auto no = [](int status, int code, const char* text) {
    return etcd_no_from(status, Json{{"error", text}, {"message", text}, {"code", code}}.dump());
  };
  struct {
    std::optional<EtcdNo> no;
    Kind kind;
    Then then;
    bool retry;
  } const table[] = {
      {no(503, 14, "etcdserver: no leader"), Kind::unavailable, Then::ask_later, true},
      {no(503, 14, "etcdserver: request timed out"), Kind::unavailable, Then::ask_later, true},
      {no(429, 8, "grpc: received message larger than max (3 vs. 2)"), Kind::invalid, Then::give_up,
       false},
      {no(429, 8, "etcdserver: too many requests"), Kind::unavailable, Then::ask_later, true},
      {no(429, 8, "etcdserver: mvcc: database space exceeded"), Kind::unavailable, Then::give_up,
       true},
      {no(404, 5, "etcdserver: requested lease not found"), Kind::not_found, Then::give_up, false},
      {no(400, 11, "etcdserver: mvcc: required revision has been compacted"), Kind::conflict,
       Then::give_up, false},
      {no(400, 3, "etcdserver: too many operations in txn request"), Kind::invalid, Then::give_up,
       false},
      {no(400, 3, "etcdserver: user name is empty"), Kind::refused, Then::give_up, false},
      {no(403, 7, "etcdserver: permission denied"), Kind::refused, Then::give_up, false},
      {no(501, 12, "unknown service"), Kind::refused, Then::ask_another, false},
      {no(500, 2, "raft: stopped"), Kind::unavailable, Then::ask_another, true},
      {etcd_no_from(500, ""), Kind::unavailable, Then::ask_another, true},
      {etcd_no_from(404, "404 page not found\n"), Kind::refused, Then::ask_another, false},
      {etcd_no_from(200, R"({"error":{"grpc_code":14,"http_code":503,"message":"no leader"}})"),
       Kind::unavailable, Then::ask_later, true},
  };
  for (const auto& line : table) {
    ASSERT_TRUE(line.no);
    EXPECT_EQ(line.no->problem.kind, line.kind) << line.no->problem.what;
    EXPECT_EQ(line.no->then, line.then) << line.no->problem.what;
    EXPECT_EQ(line.no->problem.retry, line.retry) << line.no->problem.what;
  }
  EXPECT_NE(table[4].no->problem.what.find("alarm disarm"), std::string::npos);
  EXPECT_FALSE(etcd_no_from(200, "{" + header + "}"));
}

TEST(EtcdWords, what_is_not_etcds_is_refused_whatever_it_is) {
  const std::string deep(1'000'000, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("null"), std::string("[]"),
        std::string("<html>"), std::string("{}"), R"({"header":1})" + std::string(),
        "{" + header + R"(,"kvs":{}})", "{" + header + R"(,"kvs":[1]})",
        "{" + header + R"(,"kvs":[{"key":"?"}]})", "{" + header + R"(,"kvs":[{"version":"1x"}]})",
        "{" + header + R"(,"more":"yes"})", std::string("{\"header\":") + deep, deep}) {
    EXPECT_EQ(etcd_rows_from(body).error().kind, Kind::refused) << body.substr(0, 80);
    EXPECT_FALSE(etcd_lease_from(body)) << body.substr(0, 80);
    EXPECT_FALSE(etcd_keep_alive_from(body)) << body.substr(0, 80);
    EXPECT_FALSE(etcd_watch_line_from(body)) << body.substr(0, 80);
  }
  EXPECT_FALSE(etcd_txn_from("{" + header + R"(,"responses":[{"response_range":[]}]})"));
  EXPECT_FALSE(etcd_keep_alive_from(R"({"result":{"ID":"77","TTL":"5"}})"));
}

}  // namespace
}  // namespace utakata::net

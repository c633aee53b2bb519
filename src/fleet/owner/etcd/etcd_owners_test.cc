// Two controllers over a real etcd.
#include "fleet/owner/etcd/etcd_owners.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <type_traits>

#include "fleet/model/etcd_root.h"
#include "net/etcd/etcd_for_tests.h"
#include "net/run_until.h"

namespace utakata {
namespace {

using net::EtcdForTests;
using Kind = Ownership::Kind;

struct Twins : testing::Test {
  void SetUp() override {
    if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  }
  std::unique_ptr<EtcdOwners> begin(const std::string& name, Duration ttl = 2s) {
    auto owners = std::make_unique<EtcdOwners>(
        loop, clock, etcd.options(),
        EtcdOwnersOptions{.stack = "show",
                          .name = name,
                          .ttl = ttl,
                          .give_back_after = 500ms,
                          .prefers = {{"lobby", "a"}, {"game", "b"}},
                          .say = [this](const std::string& what) { said.push_back(what); }});
    owners->want({"lobby", "game"});
    owners->begin("http://" + name, [] {});
    return owners;
  }
  bool becomes(const std::function<bool()>& what) { return net::run_until(loop, what, 15s); }
  bool both_have_theirs() {
    return becomes([&] {
      return a->of("lobby").kind == Kind::ours && b->of("game").kind == Kind::ours &&
             a->of("game").controller == "b" && b->of("lobby").controller == "a";
    });
  }

  // As with etcdctl, while the controllers' loop stands still. The revision.
  std::int64_t by_hand(const net::EtcdTxn& txn) {
    return asked<net::EtcdTxnAnswer>([&](auto& client, auto done) { client.txn(txn, done); })
        .revision;
  }
  void compact(std::int64_t revision) {
    asked<void>([&](auto& client, auto done) { client.compact(revision, done); });
  }
  template <class T>
  T asked(const std::function<void(net::EtcdClient&, net::EtcdClient::Done<T>)>& ask) {
    net::Loop own;
    net::EtcdClient client(own, etcd.options());
    std::optional<Expected<T>> answer;
    ask(client, [&](Expected<T> given) { answer = std::move(given); });
    EXPECT_TRUE(net::run_until(own, [&] { return answer.has_value(); }, 15s));
    EXPECT_TRUE(answer && *answer);
    if constexpr (!std::is_void_v<T>) return answer && *answer ? **answer : T{};
  }

  EtcdForTests etcd;
  net::Loop loop;
  net::SystemClock clock;
  std::vector<std::string> said;
  std::unique_ptr<EtcdOwners> a, b;
};

TEST_F(Twins, each_gets_the_cluster_that_prefers_it_and_both_know) {
  a = begin("a"), b = begin("b");
  ASSERT_TRUE(both_have_theirs());
  EXPECT_EQ(a->of("game").url, "http://b");
  EXPECT_EQ(a->others(), (std::vector<Controller>{{"b", "http://b"}}));
  EXPECT_TRUE(a->fence("lobby").has_value());
  EXPECT_FALSE(a->fence("game").has_value());
}

TEST_F(Twins, who_dies_is_followed_when_its_lease_ends_and_gets_its_cluster_back) {
  a = begin("a"), b = begin("b");
  ASSERT_TRUE(both_have_theirs());
  const auto fence = *b->fence("game");
  b.reset();  // as if killed: the lease stays
  ASSERT_TRUE(becomes([&] { return a->of("game").kind == Kind::ours; }));
  EXPECT_GT(*a->fence("game"), fence);
  EXPECT_FALSE(a->of("game").is_inherited);
  b = begin("b");
  ASSERT_TRUE(both_have_theirs());
  EXPECT_FALSE(b->of("game").is_inherited) << "a had it in between";
}

TEST_F(Twins, who_leaves_is_followed_without_waiting_for_its_lease) {
  a = begin("a", 60s), b = begin("b", 60s);
  ASSERT_TRUE(both_have_theirs());
  bool has_left = false;
  b->leave([&] { has_left = true; });
  EXPECT_EQ(b->of("game").kind, Kind::nobody) << "from that moment on";
  ASSERT_TRUE(becomes([&] { return has_left && a->of("game").kind == Kind::ours; }));
}

TEST_F(Twins, without_etcd_nothing_is_anybodys_after_the_lease_and_all_as_before_when_it_is_back) {
  a = begin("a"), b = begin("b");
  ASSERT_TRUE(both_have_theirs());
  const auto tenure = a->of("lobby").tenure;
  etcd.end();
  ASSERT_TRUE(becomes([&] {
    return a->of("lobby").kind == Kind::nobody && !a->fence("lobby") && !b->fence("game");
  }));
  EXPECT_EQ(a->of("game").controller, "b") << "as last heard";
  etcd.start();
  ASSERT_TRUE(both_have_theirs());
  EXPECT_EQ(a->of("lobby").tenure, tenure) << "nobody else had it";
  EXPECT_EQ(std::ranges::count_if(said,
                                  [](const std::string& what) {
                                    return what.find("clusters are as they are") != what.npos;
                                  }),
            2)
      << "once each";
}

TEST_F(Twins, what_etcd_has_forgotten_before_it_was_heard_is_listed_again) {
  a = begin("a", 60s);
  ASSERT_TRUE(becomes([&] { return a->of("game").kind == Kind::ours; }));
  // Its stream ends, and what happens then is compacted before it opens another one.
  etcd.end();
  etcd.start();
  ASSERT_TRUE(etcd.wait_until_up());
  const std::string game = etcd_owner_key("show", "game");
  by_hand({.deletes = {{game}}});
  compact(by_hand({.puts = {{game, R"({"controller":"c","url":"http://c","life":"l"})"}}}));
  ASSERT_TRUE(becomes([&] { return a->of("game").controller == "c"; }));
  EXPECT_EQ(a->of("game").kind, Kind::others);
  EXPECT_FALSE(a->fence("game"));
  EXPECT_EQ(a->of("lobby").kind, Kind::ours) << "as it was";
  by_hand({.deletes = {{game}}});
  EXPECT_TRUE(becomes([&] { return a->of("game").kind == Kind::ours; })) << "it goes on listening";
}

TEST_F(Twins, a_name_is_free_when_the_one_who_had_it_was_killed_here) {
  a = begin("a");
  ASSERT_TRUE(becomes([&] { return a->of("game").kind == Kind::ours; }));
  const EtcdOwnersOptions options{.stack = "show", .name = "a", .ttl = 2s};
  const net::EtcdOptions client = etcd.options();
  EXPECT_TRUE(name_is_free(client, {.stack = "show", .name = "c"}).has_value());
  // `a` lives in this process, but its loop stands still meanwhile, and its lease ends.
  EXPECT_TRUE(name_is_free(client, options).has_value());
}

}  // namespace
}  // namespace utakata

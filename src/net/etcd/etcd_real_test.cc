// Against a real etcd, where there is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "net/etcd/etcd_client.h"
#include "net/etcd/etcd_for_tests.h"

namespace utakata::net {
namespace {

using Kind = Problem::Kind;

// One etcd for all tests that do it no harm; each has a prefix of its own.
EtcdForTests& shared_etcd() {
  static EtcdForTests one;
  return one;
}

class RealEtcd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!shared_etcd().why_not().empty()) GTEST_SKIP() << shared_etcd().why_not();
    client_ = std::make_unique<EtcdClient>(loop_, shared_etcd().options());
    prefix_ =
        std::string("/") + ::testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
  }
  template <class T>
  Expected<T> wait(const std::function<void(EtcdClient::Done<T>)>& ask) {
    std::optional<Expected<T>> got;
    ask([&](Expected<T> result) { got = std::move(result); });
    EXPECT_TRUE(run_until(loop_, [&] { return got.has_value(); }));
    return *got;
  }
  Expected<EtcdRows> range(const EtcdRange& range) {
    return wait<EtcdRows>([&](auto done) { client_->range(range, done); });
  }
  Expected<EtcdTxnAnswer> txn(const EtcdTxn& txn) {
    return wait<EtcdTxnAnswer>([&](auto done) { client_->txn(txn, done); });
  }
  std::int64_t put(const std::string& key, const std::string& value, std::int64_t lease = 0) {
    const auto done = txn({.puts = {{prefix_ + key, value, lease}}});
    EXPECT_TRUE(done) << done.error().what;
    return done ? done->revision : 0;
  }
  bool until(const std::function<bool()>& holds) { return run_until(loop_, holds); }

  Loop loop_;
  std::string prefix_;
  std::unique_ptr<EtcdClient> client_;
};

TEST_F(RealEtcd, rows_come_back_with_their_bytes_by_prefix_in_parts_and_as_they_once_were) {
  const std::string bytes("\0\xff\n\"", 4);
  const auto first = put("b", bytes);
  put("a", "1");
  put("c", "");
  const auto second = put("b", "2");
  const auto all = range(etcd_prefix(prefix_));
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->rows.size(), 3u);
  EXPECT_EQ(all->rows[0].key, prefix_ + "a");
  EXPECT_EQ(all->rows[1].value, "2");
  EXPECT_EQ(all->rows[1].create_revision, first);
  EXPECT_EQ(all->rows[1].mod_revision, second);
  EXPECT_EQ(all->rows[1].version, 2);
  EXPECT_GE(all->revision, second);
  auto part = etcd_prefix(prefix_);
  part.limit = 2;
  part.revision = first;
  const auto then = range(part);
  ASSERT_TRUE(then);
  ASSERT_EQ(then->rows.size(), 1u);
  EXPECT_EQ(then->rows[0].value, bytes);
  part.revision = 0;
  EXPECT_TRUE(range(part)->has_more);
  EXPECT_TRUE(range({.key = prefix_ + "none"})->rows.empty());
}

TEST_F(RealEtcd, a_transaction_is_done_whole_or_tells_the_other_branch) {
  const auto revision = put("owner", "me");
  const auto owner = prefix_ + "owner", other = prefix_ + "other";
  EtcdTxn fenced{.compares = {{owner, EtcdCompare::What::create_revision, revision},
                              {other, EtcdCompare::What::create_revision, 0}},
                 .puts = {{prefix_ + "x", "1"}, {prefix_ + "y", "2"}},
                 .deletes = {{prefix_ + "z"}},
                 .otherwise = {{.key = owner}, {.key = other}}};
  const auto done = txn(fenced);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_TRUE(done->has_succeeded);
  EXPECT_EQ(range({.key = prefix_ + "x"})->rows.at(0).mod_revision, done->revision);
  txn({.deletes = {{owner}}});
  put("owner", "you");
  fenced.puts = {{prefix_ + "x", "9"}};
  const auto lost = txn(fenced);
  ASSERT_TRUE(lost);
  EXPECT_FALSE(lost->has_succeeded);
  ASSERT_EQ(lost->otherwise.size(), 2u);
  EXPECT_EQ(lost->otherwise[0].rows.at(0).value, "you");
  EXPECT_TRUE(lost->otherwise[1].rows.empty());
  EXPECT_EQ(range({.key = prefix_ + "x"})->rows.at(0).value, "1");
}

TEST_F(RealEtcd, a_transaction_beyond_its_limits_is_invalid_and_does_nothing) {
  EtcdTxn many;
  for (std::size_t i = 0; i <= etcd_operations_max; ++i)
    many.puts.push_back({prefix_ + std::to_string(i), "x"});
  EXPECT_EQ(txn(many).error().kind, Kind::invalid);
  EXPECT_EQ(txn({.puts = {{prefix_ + "big", std::string(2 << 20, 'x')}}}).error().kind,
            Kind::invalid);
  EXPECT_TRUE(range(etcd_prefix(prefix_))->rows.empty());
}

TEST_F(RealEtcd, a_leases_key_is_there_until_it_is_revoked) {
  const auto lease = wait<EtcdLease>([&](auto done) { client_->grant(600s, std::move(done)); });
  ASSERT_TRUE(lease) << lease.error().what;
  EXPECT_EQ(lease->ttl, 600s);
  put("owner", "me", lease->id);
  EXPECT_EQ(range({.key = prefix_ + "owner"})->rows.at(0).lease, lease->id);
  const auto keep = [&] {
    return wait<Duration>([&](auto done) { client_->keep_alive(lease->id, done); });
  };
  EXPECT_EQ(keep().value(), 600s);
  const auto revoke = [&] {
    return wait<void>([&](auto done) { client_->revoke(lease->id, done); });
  };
  EXPECT_TRUE(revoke());
  EXPECT_TRUE(range({.key = prefix_ + "owner"})->rows.empty());
  EXPECT_EQ(keep().error().kind, Kind::not_found);
  EXPECT_TRUE(revoke()) << "it has ended already";
  EXPECT_EQ(txn({.puts = {{prefix_ + "owner", "me", lease->id}}}).error().kind, Kind::not_found);
}

TEST_F(RealEtcd, a_lease_that_nobody_keeps_ends_and_a_watch_tells_of_it) {
  const auto lease = wait<EtcdLease>([&](auto done) { client_->grant(1s, std::move(done)); });
  ASSERT_TRUE(lease);
  EXPECT_GE(lease->ttl, 1s);
  const auto revision = put("owner", "me", lease->id);
  std::vector<EtcdEvent> events;
  client_->watch({.prefix = prefix_,
                  .from = revision + 1,
                  .news =
                      [&](std::int64_t, std::span<const EtcdEvent> more) {
                        events.insert(events.end(), more.begin(), more.end());
                      },
                  .compacted = [] { FAIL() << "nothing was compacted"; }});
  ASSERT_TRUE(until([&] { return !events.empty(); }));
  EXPECT_TRUE(events[0].is_delete);
  EXPECT_EQ(events[0].row.key, prefix_ + "owner");
  EXPECT_GT(events[0].row.mod_revision, revision);
}

TEST_F(RealEtcd, a_watch_tells_each_event_once_from_the_revision_on_that_was_asked_for) {
  const auto first = put("a", "1");
  put("a", "2");
  std::vector<std::string> values;
  int stands = 0;
  client_->watch({.prefix = prefix_,
                  .from = first,
                  .news =
                      [&](std::int64_t, std::span<const EtcdEvent> more) {
                        stands += more.empty();
                        for (const auto& e : more) values.push_back(e.row.value);
                      },
                  .compacted = [] { FAIL() << "nothing was compacted"; }});
  ASSERT_TRUE(until([&] { return values.size() == 2; }));
  put("b", "3");
  txn({.puts = {{"/elsewhere", "x"}}});
  put("b", "4");
  ASSERT_TRUE(until([&] { return values.size() >= 4; }));
  EXPECT_EQ(values, (std::vector<std::string>{"1", "2", "3", "4"}));
  EXPECT_EQ(stands, 1);
}

TEST_F(RealEtcd, a_watch_from_before_a_compaction_is_told_to_list_again) {
  const auto first = put("a", "1");
  const auto last = put("a", "2");
  EXPECT_TRUE(wait<void>([&](auto done) { client_->compact(last, done); }));
  EXPECT_TRUE(wait<void>([&](auto done) { client_->compact(last, done); })) << "it is already";
  EXPECT_EQ(range({.key = prefix_ + "a", .revision = first}).error().kind, Kind::conflict);
  bool is_compacted = false;
  client_->watch({.prefix = prefix_,
                  .from = first,
                  .news = [](std::int64_t, std::span<const EtcdEvent>) {},
                  .compacted = [&] { is_compacted = true; }});
  EXPECT_TRUE(until([&] { return is_compacted; }));
}

TEST(RealEtcds, a_watch_and_calls_go_on_after_etcd_was_killed_and_started_again) {
  EtcdForTests etcd;
  if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  Loop loop;
  EtcdClient client(loop, etcd.options());
  int puts = 0, lost = 0;
  std::vector<std::string> values;
  const auto put = [&](std::string value) {
    std::optional<Expected<EtcdTxnAnswer>> got;
    client.txn({.puts = {{"/k", std::move(value)}}},
               [&](Expected<EtcdTxnAnswer> answer) { got = std::move(answer); });
    run_until(loop, [&] { return got.has_value(); });
    puts += got->has_value();
    return *got;
  };
  client.watch({.prefix = "/k",
                .from = 1,
                .news =
                    [&](std::int64_t, std::span<const EtcdEvent> events) {
                      for (const auto& e : events) values.push_back(e.row.value);
                    },
                .compacted = [] { FAIL() << "nothing was compacted"; },
                .lost = [&](const Problem&) { ++lost; }});
  EXPECT_TRUE(put("1"));
  EXPECT_TRUE(run_until(loop, [&] { return values.size() == 1; }));
  etcd.end();
  EXPECT_TRUE(run_until(loop, [&] { return lost == 1; }));
  EXPECT_EQ(put("none").error().kind, Kind::unavailable);
  etcd.start();
  ASSERT_TRUE(etcd.wait_until_up());
  EXPECT_TRUE(put("2"));
  EXPECT_TRUE(run_until(loop, [&] { return values.size() == 2; }));
  EXPECT_EQ(values.back(), "2");
}

// An authority, and what it signed for etcd and for us.
class CertificatesForTests {
 public:
  CertificatesForTests() {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-ca-XXXXXX").string();
    folder = mkdtemp(name.data());
    const std::string key = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";
    const auto sign = [&](const std::string& who, const std::string& uses) {
      return key + "-subj /CN=" + who + " -keyout " + who + ".key -out " + who + ".csr && " +
             "printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=" + uses + "' > " + who +
             ".ext && openssl x509 -req -days 1 -in " + who + ".csr -CA ca.pem -CAkey ca.key " +
             "-CAcreateserial -extfile " + who + ".ext -out " + who + ".pem";
    };
    const auto line = "cd " + folder + " && ( " + key +
                      "-x509 -days 1 -subj /CN=ca -keyout ca.key -out ca.pem && " +
                      sign("etcd", "serverAuth,clientAuth") + " && " + sign("us", "clientAuth") +
                      " ) >/dev/null 2>&1";
    EXPECT_EQ(system(line.c_str()), 0) << line;
  }
  ~CertificatesForTests() {
    std::error_code none;
    std::filesystem::remove_all(folder, none);
  }
  std::string file(const std::string& name) const { return folder + "/" + name; }
  std::string folder;
};

TEST(RealEtcds, over_tls_each_side_asks_the_other_for_its_certificate) {
  const CertificatesForTests made;
  const EtcdOptions ours{.endpoints = {},
                         .ca_file = made.file("ca.pem"),
                         .certificate_file = made.file("us.pem"),
                         .key_file = made.file("us.key")};
  EtcdForTests etcd(1,
                    {"--cert-file=" + made.file("etcd.pem"), "--key-file=" + made.file("etcd.key"),
                     "--trusted-ca-file=" + made.file("ca.pem"), "--client-cert-auth"},
                    ours);
  if (!EtcdForTests::is_installed()) GTEST_SKIP() << etcd.why_not();
  ASSERT_EQ(etcd.why_not(), "");
  Loop loop;
  const auto ask = [&](const EtcdOptions& options) {
    EtcdClient client(loop, options);
    std::optional<Expected<EtcdRows>> got;
    client.range({.key = "a"}, [&](Expected<EtcdRows> rows) { got = std::move(rows); });
    EXPECT_TRUE(run_until(loop, [&] { return got.has_value(); }));
    return *got;
  };
  EXPECT_TRUE(ask(etcd.options()));
  auto nobody = etcd.options();
  nobody.certificate_file = nobody.key_file = "";
  EXPECT_FALSE(ask(nobody)) << "etcd does not know us";
  auto trusting_others = etcd.options();
  trusting_others.ca_file = "";
  const auto strange = ask(trusting_others);
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error().kind, Kind::refused) << strange.error().what;
}

TEST(RealEtcds, of_three_the_leader_is_killed_and_then_another_is_frozen_and_thawed) {
  EtcdForTests etcd(3);
  if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  Loop loop;
  auto options = etcd.options();
  options.quiet = 1s;
  EtcdClient client(loop, options);
  std::vector<std::string> values;
  client.watch({.prefix = "/k",
                .from = 1,
                .news =
                    [&](std::int64_t, std::span<const EtcdEvent> events) {
                      for (const auto& e : events) values.push_back(e.row.value);
                    },
                .compacted = [] { FAIL() << "nothing was compacted"; }});
  const auto put = [&](std::string value) {
    std::optional<Expected<EtcdTxnAnswer>> got;
    client.txn(
        {.puts = {{"/k", std::move(value)}}},
        [&](Expected<EtcdTxnAnswer> answer) { got = std::move(answer); }, 20s);
    EXPECT_TRUE(run_until(loop, [&] { return got.has_value(); }));
    EXPECT_TRUE(*got) << got->error().what;
  };
  // Not as the last: what a frozen member was asked it may carry out when it is thawed.
  const auto has_heard = [&](const std::string& value) {
    EXPECT_TRUE(run_until(loop, [&] { return std::ranges::count(values, value) > 0; })) << value;
  };
  put("1");
  has_heard("1");
  const auto leader = etcd.leader();
  ASSERT_TRUE(leader);
  etcd.end(*leader);
  put("2");
  has_heard("2");
  etcd.start(*leader);
  ASSERT_TRUE(etcd.wait_until_up());
  const auto next = etcd.leader();
  ASSERT_TRUE(next);
  etcd.freeze(*next);
  put("3");
  has_heard("3");
  etcd.thaw(*next);
  put("4");
  has_heard("4");
}

}  // namespace
}  // namespace utakata::net

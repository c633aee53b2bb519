// What the store in etcd promises beyond the contract of every store, on a real etcd.
#include "fleet/store/etcd/etcd_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "fleet/store/etcd/etcd_store_for_tests.h"
#include "net/curl/http_client.h"
#include "net/http_server.h"

namespace utakata {
namespace {

using Kind = Problem::Kind;

Batch a_batch(const std::string& cluster, int activities, int instances, int from = 1) {
  Batch batch;
  for (int i = 0; i < activities; ++i) {
    Activity one;
    one.cluster = cluster;
    one.kind = "launch";
    one.because = fmt::format("{} of {}", i + 1, activities);
    batch.activities.push_back(one);
  }
  for (int i = 0; i < instances; ++i) {
    Instance one;
    one.id = {fmt::format("{}-{}", cluster, from + i)};
    batch.instances.push_back({cluster, one});
  }
  batch.clusters.push_back({cluster, {}, from + instances});
  return batch;
}

class EtcdStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!shared_etcd().why_not().empty()) GTEST_SKIP() << shared_etcd().why_not();
    place_ = std::make_unique<EtcdPlace>(shared_etcd());
  }
  std::unique_ptr<Store> open(EtcdFence fence = {}) {
    auto opened = place_->open(std::move(fence));
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? std::move(*opened) : nullptr;
  }
  static std::size_t instances(Store& store) {
    const auto saved = store.load();
    EXPECT_TRUE(saved) << saved.error().what;
    return saved ? saved->instances.size() : 0;
  }
  static std::vector<std::int64_t> numbers(Store& store) {
    std::vector<std::int64_t> all;
    const auto read =
        store.activities({.cluster = "", .instance = "", .after = 0, .limit = 100'000});
    EXPECT_TRUE(read) << read.error().what;
    for (const auto& one : *read) all.push_back(one.number);
    return all;
  }
  static std::vector<std::int64_t> up_to(std::int64_t last) {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 1; i <= last; ++i) all.push_back(i);
    return all;
  }

  std::unique_ptr<EtcdPlace> place_;
};

TEST_F(EtcdStoreTest, what_is_kept_can_be_read_with_etcdctl) {
  auto store = open();
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE(store->record(batch));
  ASSERT_TRUE(store->set("stack_file", "stack: show\n"));
  const auto instance = place_->rows("instances/game/game-1");
  ASSERT_EQ(instance.size(), 1u);
  EXPECT_EQ(instance[0].value, R"({"lifecycle":"starting"})");
  EXPECT_EQ(place_->rows("clusters/game").at(0).value, R"({"next_number":2})");
  EXPECT_EQ(place_->rows("settings/stack_file").at(0).value, "stack: show\n");
  EXPECT_EQ(place_->rows("activities/00000000000000000001").size(), 1u);
}

TEST_F(EtcdStoreTest, who_has_lost_a_cluster_records_nothing_of_it) {
  const auto revision = place_->own("game", "me");
  const auto lobby = place_->own("lobby", "me");
  auto store = open([&](std::string_view cluster) -> std::optional<std::int64_t> {
    return cluster == "game" ? revision : lobby;
  });
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE(store->record(batch));
  place_->own("game", "another");
  Batch both = a_batch("lobby", 1, 1);
  Batch lost = a_batch("game", 1, 1, 2);
  both.instances.push_back(lost.instances[0]);
  const auto refused = store->record(both);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::conflict);
  EXPECT_NE(refused.error().what.find("cluster game"), std::string::npos) << refused.error().what;
  EXPECT_EQ(both.activities[0].number, 0);
  EXPECT_EQ(instances(*store), 1u);
  EXPECT_EQ(numbers(*store), up_to(1));
  Batch mine = a_batch("lobby", 1, 1);
  EXPECT_TRUE(store->record(mine)) << "the other cluster is still ours";
  EXPECT_EQ(mine.activities[0].number, 2);
  place_->txn({.deletes = {{etcd_owner_key(place_->options.stack, "lobby")}}});
  EXPECT_EQ(store->record(mine).error().kind, Kind::conflict) << "its lease has ended";
  Batch large = a_batch("game", 10, 300, 2);
  EXPECT_EQ(store->record(large).error().kind, Kind::conflict);
  EXPECT_EQ(instances(*store), 2u);
}

TEST_F(EtcdStoreTest, who_knows_that_it_does_not_own_a_cluster_does_not_even_ask) {
  int asked = 0;
  place_->options.may_ask = [&] { return ++asked; };
  auto store = open([](std::string_view) { return std::nullopt; });
  const int before = asked;
  Batch batch = a_batch("game", 1, 1);
  EXPECT_EQ(store->record(batch).error().kind, Kind::conflict);
  EXPECT_EQ(asked, before);
  Batch own;
  own.activities.resize(1);
  EXPECT_TRUE(store->record(own)) << "an activity of the controller itself is nobody's";
}

TEST_F(EtcdStoreTest, a_batch_of_five_hundred_instances_is_recorded_whole) {
  auto store = open();
  Batch before = a_batch("game", 3, 2);
  ASSERT_TRUE(store->record(before));
  Batch batch = a_batch("game", 501, 500);
  batch.instances[1].instance.lifecycle = Lifecycle::gone;
  ASSERT_TRUE(store->record(batch));
  EXPECT_EQ(batch.activities.front().number, 4);
  EXPECT_EQ(batch.activities.back().number, 504);
  EXPECT_EQ(instances(*store), 499u);
  const auto read =
      store->activities({.cluster = "game", .instance = "", .after = 3, .limit = 1000});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, batch.activities);
  EXPECT_TRUE(place_->rows("pending/").empty());
  Batch after = a_batch("game", 1, 1, 501);
  ASSERT_TRUE(store->record(after));
  EXPECT_EQ(after.activities[0].number, 505);
}

// As many requests reach etcd, and none after them.
struct Reach {
  int left = -1;  // -1: all
  bool has_denied = false;
  bool operator()() {
    if (left < 0) return true;
    has_denied = has_denied || left == 0;
    return left > 0 && left-- > 0;
  }
};

// The controller dies before each of its requests in turn.
TEST_F(EtcdStoreTest, a_large_batch_is_there_whole_or_not_at_all_wherever_its_controller_dies) {
  bool was_recorded = false;
  int deaths_with_all = 0;
  for (int n = 1; !was_recorded && n < 100; ++n) {
    EtcdPlace place(shared_etcd());
    Reach reach;
    place.options.may_ask = std::ref(reach);
    auto store = place.open();
    ASSERT_TRUE(store);
    reach.left = n;
    Batch batch = a_batch("game", 150, 250);
    const auto recorded = (*store)->record(batch);
    was_recorded = recorded && !reach.has_denied;
    store->reset();
    place.options.may_ask = {};
    auto next = place.open();
    ASSERT_TRUE(next);
    const auto there = instances(**next);
    EXPECT_TRUE(there == 0 || there == 250) << there << " after " << n << " requests";
    EXPECT_EQ(numbers(**next), up_to(there == 0 ? 0 : 150)) << n;
    EXPECT_TRUE(!recorded || there == 250) << n;
    deaths_with_all += there == 250 && !was_recorded;
    Batch after = a_batch("game", 1, 1, 1000);
    ASSERT_TRUE((*next)->record(after)) << n;
    EXPECT_EQ(after.activities[0].number, there == 0 ? 1 : 151) << n;
  }
  EXPECT_TRUE(was_recorded);
  EXPECT_GE(deaths_with_all, 5) << "it died in the middle of spreading, too";
}

TEST_F(EtcdStoreTest, another_controller_that_records_finishes_what_a_dead_one_left_half_spread) {
  auto other = open();
  Batch first = a_batch("lobby", 1, 1);
  ASSERT_TRUE(other->record(first));
  Reach reach;
  place_->options.may_ask = std::ref(reach);
  auto dying = open();
  reach.left = 5;
  Batch batch = a_batch("game", 150, 250);
  ASSERT_TRUE(dying->record(batch)) << "it is recorded, if not spread";
  EXPECT_EQ(batch.activities[0].number, 2);
  Batch next = a_batch("lobby", 1, 1);
  ASSERT_TRUE(other->record(next));
  EXPECT_EQ(next.activities[0].number, 152);
  EXPECT_EQ(place_->rows("instances/game/").size(), 250u);
  reach.left = -1;
  Batch late = a_batch("game", 1, 1);
  ASSERT_TRUE(dying->record(late)) << "it was only away";
  EXPECT_EQ(late.activities[0].number, 153);
  EXPECT_EQ(numbers(*other), up_to(153));
}

TEST_F(EtcdStoreTest, parts_of_a_batch_that_was_given_up_are_cleaned_away_once_they_are_old) {
  auto store = open();
  const auto root = etcd_root(place_->options.stack);
  place_->txn({.puts = {{root + "pending/1000-old/0000", "{}"},
                        {root + "pending/1000-old/0001", ""},
                        {root + "pending/99999999999-new/0000", "{}"}}});
  ASSERT_TRUE(store->load());
  const auto left = place_->rows("pending/");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].key, root + "pending/99999999999-new/0000");
}

TEST_F(EtcdStoreTest, a_batch_whose_parts_were_cleaned_away_meanwhile_is_not_recorded) {
  bool is_cleaning = false;
  place_->options.may_ask = [&] {  // as another controller whose clock is a day ahead
    const auto all = net::etcd_prefix(etcd_root(place_->options.stack) + "pending/");
    if (is_cleaning) (void)place_->txn({.deletes = {{all.key, all.end}}});
    return true;
  };
  auto store = open();
  is_cleaning = true;
  Batch batch = a_batch("game", 150, 250);
  const auto done = store->record(batch);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Kind::unavailable);
  EXPECT_NE(done.error().what.find("clocks"), std::string::npos) << done.error().what;
  is_cleaning = false;
  EXPECT_EQ(instances(*store), 0u);
  EXPECT_TRUE(store->record(batch));
}

TEST_F(EtcdStoreTest, several_controllers_at_once_give_each_number_once) {
  std::vector<std::jthread> controllers;
  std::mutex mutex;
  std::vector<std::int64_t> given;
  for (int c = 0; c < 4; ++c)
    controllers.emplace_back([&, c] {
      MemoryStore local;
      auto store = open_etcd(place_->options, local);
      ASSERT_TRUE(store);
      for (int i = 0; i < 10; ++i) {
        Batch batch = a_batch(fmt::format("c{}", c), i == 5 ? 130 : 2, 1, i);
        const auto done = (*store)->record(batch);
        ASSERT_TRUE(done) << done.error().what;
        const std::lock_guard lock(mutex);
        for (const auto& one : batch.activities) given.push_back(one.number);
      }
    });
  controllers.clear();
  std::ranges::sort(given);
  EXPECT_EQ(given, up_to(4 * (9 * 2 + 130)));
  auto store = open();
  EXPECT_EQ(numbers(*store), given);
  EXPECT_EQ(instances(*store), 40u);
}

TEST_F(EtcdStoreTest, only_the_newest_activities_are_kept) {
  place_->options.activities_max = 100;
  auto store = open();
  for (int i = 0; i < 12; ++i) {
    Batch batch = a_batch("game", i == 6 ? 130 : 20, 0);
    ASSERT_TRUE(store->record(batch));
  }
  const auto all = numbers(*store);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(all.back(), 350);
  EXPECT_LE(place_->rows("activities/").size(), 100u + 64 + 20);
}

TEST_F(EtcdStoreTest, old_revisions_are_forgotten_and_rows_are_not) {
  place_->options.compact_every = 1ns;
  auto store = open();
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE(store->record(batch));
  const auto then = place_->rows("counter").at(0).mod_revision;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store->record(batch));
  etcd::Link link(place_->options.etcd, {});
  EXPECT_EQ(link.range({.key = "/", .revision = then}).error().kind, Kind::conflict);
  EXPECT_EQ(instances(*store), 1u);
}

TEST_F(EtcdStoreTest, a_store_of_a_newer_program_or_of_anybody_else_is_not_touched) {
  const auto format = etcd_root(place_->options.stack) + "format";
  place_->txn({.puts = {{format, fmt::format(R"({{"format":2,"stack":"{}","program":"utakata"}})",
                                             place_->options.stack)}}});
  const auto newer = place_->open();
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, Kind::invalid);
  EXPECT_NE(newer.error().what.find("newer utakata"), std::string::npos) << newer.error().what;
  for (const char* other : {R"({"format":1,"stack":"else","program":"utakata"})", "vote", "{}"}) {
    place_->txn({.puts = {{format, other}}});
    const auto opened = place_->open();
    ASSERT_FALSE(opened) << other;
    EXPECT_EQ(opened.error().kind, Kind::invalid);
  }
}

TEST_F(EtcdStoreTest, a_store_that_is_emptied_under_a_controller_is_not_written_any_more) {
  auto store = open();
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE(store->record(batch));
  const auto all = net::etcd_prefix(etcd_root(place_->options.stack));
  place_->txn({.deletes = {{all.key, all.end}}});
  EXPECT_EQ(store->record(batch).error().kind, Kind::invalid);
  EXPECT_TRUE(place_->rows("").empty());
}

TEST_F(EtcdStoreTest, a_damaged_row_is_named) {
  auto store = open();
  const auto root = etcd_root(place_->options.stack);
  for (const std::string key : {"instances/game/game-1", "instances/game-1", "clusters/game"}) {
    place_->txn({.puts = {{root + key, "{"}}});
    const auto saved = store->load();
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().kind, Kind::invalid);
    EXPECT_NE(saved.error().what.find(root + key), std::string::npos) << saved.error().what;
    place_->txn({.deletes = {{root + key}}});
  }
  EXPECT_TRUE(store->load());
}

// Passes everything on to etcd, and loses answers to transactions as it is told.
class LosingRelay {
 public:
  explicit LosingRelay(std::string to) : to_(std::move(to)), thread_([this] { run(); }) {
    port_ = ready_.get_future().get();
  }
  ~LosingRelay() {
    loop_.stop();
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  void lose(int nth) { lose_in_ = nth; }  // of the transactions from now on; 1: the next
  bool has_lost() const { return lose_in_ <= 0; }

 private:
  void run() {
    net::HttpClient client(loop_);
    net::HttpServer server(loop_, [&](const net::HttpRequest& request, net::HttpReply reply) {
      net::HttpCall call;
      call.method = "POST";
      call.url = to_ + std::string(request.path);
      call.body = request.body;
      const bool is_lost = request.path == "/v3/kv/txn" && --lose_in_ == 0;
      const auto shared = std::make_shared<net::HttpReply>(std::move(reply));
      client.call(std::move(call), [shared, is_lost](Expected<net::HttpResult> result) {
        if (result && !is_lost) shared->send({.status = result->status, .body = result->body});
      });  // dropped, it answers 500
    });
    ready_.set_value(*server.listen("127.0.0.1", 0));
    loop_.run();
  }
  const std::string to_;
  net::Loop loop_;
  std::atomic<int> lose_in_{0};
  std::promise<std::uint16_t> ready_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(EtcdStoreTest, a_batch_whose_answer_is_lost_is_recorded_once) {
  LosingRelay relay(shared_etcd().endpoint());
  std::int64_t recorded = 0;
  // Of a small batch's one transaction, and of each of a large one's: a part, the commit, rows.
  for (const auto& [size, nth] : {std::pair(1, 1), {200, 1}, {200, 2}, {200, 3}, {200, 6}}) {
    place_->options.etcd.endpoints = {relay.url(), shared_etcd().endpoint()};
    auto store = open_etcd(place_->options, place_->local);  // who asks the relay first
    ASSERT_TRUE(store);
    relay.lose(nth);
    Batch batch = a_batch("game", size, size);
    ASSERT_TRUE((*store)->record(batch));
    EXPECT_TRUE(relay.has_lost()) << nth;
    recorded += size;
    EXPECT_EQ(batch.activities.back().number, recorded);
  }
  auto store = open();
  EXPECT_EQ(numbers(*store), up_to(recorded));
  EXPECT_EQ(instances(*store), 200u);
}

TEST_F(EtcdStoreTest, what_failed_without_an_answer_comes_before_what_is_recorded_next) {
  LosingRelay relay(shared_etcd().endpoint());
  place_->options.etcd.endpoints = {relay.url()};
  auto store = open();
  relay.lose(1);
  Batch lost = a_batch("game", 1, 1);
  EXPECT_EQ(store->record(lost).error().kind, Kind::unavailable);
  Batch next = a_batch("game", 1, 1);
  ASSERT_TRUE(store->record(next));
  EXPECT_EQ(next.activities[0].number, 2);
  EXPECT_EQ(instances(*store), 1u);
}

TEST(EtcdStoreAway, a_wrong_address_is_said_with_the_address) {
  MemoryStore local;
  EtcdStoreOptions options;
  options.etcd.endpoints = {"http://127.0.0.1:1"};
  options.stack = "show";
  const auto opened = open_etcd(options, local);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Kind::unavailable);
  EXPECT_NE(opened.error().what.find("http://127.0.0.1:1"), std::string::npos)
      << opened.error().what;
}

TEST(EtcdStoreAway, while_etcd_is_stopped_nothing_is_recorded_and_afterwards_it_is) {
  net::EtcdForTests etcd;
  if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  EtcdPlace place(etcd);
  auto store = place.open();
  ASSERT_TRUE(store);
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE((*store)->record(batch));
  etcd.end();
  Batch more = a_batch("game", 1, 1, 2);
  const auto away = (*store)->record(more);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, Kind::unavailable);
  EXPECT_TRUE(away.error().retry);
  EXPECT_EQ(more.activities[0].number, 0);
  EXPECT_FALSE((*store)->load());
  EXPECT_FALSE((*store)->set("a", "b"));
  EXPECT_TRUE((*store)->observe("game", {}, "x")) << "observations stay on this machine";
  etcd.start();
  EXPECT_TRUE(etcd.wait_until_up());
  ASSERT_TRUE((*store)->record(more));
  EXPECT_EQ(more.activities[0].number, 2);
  EXPECT_EQ((*store)->load()->instances.size(), 2u);
}

TEST(EtcdStoreAway, a_full_etcd_is_said_with_the_remedy_and_reads_go_on) {
  net::EtcdForTests etcd(1, {"--quota-backend-bytes=2000000"});
  if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  EtcdPlace place(etcd);
  auto store = place.open();
  ASSERT_TRUE(store);
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE((*store)->record(batch));
  Expected<void> set;
  for (int i = 0; i < 20 && set; ++i) set = (*store)->set("big", std::string(500'000, 'x'));
  ASSERT_FALSE(set);
  const auto full = (*store)->record(batch);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, Kind::unavailable);
  EXPECT_TRUE(full.error().retry);
  EXPECT_NE(full.error().what.find("--quota-backend-bytes"), std::string::npos)
      << full.error().what;
  const auto saved = (*store)->load();
  ASSERT_TRUE(saved) << saved.error().what;
  EXPECT_EQ(saved->instances.size(), 1u);
}

TEST(EtcdStoreAway, of_three_members_the_leader_is_killed_and_recording_goes_on) {
  net::EtcdForTests etcd(3);
  if (!etcd.why_not().empty()) GTEST_SKIP() << etcd.why_not();
  EtcdPlace place(etcd);
  auto store = place.open();
  ASSERT_TRUE(store);
  Batch batch = a_batch("game", 1, 1);
  ASSERT_TRUE((*store)->record(batch));
  const auto leader = etcd.leader();
  ASSERT_TRUE(leader);
  etcd.end(*leader);
  int tries = 0;
  Expected<void> done = problem(Kind::unavailable, "not tried yet", true);
  for (; !done && done.error().retry && tries < 10; ++tries) done = (*store)->record(batch);
  EXPECT_TRUE(done) << done.error().what;
  EXPECT_EQ((*store)->load()->instances.size(), 1u);
}

}  // namespace
}  // namespace utakata

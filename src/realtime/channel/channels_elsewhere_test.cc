// Channels of several processes: what is elsewhere, and what clients are to hear of it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "realtime/channel/channels.h"

namespace utakata::realtime {
namespace {

class ChannelsElsewhereTest : public testing::Test {
 protected:
  Expected<Channels::Subscribed> come(ClientSlot client, const std::string& channel,
                                      const std::string& user = {}) {
    std::optional<Member> member;
    if (!user.empty()) member = Member{user, ""};
    return channels_.subscribe(client, channel, member, std::nullopt, now_);
  }
  bool place(const std::string& channel, const std::string& data, const Position& position) {
    return channels_.place(channel,
                           std::make_shared<const Message>(Message{.event = "said", .data = data}),
                           position, now_);
  }
  std::string users(const std::string& channel) {
    std::string all;
    for (const Member& member : channels_.members(channel)) all += member.user + " ";
    return all;
  }

  Instant now_{1h};
  Channels channels_{{.members = 3, .kept_channels = 2}, [] { return std::string("own"); }};
};

TEST_F(ChannelsElsewhereTest, readers_elsewhere_count_and_keep_a_channel_occupied) {
  auto changed = channels_.reads_elsewhere(1, "news", 2);
  EXPECT_TRUE(changed.was_vacant && !changed.is_vacant);
  EXPECT_FALSE(come(7, "news")->was_vacant);
  EXPECT_FALSE(channels_.reads_elsewhere(2, "news", 5).was_vacant);
  EXPECT_EQ(channels_.readers_count("news"), 8u);
  EXPECT_EQ(channels_.local_readers_count("news"), 1u);
  EXPECT_EQ(channels_.readers("news")->size(), 1u);
  EXPECT_FALSE(channels_.leave(7, now_).at(0).is_vacant);
  EXPECT_FALSE(channels_.reads_elsewhere(1, "news", 0).is_vacant);
  std::size_t seen = 0;
  channels_.each_occupied([&](const std::string&, std::size_t readers) { seen += readers; });
  EXPECT_EQ(seen, 5u);
  const auto forgotten = channels_.forget(2);
  ASSERT_EQ(forgotten.size(), 1u);
  EXPECT_TRUE(!forgotten[0].was_vacant && forgotten[0].is_vacant);
  EXPECT_TRUE(come(7, "news")->was_vacant);
  EXPECT_TRUE(channels_.forget(2).empty());
  changed = channels_.reads_elsewhere(1, "nothing", 0);
  EXPECT_TRUE(changed.was_vacant && changed.is_vacant);
}

TEST_F(ChannelsElsewhereTest, a_user_who_is_elsewhere_neither_comes_nor_goes_here) {
  EXPECT_EQ(channels_.joins_elsewhere(1, "presence-a", {"ann", "1"}).came, (Member{"ann", "1"}));
  EXPECT_FALSE(channels_.joins_elsewhere(2, "presence-a", {"ann", "2"}).came);
  EXPECT_FALSE(channels_.joins_elsewhere(2, "presence-a", {"ann", "2"}).came);
  const auto came = come(7, "presence-a", "ann");
  EXPECT_FALSE(came->is_new_member);
  EXPECT_EQ(came->members, (std::vector<Member>{{"ann", "1"}})) << "as it was heard first";
  EXPECT_FALSE(channels_.leaves_elsewhere(1, "presence-a", "ann").gone);
  EXPECT_FALSE(channels_.leave(7, now_).at(0).gone) << "still with 2";
  EXPECT_FALSE(channels_.leaves_elsewhere(1, "presence-a", "ann").gone) << "said before";
  EXPECT_EQ(channels_.leaves_elsewhere(2, "presence-a", "ann").gone, (Member{"ann", "1"}));
  EXPECT_EQ(users("presence-a"), "");
  EXPECT_FALSE(channels_.joins_elsewhere(1, "news", {"ann", ""}).came) << "it has no members";
}

TEST_F(ChannelsElsewhereTest, members_elsewhere_fill_a_channel_and_go_with_their_process) {
  for (const char* user : {"ann", "bob"}) channels_.joins_elsewhere(1, "presence-a", {user, ""});
  channels_.reads_elsewhere(1, "presence-a", 2);
  EXPECT_TRUE(come(1, "presence-a", "cid"));
  EXPECT_EQ(come(2, "presence-a", "dan").error().kind, Problem::Kind::refused);
  EXPECT_TRUE(come(2, "presence-a", "bob"));
  std::string gone;
  for (const auto& changed : channels_.forget(1)) {
    if (changed.gone) gone += changed.gone->user + " ";
    EXPECT_FALSE(changed.is_vacant);
  }
  EXPECT_EQ(gone, "ann ");
  EXPECT_EQ(users("presence-a"), "bob cid ");
}

TEST_F(ChannelsElsewhereTest, one_process_fills_only_so_much) {
  channels_.limit({.of_another_process = 2});
  channels_.reads_elsewhere(1, "a", 1);
  channels_.reads_elsewhere(1, "b", 1);
  EXPECT_TRUE(channels_.reads_elsewhere(1, "c", 1).is_vacant);
  EXPECT_FALSE(channels_.joins_elsewhere(1, "presence-a", {"ann", ""}).came);
  channels_.reads_elsewhere(1, "a", 3);
  EXPECT_EQ(channels_.readers_count("a"), 3u) << "what is there changes";
  channels_.reads_elsewhere(1, "a", 0);
  EXPECT_FALSE(channels_.reads_elsewhere(1, "c", 1).is_vacant);
}

TEST_F(ChannelsElsewhereTest, what_the_bus_gave_a_place_is_kept_there_and_for_who_reads_elsewhere) {
  channels_.limit({.kept_channels = 0, .has_timelines = true});
  channels_.reads_elsewhere(1, "cache-a", 1);
  EXPECT_TRUE(place("cache-a", "1", {"e", 4}));
  EXPECT_FALSE(place("cache-a", "0", {"e", 3}));
  EXPECT_TRUE(place("cache-a", "2", {"e", 5}));
  const auto came = channels_.subscribe(1, "cache-a", std::nullopt, Position{"e", 4}, now_);
  EXPECT_EQ(came->position, (Position{"e", 5}));
  EXPECT_EQ(came->missed->size(), 1u);
  EXPECT_EQ(came->cached->data, "2");
  channels_.leave(1, now_);
  channels_.expire(now_ + 2h);
  ASSERT_TRUE(channels_.timeline("cache-a")) << "it is read";
  channels_.forget(1);
  EXPECT_FALSE(channels_.timeline("cache-a"));
}

// Processes whose changes reach each other late, each sender's in order; some die or say all anew.
class Cluster {
 public:
  static constexpr Process size = 3;
  static constexpr ClientSlot clients = 4;
  const std::vector<std::string> names{"news", "presence-a", "presence-b"};

  Cluster() {
    for (Process i = 0; i < size; ++i)
      all_[i].channels.on_local_change([this, i](const Channels::LocalChange& change) {
        for (Process j = 0; j < size; ++j)
          if (j != i)
            all_[j].mail[i].push_back({change.channel, change.readers, change.came, change.gone});
      });
  }
  void subscribes(Process process, ClientSlot client, const std::string& name,
                  const std::string& user) {
    One& one = all_[process];
    // What a user is said to be is the same wherever it comes in.
    const auto came =
        one.channels.subscribe(client, name, Member{user, "{" + user + "}"}, std::nullopt, now_);
    if (!came) return;
    if (came->is_new_member) told(one, name, Member{user, "{" + user + "}"}, {});
    if (name.starts_with("presence-")) {
      auto& list = one.lists[{client, name}];
      list.clear();
      for (const Member& member : came->members) list[member.user] = member.info;
    }
    check(one);
  }
  void leaves(Process process, ClientSlot client) {
    One& one = all_[process];
    for (const auto& left : one.channels.leave(client, now_)) {
      one.lists.erase({client, left.channel});
      told(one, left.channel, {}, left.gone);
    }
    check(one);
  }
  void unsubscribes(Process process, ClientSlot client, const std::string& name) {
    One& one = all_[process];
    const auto left = one.channels.unsubscribe(client, name, now_);
    if (!left) return;
    one.lists.erase({client, name});
    told(one, name, {}, left->gone);
    check(one);
  }
  bool delivers(Process to, Process from) {
    One& one = all_[to];
    if (one.mail[from].empty()) return false;
    const Said said = one.mail[from].front();
    one.mail[from].pop_front();
    hears(one, one.channels.reads_elsewhere(from, said.channel, said.readers));
    if (said.came) hears(one, one.channels.joins_elsewhere(from, said.channel, *said.came));
    if (said.gone) hears(one, one.channels.leaves_elsewhere(from, said.channel, *said.gone));
    check(one);
    return true;
  }
  // It is taken for dead, and then heard again: it tells all it has.
  void forgets(Process to, Process from) {
    One& one = all_[to];
    for (const auto& changed : one.channels.forget(from)) hears(one, changed);
    check(one);
    one.mail[from].clear();
    all_[from].channels.each_local(
        [&](const std::string& channel, std::size_t readers, const std::vector<Member>& members) {
          one.mail[from].push_back({channel, readers, {}, {}});
          for (const Member& member : members)
            one.mail[from].push_back({channel, readers, member, {}});
        });
  }
  void all_is_delivered() {
    for (Process to = 0; to < size; ++to)
      for (Process from = 0; from < size; ++from)
        while (delivers(to, from)) continue;
    for (const std::string& name : names) {
      std::size_t readers = 0;
      std::set<std::string> users;
      for (One& one : all_) {
        readers += one.channels.local_readers_count(name);
        one.channels.each_local([&](const std::string& channel, std::size_t, const auto& members) {
          for (const Member& member : members)
            if (channel == name) users.insert(member.user);
        });
      }
      for (One& one : all_) {
        RC_ASSERT(one.channels.readers_count(name) == readers);
        RC_ASSERT(std::ranges::equal(one.channels.members(name), users, {}, &Member::user));
        RC_ASSERT(one.vacant[name] == (readers == 0));
      }
    }
  }

 private:
  struct Said {
    std::string channel;
    std::size_t readers = 0;
    std::optional<Member> came;
    std::optional<std::string> gone;
  };
  struct One {
    Channels channels{{.members = 100}, [] { return std::string("e"); }};
    std::map<Process, std::deque<Said>> mail;  // by sender
    // What each client that reads a presence channel believes: user, info.
    std::map<std::pair<ClientSlot, std::string>, std::map<std::string, std::string>> lists;
    std::map<std::string, bool> vacant{{"news", true}, {"presence-a", true}, {"presence-b", true}};
  };
  static void told(One& one, const std::string& name, const std::optional<Member>& came,
                   const std::optional<Member>& gone) {
    for (auto& [key, list] : one.lists) {
      if (key.second != name) continue;
      if (came) RC_ASSERT(list.emplace(came->user, came->info).second);
      if (gone) RC_ASSERT(list.erase(gone->user) == 1u);
    }
  }
  static void hears(One& one, const Channels::Changed& changed) {
    told(one, changed.channel, changed.came, changed.gone);
    RC_ASSERT(one.vacant[changed.channel] == changed.was_vacant);
    one.vacant[changed.channel] = changed.is_vacant;
  }
  // What a client believes is what a newcomer would be told, at any time.
  void check(One& one) {
    for (const auto& [key, list] : one.lists) {
      std::map<std::string, std::string> now;
      for (const Member& member : one.channels.members(key.second)) now[member.user] = member.info;
      RC_ASSERT(list == now);
    }
    for (const std::string& name : names) one.vacant[name] = one.channels.readers_count(name) == 0;
  }
  Instant now_{1h};
  std::array<One, size> all_;
};

TEST(ChannelsElsewhereLaws, all_processes_agree_in_the_end_and_each_client_knows_who_is_there) {
  EXPECT_TRUE(rc::check([] {
    Cluster cluster;
    for (int i = *rc::gen::inRange(0, 120); i > 0; --i) {
      const auto process = *rc::gen::inRange<Process>(0, Cluster::size);
      const auto other = (process + *rc::gen::inRange<Process>(1, Cluster::size)) % Cluster::size;
      const auto client = *rc::gen::inRange<ClientSlot>(0, Cluster::clients);
      const auto name = *rc::gen::elementOf(cluster.names);
      switch (*rc::gen::weightedElement<int>({{4, 0}, {2, 1}, {1, 2}, {5, 3}, {1, 4}})) {
        case 0:
          cluster.subscribes(process, client, name, *rc::gen::element<std::string>("u", "v", "w"));
          break;
        case 1:
          cluster.unsubscribes(process, client, name);
          break;
        case 2:
          cluster.leaves(process, client);
          break;
        case 3:
          cluster.delivers(process, other);
          break;
        default:
          cluster.forgets(process, other);
      }
    }
    cluster.all_is_delivered();
  }));
}

}  // namespace
}  // namespace utakata::realtime

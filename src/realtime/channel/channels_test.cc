// Channels as their readers and members see them, on a clock set by hand.
#include "realtime/channel/channels.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

namespace utakata::realtime {
namespace {

class ChannelsTest : public testing::Test {
 protected:
  Expected<Channels::Subscribed> come(ClientSlot client, const std::string& channel,
                                      const std::string& user = {}) {
    std::optional<Member> member;
    if (!user.empty()) member = Member{user, "{\"of\":" + std::to_string(client) + "}"};
    return channels_.subscribe(client, channel, member, std::nullopt, now_);
  }
  Position say(const std::string& channel, const std::string& data) {
    return channels_.publish(
        channel, std::make_shared<const Message>(Message{.event = "said", .data = data}), now_);
  }
  std::vector<ClientSlot> readers(const std::string& channel) {
    const Readers readers = channels_.readers(channel);
    return readers ? *readers : std::vector<ClientSlot>{};
  }
  std::string users(const std::string& channel) {
    std::string all;
    for (const Member& member : channels_.members(channel)) all += member.user + member.info + " ";
    return all;
  }

  Instant now_{1h};
  int epochs_ = 0;
  Channels channels_{{.channels_of_client = 5, .members = 2, .kept_channels = 2},
                     [this] { return fmt::format("e{}", ++epochs_); }};
};
using Slots = std::vector<ClientSlot>;

TEST_F(ChannelsTest, a_channel_is_occupied_by_its_first_reader_and_vacated_by_its_last) {
  EXPECT_TRUE(come(7, "news")->was_vacant);
  EXPECT_FALSE(come(3, "news")->was_vacant);
  EXPECT_FALSE(come(9, "news")->was_vacant);
  EXPECT_EQ(readers("news"), (Slots{3, 7, 9})) << "in the order of slots";
  EXPECT_FALSE(channels_.unsubscribe(3, "news", now_)->is_vacant);
  EXPECT_FALSE(channels_.unsubscribe(3, "news", now_)) << "it reads it no more";
  EXPECT_FALSE(channels_.leave(9, now_).at(0).is_vacant);
  EXPECT_TRUE(channels_.leave(7, now_).at(0).is_vacant);
  EXPECT_TRUE(channels_.leave(7, now_).empty());
  EXPECT_TRUE(come(3, "news")->was_vacant);
}

TEST_F(ChannelsTest, who_subscribes_twice_or_to_too_many_is_refused_and_nothing_changes) {
  ASSERT_TRUE(come(1, "a"));
  EXPECT_EQ(come(1, "a").error().kind, Problem::Kind::conflict);
  for (const char* more : {"b", "c", "d", "e"}) ASSERT_TRUE(come(1, more));
  EXPECT_EQ(come(1, "f").error().kind, Problem::Kind::refused);
  EXPECT_EQ(readers("f"), Slots{});
  EXPECT_EQ(channels_.channels_of(1), 5u);
}

TEST_F(ChannelsTest, a_member_is_a_user_however_many_clients_it_has) {
  EXPECT_EQ(come(1, "presence-room").error().kind, Problem::Kind::invalid);
  EXPECT_TRUE(come(1, "presence-room", "ann")->is_new_member);
  EXPECT_FALSE(come(2, "presence-room", "ann")->is_new_member) << "her second tab";
  EXPECT_TRUE(come(3, "presence-room", "bob")->is_new_member);
  EXPECT_EQ(users("presence-room"), R"(ann{"of":1} bob{"of":3} )");
  EXPECT_EQ(come(4, "presence-room", "cid").error().kind, Problem::Kind::refused) << "full";
  EXPECT_TRUE(come(4, "presence-room", "bob")) << "who is there already may";
  EXPECT_EQ(channels_.member_of(2, "presence-room")->user, "ann");
  EXPECT_FALSE(channels_.member_of(5, "presence-room"));

  EXPECT_FALSE(channels_.unsubscribe(1, "presence-room", now_)->gone) << "one tab is left";
  EXPECT_EQ(channels_.leave(2, now_).at(0).gone->user, "ann");
  EXPECT_EQ(users("presence-room"), R"(bob{"of":3} )");
}

TEST_F(ChannelsTest, a_cache_channel_tells_newcomers_its_last_message_for_half_an_hour) {
  EXPECT_FALSE(come(1, "cache-score")->cached);
  say("cache-score", "1");
  say("cache-score", "2");
  EXPECT_EQ(come(2, "cache-score")->cached->data, "2");
  channels_.leave(1, now_);
  channels_.leave(2, now_);
  now_ += 29min;
  EXPECT_EQ(come(3, "cache-score")->cached->data, "2") << "kept though nobody read it";
  channels_.leave(3, now_);
  now_ += 1min;
  EXPECT_FALSE(come(3, "cache-score")->cached);
}

TEST_F(ChannelsTest, who_missed_some_hears_it_on_its_return) {
  channels_.limit({.has_timelines = true, .timeline = {.count = 2}});
  const Position before = come(1, "news")->position;
  EXPECT_EQ(before, (Position{"e1", 0}));
  channels_.leave(1, now_);
  EXPECT_EQ(say("other", "?").epoch, "e2");
  const Position first = [&] {
    come(2, "news");
    return say("news", "a");
  }();
  say("news", "b");
  const auto back = channels_.subscribe(1, "news", std::nullopt, first, now_);
  ASSERT_TRUE(back->missed);
  EXPECT_EQ(back->missed->size(), 1u);
  EXPECT_EQ(back->missed->at(0).message->data, "b");
  EXPECT_EQ(back->position.offset, 2u);
  say("news", "c");
  channels_.leave(1, now_);
  const auto anew = channels_.subscribe(1, "news", std::nullopt, Position{"e9", 1}, now_);
  EXPECT_FALSE(anew->missed) << "of another life of the channel";
}

TEST_F(ChannelsTest, what_nobody_reads_is_kept_within_bounds_and_then_forgotten) {
  for (const char* channel : {"cache-a", "cache-b", "cache-c"}) {
    now_ += 1s;
    say(channel, "x");
  }
  EXPECT_FALSE(channels_.cached("cache-a", now_)) << "two are kept";
  EXPECT_TRUE(channels_.cached("cache-b", now_));
  now_ += 30min - 1s;
  channels_.expire(now_);
  EXPECT_FALSE(channels_.cached("cache-b", now_));
  EXPECT_TRUE(channels_.cached("cache-c", now_));
}

TEST_F(ChannelsTest, a_list_that_somebody_holds_stays_as_it_was) {
  come(1, "news");
  come(2, "news");
  const Readers held = channels_.readers("news");
  channels_.leave(1, now_);
  come(3, "news");
  EXPECT_EQ(*held, (Slots{1, 2}));
  EXPECT_EQ(readers("news"), (Slots{2, 3}));
}

TEST_F(ChannelsTest, a_user_is_reached_on_all_its_clients) {
  channels_.sign_in(1, "ann");
  channels_.sign_in(4, "ann");
  channels_.sign_in(2, "bob");
  EXPECT_EQ(channels_.clients_of("ann")->size(), 2u);
  channels_.sign_in(4, "bob");
  EXPECT_EQ(channels_.clients_of("ann")->size(), 1u);
  channels_.leave(1, now_);
  EXPECT_FALSE(channels_.clients_of("ann"));
  EXPECT_EQ(*channels_.user_of(4), "bob");
  EXPECT_EQ(channels_.user_of(1), nullptr);
}

TEST_F(ChannelsTest, a_user_s_clients_are_told_apart_by_what_they_speak) {
  channels_.speaks(2, Dialect::socketio);
  channels_.sign_in(1, "ann");
  channels_.sign_in(2, "ann");
  EXPECT_EQ(*channels_.clients_of("ann"), (Slots{1}));
  EXPECT_EQ(*channels_.clients_of("ann", Dialect::socketio), (Slots{2}));
  channels_.sign_out(1);
  channels_.sign_out(1);
  EXPECT_FALSE(channels_.clients_of("ann"));
  EXPECT_EQ(channels_.user_of(1), nullptr);
  EXPECT_EQ(*channels_.clients_of("ann", Dialect::socketio), (Slots{2}));
  channels_.leave(2, now_);
  EXPECT_FALSE(channels_.clients_of("ann", Dialect::socketio));
}

// Whatever order they come and go in: against sets.
TEST(ChannelsLaws, readers_members_and_what_is_said_of_them_agree_with_sets) {
  EXPECT_TRUE(rc::check([] {
    int epochs = 0;
    Channels channels({.members = 1000}, [&] { return std::to_string(++epochs); });
    const std::vector<std::string> names{"a", "cache-b", "presence-c", "presence-cache-d"};
    std::map<std::string, std::map<ClientSlot, std::string>> there;  // with its user
    Instant now{1h};
    const auto check_left = [&](ClientSlot client, const Channels::Left& left) {
      auto& readers = there[left.channel];
      const std::string user = readers.at(client);
      readers.erase(client);
      RC_ASSERT(left.is_vacant == readers.empty());
      const bool stays =
          std::ranges::any_of(readers, [&](const auto& one) { return one.second == user; });
      RC_ASSERT(left.gone.has_value() == (left.channel.starts_with("presence") && !stays));
    };
    for (int i = *rc::gen::inRange(0, 100); i > 0; --i) {
      now += 1s;
      const auto client = *rc::gen::inRange<ClientSlot>(0, 8);
      const auto name = *rc::gen::elementOf(names);
      switch (*rc::gen::inRange(0, 4)) {
        case 0: {
          const auto user = *rc::gen::element<std::string>("u", "v", "w");
          auto& readers = there[name];
          const bool knew_user =
              std::ranges::any_of(readers, [&](const auto& one) { return one.second == user; });
          const bool was_vacant = readers.empty();
          const auto came = channels.subscribe(client, name, Member{user, ""}, std::nullopt, now);
          RC_ASSERT(came.has_value() == !readers.contains(client));
          if (!came) break;
          RC_ASSERT(came->was_vacant == was_vacant);
          RC_ASSERT(came->is_new_member == (name.starts_with("presence") && !knew_user));
          readers[client] = user;
          break;
        }
        case 1: {
          const auto left = channels.unsubscribe(client, name, now);
          RC_ASSERT(left.has_value() == there[name].contains(client));
          if (left) check_left(client, *left);
          break;
        }
        case 2:
          for (const auto& left : channels.leave(client, now)) check_left(client, left);
          for (const auto& [channel, readers] : there) RC_ASSERT(!readers.contains(client));
          break;
        default:
          channels.publish(name, std::make_shared<const Message>(), now);
      }
      for (const auto& [channel, readers] : there) {
        const Readers held = channels.readers(channel);
        const auto got = held ? *held : std::vector<ClientSlot>{};
        RC_ASSERT(
            std::ranges::equal(got, readers, {}, {}, [](const auto& one) { return one.first; }));
      }
    }
  }));
}

}  // namespace
}  // namespace utakata::realtime

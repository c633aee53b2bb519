#include "realtime/host/hub.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace utakata::realtime {
namespace {

using Kind = Envelope::Kind;
constexpr Instant start{1h};

struct Word {
  std::string tenant, channel, body;
  Position position;
  std::uint64_t serial;
  bool operator==(const Word&) const = default;
};

// None: it says that all has been told.
std::optional<Word> word_of(const Encoded& frames) {
  EnvelopeReader reader;
  std::optional<Word> word;
  for (std::size_t at = 0; at < frames->size(); at += frame_bytes(*frames, at)) {
    reader.feed(std::string_view(*frames).substr(at, frame_bytes(*frames, at)));
    if (const auto e = reader.next(); e && e->kind == Kind::word)
      word = {std::string(e->tenant),
              std::string(e->channel),
              std::string(e->text),
              {std::string(e->epoch), e->offset},
              e->serial};
  }
  return word;
}

struct Epochs {
  int last = 0;
  std::string operator()() { return fmt::format("epoch-{}", ++last); }
};

std::vector<std::string> bodies(const std::vector<Encoded>& told) {
  std::vector<std::string> all;
  for (const Encoded& one : told)
    if (const auto word = word_of(one)) all.push_back(word->body);
  return all;
}

TEST(Hub, what_is_kept_gets_its_place_and_what_is_not_gets_none) {
  Hub hub({}, Epochs{});
  const auto say = [&](std::string_view tenant, std::string_view channel, bool keeps) {
    return *word_of(hub.publish({.tenant = tenant,
                                 .channel = channel,
                                 .body = "x",
                                 .keeps = keeps ? std::optional(BusKeeps{}) : std::nullopt},
                                start));
  };
  EXPECT_EQ(say("t", "a", true).position, (Position{"epoch-1", 1}));
  EXPECT_EQ(say("t", "a", false).position, (Position{"", 0}));
  EXPECT_EQ(say("t", "a", true).position, (Position{"epoch-1", 2}));
  EXPECT_EQ(say("t", "b", true).position, (Position{"epoch-2", 1}));
  EXPECT_EQ(say("u", "a", true).position, (Position{"epoch-3", 1})) << "another tenant's";
  EXPECT_EQ(say("t", "", true).position, (Position{"epoch-4", 1})) << "the processes' own";
}

TEST(Hub, a_tenant_and_a_channel_whose_names_run_together_are_told_apart) {
  Hub hub({}, Epochs{});
  hub.publish({.tenant = "ab", .channel = "c", .body = "x", .keeps = BusKeeps{}}, start);
  const auto other =
      hub.publish({.tenant = "a", .channel = "bc", .body = "x", .keeps = BusKeeps{}}, start);
  EXPECT_EQ(word_of(other)->position, (Position{"epoch-2", 1}));
}

TEST(Hub, one_that_joins_is_told_what_is_kept_then_that_it_has_caught_up) {
  Hub hub({}, Epochs{});
  const auto say = [&](std::string_view channel, std::string_view body) {
    hub.publish({.tenant = "t", .channel = channel, .body = body, .keeps = BusKeeps{.count = 2}},
                start);
  };
  say("a", "a1"), say("b", "b1"), say("a", "a2"), say("a", "a3");
  const auto told = hub.join(7, start);
  EXPECT_EQ(bodies(told), (std::vector<std::string>{"b1", "a2", "a3"}));
  EXPECT_EQ(word_of(told.back()), std::nullopt);
  EXPECT_TRUE(hub.join(7, start).empty()) << "or it would hear all twice";
  EXPECT_EQ(hub.workers(), std::set<Hub::Worker>{7});
  hub.leave(7);
  EXPECT_EQ(hub.join(7, start).size(), 4u);
}

TEST(Hub, a_channel_is_quiet_for_its_age_then_it_is_forgotten_epoch_and_all) {
  Hub hub({}, Epochs{});
  const BusKeeps keeps{.count = 10, .age = 1min};
  const auto say = [&](Instant at) {
    return word_of(hub.publish({.tenant = "t", .channel = "a", .body = "x", .keeps = keeps}, at))
        ->position;
  };
  say(start);
  EXPECT_EQ(say(start + 59s), (Position{"epoch-1", 2}));
  EXPECT_EQ(hub.join(1, start + 118s).size(), 3u);
  EXPECT_EQ(hub.join(2, start + 119s).size(), 1u);
  EXPECT_EQ(hub.channels(), 0u);
  EXPECT_EQ(hub.bytes(), 0u);
  EXPECT_EQ(say(start + 120s), (Position{"epoch-2", 1}));
}

TEST(Hub, an_age_beyond_all_time_is_no_overflow) {
  Hub hub({}, Epochs{});
  for (const Duration age : {Duration::max(), Duration::min()})
    hub.publish({.tenant = "t",
                 .channel = age > 0s ? "a" : "b",
                 .body = "x",
                 .keeps = BusKeeps{.count = 0, .age = age}},
                start);
  hub.expire(start + 1h);
  EXPECT_EQ(hub.channels(), 1u);
}

TEST(Hub, full_then_the_channel_that_would_be_forgotten_soonest_goes_first) {
  Hub hub({.bytes = 15'000}, Epochs{});
  const std::string body(6'000, 'x');
  const auto say = [&](std::string_view channel, Duration age) {
    hub.publish({.tenant = "t",
                 .channel = channel,
                 .body = body,
                 .keeps = BusKeeps{.count = 100, .age = age}},
                start);
    EXPECT_LE(hub.bytes(), 15'000u);
  };
  say("long", 3min), say("short", 1min);
  say("shortest", 10s);
  EXPECT_EQ(hub.channels(), 2u) << "short went for shortest, which is what is being said";
  for (int i = 0; i < 10; ++i) say("alone", 10s);
  EXPECT_EQ(hub.channels(), 1u);
  EXPECT_EQ(hub.join(1, start).size(), 3u) << "its two newest, and the end";
}

TEST(Hub, too_large_then_it_is_not_published_and_leaves_no_hole) {
  Hub hub({}, Epochs{});
  const std::string large(envelope_bytes_max, 'x');
  const auto say = [&](std::string_view body) {
    return hub.publish({.tenant = "t", .channel = "a", .body = body, .keeps = BusKeeps{}}, start);
  };
  say("a");
  EXPECT_EQ(say(large), nullptr);
  EXPECT_EQ(word_of(say("b"))->position.offset, 2u);
}

// What a worker has heard of one channel since it joined.
struct Heard {
  std::string epoch;
  std::uint64_t offset = 0;
  std::vector<int> said{};  // numbers of publications
};

class World {
 public:
  void runs() {
    for (int step = 0, steps = *rc::gen::inRange(0, 120); step < steps; ++step) {
      now_ += *rc::gen::inRange(0, 4) * 1s;
      const Hub::Worker worker = *rc::gen::inRange<std::size_t>(0, 4);
      switch (*rc::gen::inRange(0, 8)) {
        case 0:
          joins(worker);
          break;
        case 1:
          hub_.leave(worker);
          heard_.erase(worker), serials_.erase(worker), epochs_.erase(worker);
          break;
        default:
          publishes();
      }
      RC_ASSERT(hub_.bytes() <= bytes_max);
    }
  }

 private:
  static constexpr std::size_t bytes_max = 6'000;

  void joins(Hub::Worker worker) {
    const bool is_new = !heard_.contains(worker);
    const auto told = hub_.join(worker, now_);
    RC_ASSERT(told.empty() == !is_new);
    if (!is_new) return;
    heard_[worker];
    for (const Encoded& one : told)
      if (const auto word = word_of(one))
        hears(worker, *word);
      else
        RC_ASSERT(&one == &told.back());
    // All that joined before it know at least what it knows, by the same places.
    for (const auto& [name, heard] : heard_[worker])
      for (const auto& [other, channels] : heard_)
        if (const auto there = channels.find(name);
            other != worker && there != channels.end() && there->second.epoch == heard.epoch)
          RC_ASSERT(there->second.offset == heard.offset);
  }
  void publishes() {
    const std::string tenant = *rc::gen::element<std::string>("t", "u");
    const std::string channel = *rc::gen::element<std::string>("a", "b", "c");
    std::optional<BusKeeps> keeps;
    if (*rc::gen::inRange(0, 4) > 0)
      keeps = {.count = *rc::gen::inRange<std::size_t>(1, 5),
               .age = *rc::gen::element<Duration>(3s, 20s, 1min)};
    const std::string body = fmt::format("{} {}", ++published_,
                                         std::string(*rc::gen::inRange<std::size_t>(0, 900), 'x'));
    const Encoded told =
        hub_.publish({.tenant = tenant, .channel = channel, .body = body, .keeps = keeps}, now_);
    const auto word = word_of(told);
    RC_ASSERT((word->tenant == tenant && word->channel == channel && word->body == body));
    RC_ASSERT(word->position.epoch.empty() == !keeps);
    std::set<Hub::Worker> connected;
    for (const auto& [worker, heard] : heard_) connected.insert(worker);
    RC_ASSERT(hub_.workers() == connected);
    for (const Hub::Worker worker : connected) hears(worker, *word);
  }
  void hears(Hub::Worker worker, const Word& word) {
    Heard& heard = heard_[worker][word.tenant + word.channel];
    const int number = std::stoi(word.body);
    RC_ASSERT((heard.said.empty() || heard.said.back() < number));  // in order, none twice
    heard.said.push_back(number);
    if (word.position.epoch.empty()) return;
    if (word.position.epoch != heard.epoch) {
      // A new timeline, or the oldest that was kept when it joined.
      RC_ASSERT(!epochs_[worker].contains(word.position.epoch));
      epochs_[worker].insert(word.position.epoch);
      if (!heard.epoch.empty()) RC_ASSERT(word.position.offset == 1u);
    } else {
      RC_ASSERT(word.position.offset == heard.offset + 1);  // no holes
    }
    heard.epoch = word.position.epoch;
    heard.offset = word.position.offset;
    RC_ASSERT(word.serial > serials_[worker][word.tenant]);
    serials_[worker][word.tenant] = word.serial;
  }

  Hub hub_{{.bytes = bytes_max}, Epochs{}};
  Instant now_ = start;
  int published_ = 0;
  std::map<Hub::Worker, std::map<std::string, Heard>> heard_;
  std::map<Hub::Worker, std::map<std::string, std::uint64_t>> serials_;
  std::map<Hub::Worker, std::set<std::string>> epochs_;
};

TEST(Hub, whoever_comes_goes_and_speaks_then_all_hear_each_channel_in_order_and_nothing_twice) {
  EXPECT_TRUE(rc::check([] { World().runs(); }));
}

}  // namespace
}  // namespace utakata::realtime

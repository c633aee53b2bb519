#include "realtime/channel/timeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace utakata::realtime {
namespace {

MessagePtr said(std::string data) {
  return std::make_shared<const Message>(Message{.event = "said", .data = std::move(data)});
}

std::string texts(const std::vector<Timeline::Entry>& entries) {
  std::string all;
  for (const auto& entry : entries) all += fmt::format("{}={} ", entry.offset, entry.message->data);
  return all;
}

TEST(Timeline, who_missed_some_hears_all_of_it_or_that_it_must_start_anew) {
  Timeline timeline({.count = 3, .age = 60s, .bytes = 1000}, "e1");
  const Instant now{1h};
  EXPECT_EQ(texts(*timeline.since({"e1", 0})), "") << "nothing was said";
  for (const char* word : {"a", "b", "c", "d"}) timeline.append(said(word), now);

  EXPECT_EQ(texts(*timeline.since({"e1", 2})), "3=c 4=d ");
  EXPECT_EQ(texts(*timeline.since({"e1", 1})), "2=b 3=c 4=d ") << "just all that is kept";
  EXPECT_FALSE(timeline.since({"e1", 0})) << "the first is gone";
  EXPECT_EQ(texts(*timeline.since({"e1", 4})), "");
  EXPECT_FALSE(timeline.since({"e1", 5})) << "nobody was told so far";
  EXPECT_FALSE(timeline.since({"e0", 4})) << "another life of the channel";

  timeline.expire(now + 60s);
  EXPECT_EQ(timeline.size(), 0u);
  EXPECT_FALSE(timeline.since({"e1", 3})) << "too old to be kept";
  EXPECT_EQ(texts(*timeline.since({"e1", 4})), "") << "who missed nothing missed nothing";
  EXPECT_EQ(timeline.append(said("e"), now + 60s), 5u) << "offsets go on";
}

TEST(Timeline, it_is_bounded_by_bytes_and_keeps_the_newest) {
  Timeline timeline({.count = 100, .age = 1h, .bytes = 10}, "e");
  for (const char* word : {"1234", "5678", "90"}) timeline.append(said(word), Instant{1h});
  EXPECT_EQ(timeline.size(), 3u);
  timeline.append(said("x"), Instant{1h});
  EXPECT_EQ(texts(timeline.newest(9)), "2=5678 3=90 4=x ");
  timeline.append(said(std::string(50, 'y')), Instant{1h});
  EXPECT_EQ(timeline.size(), 1u);
}

TEST(Timeline, what_got_its_place_elsewhere_never_comes_twice_nor_with_holes) {
  Timeline timeline({.count = 3}, "own");
  const Instant now{1h};
  timeline.append(said("x"), now);
  EXPECT_TRUE(timeline.place(said("c"), {"e", 3}, now));
  EXPECT_EQ(timeline.end(), (Position{"e", 3}));
  EXPECT_EQ(texts(timeline.newest(9)), "3=c ") << "another epoch begins anew";
  EXPECT_FALSE(timeline.place(said("c"), {"e", 3}, now));
  EXPECT_FALSE(timeline.place(said("b"), {"e", 2}, now));
  EXPECT_FALSE(timeline.place(said("0"), {"f", 0}, now)) << "offsets begin at 1";
  EXPECT_TRUE(timeline.place(said("d"), {"e", 4}, now));
  EXPECT_EQ(texts(*timeline.since({"e", 2})), "3=c 4=d ");
  EXPECT_FALSE(timeline.since({"e", 1}));
  EXPECT_TRUE(timeline.place(said("g"), {"e", 7}, now));
  EXPECT_EQ(texts(timeline.newest(9)), "7=g ") << "5 and 6 were missed";
  EXPECT_FALSE(timeline.since({"e", 4}));
  EXPECT_TRUE(timeline.place(said("a"), {"f", 1}, now));
  EXPECT_EQ(texts(*timeline.since({"f", 0})), "1=a ");
}

TEST(Timeline, who_sent_the_last_has_missed_nothing_though_it_is_not_kept) {
  Timeline timeline({.count = 1}, "e");
  const auto by = [](std::string id) {
    return std::make_shared<const Message>(Message{.data = "x", .but = std::move(id)});
  };
  timeline.append(by(""), Instant{1h}, 10);
  for (const std::uint64_t came : {20, 30, 40}) timeline.append(by("ann"), Instant{1h}, came);
  EXPECT_EQ(timeline.newest_for("ann"), 10u);
  EXPECT_EQ(timeline.newest_for("bob"), 40u);
  EXPECT_EQ(texts(*timeline.came_after(10, "ann")), "");
  EXPECT_FALSE(timeline.came_after(10, "bob"));
  EXPECT_EQ(texts(*timeline.came_after(30, "bob")), "4=x ");
}

// Against a list of all that was said, and of the holes in it.
TEST(Timeline, what_came_later_is_whole_or_not_to_be_had) {
  EXPECT_TRUE(rc::check([] {
    struct Said {
      std::uint64_t came;
      std::string but;
      bool is_behind_a_hole;
    };
    const auto limit = *rc::gen::inRange<std::size_t>(1, 6);
    Timeline timeline({.count = limit}, "e0");
    std::vector<Said> all;
    Position last{"e0", 0};
    std::uint64_t came = 0;
    std::size_t kept = 0;
    const auto some_id = [] { return *rc::gen::element<std::string>("", "ann", "bob"); };
    for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
      came += *rc::gen::inRange<std::uint64_t>(1, 4);  // others are of other channels
      const bool is_anew = *rc::gen::inRange(0, 12) == 0, has_hole = *rc::gen::inRange(0, 12) == 0;
      if (is_anew) last = {last.epoch + "'", 0};
      last.offset += has_hole ? 3 : 1;
      const std::string but = some_id();
      const auto message = std::make_shared<const Message>(Message{.data = "x", .but = but});
      RC_ASSERT(timeline.place(message, last, Instant{1h}, came));
      RC_ASSERT(timeline.came_at(last) == came);
      all.push_back({came, but, has_hole});
      kept = std::min(limit, is_anew || has_hole ? 1 : kept + 1);
    }
    const auto since = came - std::min(came, *rc::gen::inRange<std::uint64_t>(0, 15));
    const std::string id = some_id();
    std::vector<std::uint64_t> missed;
    bool is_hidden = false, is_dropped = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].came <= since) continue;
      is_hidden |= all[i].is_behind_a_hole;
      is_dropped |= i + kept < all.size();
      if (id.empty() || all[i].but != id) missed.push_back(all[i].came);
    }
    const auto got = timeline.came_after(since, id);
    RC_ASSERT(got.has_value() == !(is_hidden || (is_dropped && !missed.empty())));
    if (!got) return;
    std::vector<std::uint64_t> numbers;
    for (const auto& entry : *got) numbers.push_back(entry.came);
    RC_ASSERT(numbers == missed);
  }));
}

// Against a list that keeps everything.
TEST(Timeline, pages_are_what_a_plain_list_says) {
  EXPECT_TRUE(rc::check([] {
    const auto limit = *rc::gen::inRange<std::size_t>(1, 20);
    Timeline timeline({.count = limit, .age = 100s, .bytes = 1'000'000}, "e");
    std::vector<std::pair<std::uint64_t, Instant>> all;
    Instant now{1h};
    for (int i = *rc::gen::inRange(0, 60); i > 0; --i) {
      now += *rc::gen::inRange(0, 20) * 1s;
      all.emplace_back(timeline.append(said("x"), now), now);
    }
    std::vector<std::uint64_t> kept;
    for (const auto& [offset, at] : all)
      if (now - at < 100s && offset + limit > all.size()) kept.push_back(offset);

    const auto count = *rc::gen::inRange<std::size_t>(0, 25);
    const auto offset =
        *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 70), rc::gen::just(std::uint64_t(-1)));
    const auto expect = [&](std::vector<std::uint64_t> want, bool from_the_end,
                            const std::vector<Timeline::Entry>& got) {
      if (want.size() > count)
        want.erase(from_the_end ? want.begin() : want.begin() + std::ptrdiff_t(count),
                   from_the_end ? want.end() - std::ptrdiff_t(count) : want.end());
      std::vector<std::uint64_t> offsets;
      for (const auto& entry : got) offsets.push_back(entry.offset);
      RC_ASSERT(offsets == want);
    };
    const auto part = [&](auto is_in) {
      std::vector<std::uint64_t> some;
      std::ranges::copy_if(kept, std::back_inserter(some), is_in);
      return some;
    };
    expect(kept, true, timeline.newest(count));
    expect(part([&](auto o) { return o < offset; }), true, timeline.before(offset, count));
    expect(part([&](auto o) { return o > offset; }), false, timeline.after(offset, count));
    const auto missed = timeline.since({"e", offset});
    const bool is_whole = offset <= all.size() && all.size() - offset <= kept.size();
    RC_ASSERT(missed.has_value() == is_whole);
    if (missed) RC_ASSERT(missed->size() == all.size() - offset);
  }));
}

}  // namespace
}  // namespace utakata::realtime

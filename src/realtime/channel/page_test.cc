#include "realtime/channel/page.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "realtime/channel/channels.h"

namespace utakata::realtime {
namespace {

MessagePtr said(std::string data) {
  return std::make_shared<const Message>(Message{.event = "said", .data = std::move(data)});
}

Timeline timeline_of(int messages, TimelineLimits limits = {.count = 1000}) {
  Timeline timeline(limits, "e");
  for (int i = 1; i <= messages; ++i) timeline.append(said(std::to_string(10 * i)), Instant{1h});
  return timeline;
}

// "3 4 more", of offsets.
std::string shown(const Page& page) {
  std::string text;
  for (const auto& entry : page.messages) text += fmt::format("{} ", entry.offset);
  return text + (page.has_more ? "more" : "");
}

std::string why_not(const PageWords& words) {
  const auto asked = page_asked(words);
  return asked ? "" : asked.error().what;
}

TEST(Page, goes_back_from_the_newest_and_forward_from_an_offset) {
  const Timeline timeline = timeline_of(9, {.count = 6});  // 4 to 9 are kept
  const auto page = [&](const PageAsked& asked) { return shown(page_of(timeline, asked)); };
  EXPECT_EQ(page({.limit = 2}), "8 9 more");
  EXPECT_EQ(page({.limit = 2, .before = 8}), "6 7 more");
  EXPECT_EQ(page({.limit = 2, .before = 6}), "4 5 ") << "nothing is kept before these";
  EXPECT_EQ(page({.limit = 2, .before = 4}), "");
  EXPECT_EQ(page({.limit = 2, .before = 1000}), "8 9 more") << "ahead of the newest";
  EXPECT_EQ(page({.limit = 2, .after = 5}), "6 7 more");
  EXPECT_EQ(page({.limit = 2, .after = 7}), "8 9 ");
  EXPECT_EQ(page({.limit = 2, .after = 9}), "");
  EXPECT_EQ(page({.limit = 2, .after = 0}), "4 5 more") << "what came before is gone: a gap to see";
  EXPECT_EQ(page({.limit = 2, .after = UINT64_MAX}), "");
  EXPECT_EQ(page({.limit = 100, .before = UINT64_MAX}), "4 5 6 7 8 9 ");
  EXPECT_EQ(page_of(timeline, {}).newest, (Position{"e", 9}));
}

TEST(Page, ends_early_where_its_data_is_large_but_never_empty) {
  Timeline timeline({.count = 10, .bytes = 10 * page_bytes_max}, "e");
  for (const std::size_t bytes : {page_bytes_max / 2, page_bytes_max / 2, 2 * page_bytes_max})
    timeline.append(said(std::string(bytes, '1')), Instant{1h});
  EXPECT_EQ(shown(page_of(timeline, {})), "3 more");
  EXPECT_EQ(shown(page_of(timeline, {.before = 3})), "1 2 ");
  EXPECT_EQ(shown(page_of(timeline, {.after = 0})), "1 2 more");
  EXPECT_EQ(shown(page_of(timeline, {.after = 2})), "3 ");
}

TEST(Page, is_asked_for_in_numbers) {
  EXPECT_EQ(page_asked({})->limit, 50u);
  EXPECT_EQ(page_asked({.limit = "null", .before = "null", .after = ""})->before, std::nullopt);
  EXPECT_EQ(page_asked({.limit = "100", .before = "7"})->before, 7u);
  EXPECT_EQ(page_asked({.limit = "1", .after = "0"})->after, 0u);
  for (const char* const limit : {"0", "101", "-1", "1.5", "\"5\"", "ten", "1 ", "{}"})
    EXPECT_EQ(why_not({.limit = limit}), "`limit` must be a whole number from 1 to 100.") << limit;
  for (const char* const offset : {"-1", "x", "18446744073709551616", "true"}) {
    EXPECT_EQ(why_not({.before = offset}), "`before` must be an offset, a whole number.") << offset;
    EXPECT_EQ(why_not({.after = offset}), "`after` must be an offset, a whole number.") << offset;
  }
  EXPECT_EQ(why_not({.before = "1", .after = "1"}),
            "A page is `before` an offset or `after` one, not both.");
}

TEST(Page, is_told_as_the_fields_of_an_object) {
  Timeline timeline({}, "e\"1");
  timeline.append(said(R"({"n":1})"), Instant{1h});
  timeline.append(std::make_shared<const Message>(
                      Message{.event = "client-\"x\"", .data = "[2]", .user = "ann"}),
                  Instant{1h});
  EXPECT_EQ(page_fields(page_of(timeline, {})),
            R"("epoch":"e\"1","newest":2,"messages":[{"offset":1,"event":"said","data":{"n":1}},)"
            R"({"offset":2,"event":"client-\"x\"","data":[2],"user_id":"ann"}],"more":false)");
  EXPECT_EQ(page_fields(page_of(timeline, {.limit = 1})),
            R"("epoch":"e\"1","newest":2,"messages":[{"offset":2,"event":"client-\"x\"","data":)"
            R"([2],"user_id":"ann"}],"more":true)");
  EXPECT_EQ(page_fields({}), R"("epoch":"","newest":0,"messages":[],"more":false)");
}

TEST(Page, of_a_channel_has_nothing_that_is_too_old_and_wants_timelines) {
  Channels channels({.has_timelines = true, .timeline = {.age = 60s}},
                    [] { return std::string("e"); });
  const Instant now{1h};
  EXPECT_EQ(shown(*channels.page("news", {}, now)), "") << "nobody ever spoke of it";
  channels.publish("news", said("1"), now);
  channels.publish("news", said("2"), now + 30s);
  EXPECT_EQ(shown(*channels.page("news", {}, now + 59s)), "1 2 ");
  EXPECT_EQ(shown(*channels.page("news", {}, now + 60s)), "2 ");
  EXPECT_EQ(shown(*channels.page("news", {}, now + 90s)), "");
  channels.place("news", said("x"), {"of the bus", 7}, now + 90s);
  const auto page = channels.page("news", {}, now + 90s);
  EXPECT_EQ(page->newest, (Position{"of the bus", 7}));
  EXPECT_EQ(shown(*page), "7 ");

  channels.limit({});
  EXPECT_EQ(channels.page("news", {}, now + 90s).error().what, "This app keeps no timelines.");
}

// Whoever goes page by page, either way, has all that is kept, each once and in order.
TEST(PageLaws, pages_one_after_the_other_are_the_whole) {
  EXPECT_TRUE(rc::check([] {
    const int messages = *rc::gen::inRange(0, 60);
    const Timeline timeline =
        timeline_of(messages, {.count = *rc::gen::inRange<std::size_t>(1, 60)});
    const auto limit = *rc::gen::inRange<std::size_t>(1, 9);
    std::vector<std::uint64_t> kept, forward, back;
    for (const auto& entry : timeline.newest(1000)) kept.push_back(entry.offset);
    for (PageAsked asked{.limit = limit, .after = 0};;) {
      const Page page = page_of(timeline, asked);
      for (const auto& entry : page.messages) forward.push_back(entry.offset);
      if (!page.has_more) break;
      asked.after = forward.back();
    }
    for (PageAsked asked{.limit = limit};;) {
      const Page page = page_of(timeline, asked);
      RC_ASSERT(page.messages.size() <= limit);
      std::vector<std::uint64_t> offsets;
      for (const auto& entry : page.messages) offsets.push_back(entry.offset);
      back.insert(back.begin(), offsets.begin(), offsets.end());
      if (!page.has_more) break;
      asked.before = back.front();
    }
    RC_ASSERT(forward == kept);
    RC_ASSERT(back == kept);
  }));
}

}  // namespace
}  // namespace utakata::realtime

#include "realtime/socketio/seat_words.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Kind = SeatWord::Kind;

std::vector<SeatWord> words() {
  const HandedSeat seat{.space = "/admin",
                        .sid = "1.2",
                        .pid = "secret",
                        .of_epoch = "elsewhere",
                        .at_least = 1'000'000'007,
                        .away = std::chrono::milliseconds{90'000},
                        .channels = {{"news", {}, {}},
                                     {"presence-a", Member{"ann", R"({"age":7})"}, {}},
                                     {"presence-b", Member{"ann", ""}, Position{"e", 12}},
                                     {std::string("\0\xff", 2), {}, Position{"f", 1}}}};
  return {{.kind = Kind::ask, .from = "b", .number = 7, .pid = "secret", .space = "/"},
          {.kind = Kind::ask,
           .from = "b",
           .number = 8,
           .pid = "secret",
           .space = "/",
           .offset = "a-12"},
          {.kind = Kind::seat, .from = "a", .to = "b", .number = 7, .seat = seat},
          {.kind = Kind::lost, .from = "a", .to = "b", .number = 300, .pid = "secret"},
          {.kind = Kind::leaving, .from = "a"},
          {.kind = Kind::ask_all, .from = "b", .to = "a", .number = 9}};
}

TEST(SeatWords, what_is_told_is_heard_and_what_is_cut_short_is_not) {
  for (const SeatWord& word : words()) {
    const std::string bytes = seat_word_bytes(word);
    EXPECT_EQ(seat_word(bytes), word);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto part = seat_word(std::string_view(bytes).substr(0, size));
      EXPECT_TRUE(!part || part != word) << size;
    }
  }
}

TEST(SeatWords, another_version_other_flags_and_what_is_too_much_are_refused) {
  const std::string bytes = seat_word_bytes(words()[4]);
  EXPECT_FALSE(seat_word(bytes + 'x'));
  for (std::size_t at = 0; at < 3; ++at) {
    std::string other = bytes;
    other[at] = 'x';
    EXPECT_FALSE(seat_word(other));
  }
  SeatWord seat{.kind = Kind::seat, .from = "a", .to = "b", .seat = {.pid = "p"}};
  EXPECT_FALSE(seat_word(seat_word_bytes(seat) + '\x04' + '\0'));
  seat.seat.away = std::chrono::hours{24 * 365};
  EXPECT_FALSE(seat_word(seat_word_bytes(seat)));
}

}  // namespace
}  // namespace utakata::realtime

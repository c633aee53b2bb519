#include "wire/deflate.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"
#include "wire/websocket.h"

namespace utakata::wire {
namespace {

using namespace std::string_literals;
using Outcome = Inflater::Outcome;
constexpr const char* kAgreed =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(Deflate, offers_of_rfc_7692_section_7_1_are_agreed_on_or_declined) {
  const struct {
    const char* offers;
    int window_bits;  // 0: declined
  } rows[] = {
      {"permessage-deflate", 15},
      {"permessage-deflate; client_max_window_bits", 15},
      {"permessage-deflate; client_max_window_bits=10", 15},
      {"permessage-deflate;server_max_window_bits=10;client_max_window_bits", 10},
      {"permessage-deflate; server_max_window_bits=\"10\"", 10},
      {"permessage-deflate; server_max_window_bits=\"1\\0\"", 10},
      {"permessage-deflate ; server_max_window_bits = 8 ", 8},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15},
      {"permessage-deflate; server_max_window_bits=10, permessage-deflate", 10},
      {"permessage-deflate; server_max_window_bits=7, permessage-deflate", 15},
      {"permessage-deflate; use_y=1, permessage-deflate; server_max_window_bits=9", 9},
      {"x-webkit-deflate-frame, permessage-foo; a; b=\"c\", permessage-deflate", 15},
      {", permessage-deflate, ,", 15},
      {"", 0},
      {",", 0},
      {"permessage-bzip2", 0},
      {"Permessage-deflate", 0},
      {"permessage-deflate; unknown", 0},
      {"permessage-deflate; server_max_window_bits", 0},
      {"permessage-deflate; server_max_window_bits=16", 0},
      {"permessage-deflate; server_max_window_bits=010", 0},
      {"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", 0},
      {"permessage-deflate; client_max_window_bits=7", 0},
      {"permessage-deflate; client_max_window_bits; client_max_window_bits=8", 0},
      {"permessage-deflate; server_no_context_takeover=1", 0},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", 0},
      {"permessage-deflate; server_max_window_bits=", 0},
      {"permessage-deflate; server_max_window_bits=\"10", 0},
      {"permessage-deflate; server_max_window_bits=\"\"", 0},
      {"permessage-deflate; =10", 0},
      {"permessage-deflate;", 0},
      {"permessage-deflate x", 0},
      {"permessage-deflate, permessage-deflate; server_max_window_bits=\"10\\", 0},
  };
  for (const auto& [offers, bits] : rows) {
    const auto agreed = agree_to_deflate(offers);
    EXPECT_EQ(agreed ? agreed->window_bits : 0, bits) << offers;
    if (!agreed) continue;
    const bool is_named = std::string_view(offers).contains("server_max_window_bits") && bits < 15;
    EXPECT_EQ(agreed->answer,
              kAgreed + (is_named ? "; server_max_window_bits=" + std::to_string(bits) : ""))
        << offers;
  }
  EXPECT_EQ(agree_to_deflate("permessage-deflate; server_max_window_bits=15")->answer,
            kAgreed + "; server_max_window_bits=15"s);
}

TEST(Deflate, answers_to_the_offer_are_accepted_or_the_connection_must_fail) {
  const struct {
    const char* answer;
    int window_bits;  // 0: it must fail
  } rows[] = {
      {"permessage-deflate; server_no_context_takeover", 15},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15},
      {"permessage-deflate;server_no_context_takeover;client_max_window_bits=10", 10},
      {"permessage-deflate; client_max_window_bits=\"8\"; server_no_context_takeover", 8},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=9", 15},
      {",permessage-deflate; server_no_context_takeover,, ", 15},
      {"permessage-deflate", 0},  // what it sent before would be referred to
      {"permessage-deflate; client_no_context_takeover", 0},
      {"permessage-deflate; server_no_context_takeover; client_max_window_bits", 0},
      {"permessage-deflate; server_no_context_takeover; client_max_window_bits=7", 0},
      {"permessage-deflate; server_no_context_takeover; client_max_window_bits=010", 0},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits", 0},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=16", 0},
      {"permessage-deflate; server_no_context_takeover=1", 0},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 0},
      {"permessage-deflate; server_no_context_takeover; unknown", 0},
      {"permessage-deflate; server_no_context_takeover, permessage-deflate", 0},
      {"permessage-deflate; server_no_context_takeover, x", 0},
      {"permessage-deflate; server_no_context_takeover x", 0},
      {"x", 0},
      {"permessage-bzip2; server_no_context_takeover", 0},
      {"", 0},
      {",", 0},
  };
  for (const auto& [answer, bits] : rows) {
    const auto agreed = accept_deflate(answer);
    EXPECT_EQ(agreed ? agreed->window_bits : 0, bits) << answer;
    EXPECT_EQ(agreed ? agreed->answer : answer, answer);
  }
  EXPECT_TRUE(accept_deflate(agree_to_deflate(deflate_offer).value().answer));
}

std::string inflated(std::string_view payload, std::size_t bytes_max = 1000) {
  static Inflater inflater;
  std::string out;
  switch (inflater.inflate(payload, bytes_max, out)) {
    case Outcome::whole:
      return out;
    case Outcome::too_big:
      return "too big";
    case Outcome::broken:
      return "broken";
  }
  return "?";
}

TEST(Deflate, examples_of_rfc_7692_section_7_2_3_are_read) {
  EXPECT_EQ(inflated("\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello") << "7.2.3.1";
  EXPECT_EQ(inflated("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s), "Hello")
      << "7.2.3.3, not compressed";
  EXPECT_EQ(inflated("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s), "Hello") << "7.2.3.4, its last block";
  EXPECT_EQ(inflated("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s), "Hello")
      << "7.2.3.5, two blocks";
  EXPECT_EQ(inflated("\x00"s), "") << "7.2.3.6";
  EXPECT_EQ(inflated("\xf2\x00\x11\x00\x00"s), "broken")
      << "7.2.3.2, which refers to a message before: it was agreed that none does";
}

TEST(Deflate, what_is_broken_or_too_large_is_said_to_be_so_and_the_next_is_read) {
  EXPECT_EQ(inflated("\xff\xff"s), "broken");
  EXPECT_EQ(inflated("\xf2\x48\xcd"s), "broken") << "it ends too soon";
  EXPECT_EQ(inflated("\xf3\x48\xcd\xc9\xc9\x07\x00"s), "Hello") << "ended, with nothing behind";
  EXPECT_EQ(inflated("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"s), "HelloHello")
      << "ended, and begun again";
  EXPECT_EQ(inflated("\xf2\x48\xcd\xc9\xc9\x07\x00"s, 5), "Hello");
  EXPECT_EQ(inflated("\xf2\x48\xcd\xc9\xc9\x07\x00"s, 4), "too big");
  EXPECT_EQ(inflated("\x00"s, 0), "");
  EXPECT_EQ(inflated(""), "broken") << "nothing is written as one byte (7.2.3.6)";
}

TEST(Deflate, a_bomb_is_inflated_no_further_than_the_limit) {
  Deflater deflater;
  const std::string bomb(deflater.deflate(std::string(50'000'000, 'x')).value());
  EXPECT_LT(bomb.size(), 300'000u);
  Inflater inflater;
  std::string out;
  EXPECT_EQ(inflater.inflate(bomb, 64 * 1024, out), Outcome::too_big);
  EXPECT_LE(out.size(), 64u * 1024);
  EXPECT_LE(out.capacity(), 160u * 1024);
}

TEST(Deflate, small_or_random_messages_stay_as_they_are) {
  Deflater deflater;
  EXPECT_FALSE(deflater.deflate(std::string(127, 'x')));
  EXPECT_TRUE(deflater.deflate(std::string(128, 'x')));
  Random random(1);
  std::string noise(1000, '\0');
  for (char& c : noise) c = char(random.next());
  EXPECT_FALSE(deflater.deflate(noise));
  EXPECT_FALSE(Deflater({.least_bytes = 0}).deflate(""));
}

TEST(Deflate, no_message_refers_farther_back_than_its_size_lets_it) {
  const struct {
    std::size_t size;
    int bits;
  } rows[] = {{0, 8},    {1, 8},     {256, 8},        {257, 9},     {512, 9},
              {513, 10}, {1024, 10}, {32 * 1024, 15}, {100'000, 15}};
  for (const auto& [size, bits] : rows) EXPECT_EQ(deflate_window_bits(size), bits) << size;
}

std::string words(std::size_t count) {
  std::string text;
  for (; count > 0; --count) text += *rc::gen::element("{\"event\":", "\"news\"", "ä", "x", "1,2");
  return text;
}

TEST(DeflateLaws, what_is_inflated_is_what_was_deflated) {
  Inflater inflater;
  EXPECT_TRUE(rc::check([&] {
    Deflater deflater({.level = *rc::gen::inRange(1, 10), .least_bytes = 0});
    for (int i = 0; i < 3; ++i) {
      const std::string text = *rc::gen::arbitrary<bool>()
                                   ? words(*rc::gen::inRange<std::size_t>(0, 3000))
                                   : *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
      const auto made = deflater.deflate(text);
      if (!made) continue;
      RC_ASSERT(made->size() < text.size());
      std::string out;
      RC_ASSERT(inflater.inflate(*made, text.size(), out) == Outcome::whole);
      RC_ASSERT(out == text);
    }
  }));
}

// Whatever is fed: no more comes out than the limit, and the next message is read.
TEST(DeflateLaws, no_bytes_are_too_odd) {
  Inflater inflater;
  EXPECT_TRUE(rc::check([&](const std::string& bytes) {
    std::string out;
    if (inflater.inflate(bytes, 100, out) == Outcome::whole) RC_ASSERT(out.size() <= 100u);
    out.clear();
    RC_ASSERT(inflater.inflate("\xf2\x48\xcd\xc9\xc9\x07\x00"s, 100, out) == Outcome::whole);
    RC_ASSERT(out == "Hello");
  }));
}

}  // namespace
}  // namespace utakata::wire

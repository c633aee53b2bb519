#include "wire/websocket.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "base/random.h"

namespace utakata::wire {
namespace {

using Role = WebSocketRole;
using Events = std::vector<std::string>;
constexpr WebSocketLimits small{.message_bytes = 1000};
constexpr WebSocketMask mask{0x37, 0xfa, 0x21, 0x3d};

class Heard : public WebSocketSink {
 public:
  Events events;
  std::size_t stop_at = 0;  // events after which the sink wants no more; 0: never

  bool message(WebSocketKind kind, std::string_view payload) override {
    return note(fmt::format("{} {}", kind == WebSocketKind::text ? "text" : "binary", payload));
  }
  bool ping(std::string_view payload) override { return note(fmt::format("ping {}", payload)); }
  bool pong(std::string_view payload) override { return note(fmt::format("pong {}", payload)); }
  bool close(std::uint16_t code, std::string_view reason) override {
    return note(fmt::format("close {} {}", code, reason));
  }

 private:
  bool note(std::string event) {
    events.push_back(std::move(event));
    return events.size() != stop_at;
  }
};

Events fed(Role role, std::string_view bytes, const std::function<std::size_t()>& next_size) {
  WebSocketParser parser(role, small);
  Heard heard;
  std::optional<WebSocketFailure> failure;
  while (!bytes.empty()) {
    const auto size = std::min(next_size(), bytes.size());
    // A copy that ends with its last byte: the address sanitizer sees reading beyond it.
    const std::vector<char> piece(bytes.begin(), bytes.begin() + long(size));
    failure = parser.feed({piece.data(), piece.size()}, heard);
    bytes.remove_prefix(size);
  }
  if (failure) heard.events.push_back(fmt::format("fail {}", failure->code));
  return heard.events;
}

// The same events whole, byte by byte and in random chops.
Events events_of(Role role, std::string_view bytes) {
  const auto whole = fed(role, bytes, [&] { return bytes.size(); });
  EXPECT_EQ(fed(role, bytes, [] { return 1u; }), whole) << "byte by byte";
  static const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  for (int round = 0; round < 20; ++round)
    EXPECT_EQ(fed(role, bytes, [&] { return 1 + random.below(9); }), whole) << "seed " << seed;
  return whole;
}

// A frame by hand, so that it can be wrong. As a client sends it when `masked`.
std::string frame(int first, std::string_view payload, bool masked = false) {
  std::string out{char(first),
                  char((masked ? 0x80 : 0) | int(std::min<std::size_t>(payload.size(), 126)))};
  if (payload.size() > 125) out += {char(payload.size() >> 8), char(payload.size())};
  if (masked) out.append(mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += masked ? char(std::uint8_t(payload[i]) ^ mask[i % 4]) : payload[i];
  return out;
}

constexpr int fin = 0x80;

TEST(WebSocket, examples_of_rfc_6455_section_5_7) {
  using namespace std::string_literals;
  EXPECT_EQ(events_of(Role::client, "\x81\x05Hello"), Events{"text Hello"});
  EXPECT_EQ(events_of(Role::server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
            Events{"text Hello"});
  EXPECT_EQ(events_of(Role::client, "\x01\x03Hel\x80\x02lo"), Events{"text Hello"});
  EXPECT_EQ(events_of(Role::client, "\x89\x05Hello"), Events{"ping Hello"});
  EXPECT_EQ(events_of(Role::server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
            Events{"pong Hello"});
  const std::string b256(256, 'x');
  EXPECT_EQ(events_of(Role::client, "\x82\x7e\x01\x00"s + b256), Events{"binary " + b256});
}

TEST(WebSocket, largest_lengths_of_each_form_then_read) {
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 125u, 126u, 127u, 999u, 1000u}) {
    const std::string payload(size, 'p');
    for (const bool masked : {false, true})
      EXPECT_EQ(events_of(masked ? Role::server : Role::client, frame(fin | 2, payload, masked)),
                Events{"binary " + payload});
  }
  WebSocketParser parser(Role::client, {.message_bytes = 100'000});
  Heard heard;
  std::string out;
  append_message(out, WebSocketKind::binary, std::string(70'000, 'x'), {});
  EXPECT_EQ(out.substr(0, 10), std::string("\x82\x7f\0\0\0\0\0\x01\x11\x70", 10));
  EXPECT_FALSE(parser.feed(out, heard));
  EXPECT_EQ(heard.events.at(0).size(), 70'007u);
}

struct Case {
  const char* name;
  std::string bytes;  // as a server sends it, that is without masks
  Events events;
};

void check_all(const std::vector<Case>& cases) {
  for (const auto& one : cases)
    EXPECT_EQ(events_of(Role::client, one.bytes), one.events) << one.name;
}

TEST(WebSocket, fragments_5_4_then_joined) {
  check_all({
      {"empty pieces", frame(1, "") + frame(0, "") + frame(fin | 0, ""), {"text "}},
      {"three pieces", frame(1, "a") + frame(0, "b") + frame(fin | 0, "c"), {"text abc"}},
      {"ping between pieces",
       frame(1, "a") + frame(fin | 9, "p") + frame(fin | 0, "b"),
       {"ping p", "text ab"}},
      {"pong nobody asked for",
       frame(2, "a") + frame(fin | 10, "") + frame(fin | 0, "b"),
       {"pong ", "binary ab"}},
      {"close between pieces", frame(1, "a") + frame(fin | 8, "\x03\xe8"), {"close 1000 "}},
      {"a character cut in three",
       frame(1, "\xf0\x9f") + frame(0, "\x98") + frame(fin | 0, "\x80"),
       {"text \xf0\x9f\x98\x80"}},
      {"a ping that is not UTF-8 between",
       frame(1, "\xc3") + frame(fin | 9, "\xff") + frame(fin | 0, "\xa9"),
       {"ping \xff", "text \xc3\xa9"}},
      {"two messages", frame(fin | 1, "a") + frame(fin | 2, "\xff"), {"text a", "binary \xff"}},
      {"continuation without a beginning", frame(fin | 0, "a"), {"fail 1002"}},
      {"continuation after the end",
       frame(1, "a") + frame(fin | 0, "b") + frame(fin | 0, "c"),
       {"text ab", "fail 1002"}},
      {"text inside a text", frame(1, "a") + frame(fin | 1, "b"), {"fail 1002"}},
      {"binary inside a text", frame(1, "a") + frame(2, "b"), {"fail 1002"}},
      {"ping in pieces", frame(9, "a"), {"fail 1002"}},
      {"close in pieces", frame(8, ""), {"fail 1002"}},
  });
}

TEST(WebSocket, frames_that_break_5_2_or_5_5_then_1002) {
  std::vector<Case> cases{
      {"RSV1", frame(fin | 0x40 | 1, "a"), {"fail 1002"}},
      {"RSV2 on a ping", frame(fin | 0x20 | 9, ""), {"fail 1002"}},
      {"RSV3 on a close", frame(fin | 0x10 | 8, ""), {"fail 1002"}},
      {"ping of 126", frame(fin | 9, std::string(126, 'x')), {"fail 1002"}},
      {"close of 126", frame(fin | 8, std::string(126, 'x')), {"fail 1002"}},
      {"16-bit length of 125",
       std::string("\x82\x7e\x00\x7d", 4) + std::string(125, 'x'),
       {"fail 1002"}},
      {"64-bit length of 65535", std::string("\x82\x7f\0\0\0\0\0\0\xff\xff", 10), {"fail 1002"}},
      {"highest bit of the length", std::string("\x82\x7f\x80\0\0\0\0\0\0\1", 10), {"fail 1002"}},
      {"a mask from a server", frame(fin | 1, "a", true), {"fail 1002"}},
      {"what came before counts",
       frame(fin | 1, "a") + frame(fin | 3, "b"),
       {"text a", "fail 1002"}},
  };
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    cases.push_back({"unknown opcode", frame(fin | opcode, ""), {"fail 1002"}});
  check_all(cases);
  EXPECT_EQ(events_of(Role::server, frame(fin | 1, "a")), Events{"fail 1002"})
      << "no mask from a client";
}

TEST(WebSocket, largest_control_frames_then_read) {
  const std::string most(125, 'x');
  EXPECT_EQ(events_of(Role::client, frame(fin | 9, most)), Events{"ping " + most});
  const std::string reason(123, 'r');
  EXPECT_EQ(events_of(Role::client, frame(fin | 8, "\x03\xe9" + reason)),
            Events{"close 1001 " + reason});
}

TEST(WebSocket, too_large_then_1009_before_the_payload_comes) {
  check_all({
      {"one frame", std::string("\x82\x7e\x03\xe9", 4), {"fail 1009"}},
      {"4 GB announced", std::string("\x82\x7f\0\0\0\1\0\0\0\0", 10), {"fail 1009"}},
      {"in pieces",
       frame(2, std::string(600, 'x')) + std::string("\x80\x7e\x01\x91", 4),
       {"fail 1009"}},
      {"a ping does not count", frame(2, std::string(1000, 'x')) + frame(fin | 9, "p"), {"ping p"}},
  });
}

TEST(WebSocket, text_that_is_not_utf8_8_1_then_1007) {
  for (const std::string bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xed\xbf\xbf",
                                "\xf4\x90\x80\x80", "\x80", "\xff",
                                "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
                                "edited"}) {
    EXPECT_EQ(events_of(Role::client, frame(fin | 1, bad)), Events{"fail 1007"});
    EXPECT_EQ(events_of(Role::server, frame(fin | 1, bad, true)), Events{"fail 1007"});
    EXPECT_EQ(events_of(Role::client, frame(fin | 2, bad)), Events{"binary " + bad});
  }
  check_all({
      {"ends inside a character", frame(fin | 1, "\xe2\x82"), {"fail 1007"}},
      {"in the last piece", frame(1, "ok\xe2") + frame(fin | 0, "\x82"), {"fail 1007"}},
      {"a piece goes wrong before the message ends",
       frame(1, "\xf4") + frame(0, "\x90"),
       {"fail 1007"}},
      {"next message starts afresh",
       frame(fin | 1, "\xc3\xa9") + frame(fin | 1, "a"),
       {"text \xc3\xa9", "text a"}},
  });
}

TEST(WebSocket, close_codes_7_4_then_only_those_that_may_be_sent) {
  const std::vector<int> good{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                              1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
  const std::vector<int> bad{0,    1,    999,  1004, 1005, 1006, 1015,
                             1016, 1100, 2000, 2999, 5000, 65535};
  const auto payload = [](int code) { return std::string{char(code >> 8), char(code)}; };
  for (const int code : good) {
    EXPECT_EQ(events_of(Role::client, frame(fin | 8, payload(code) + "bye")),
              Events{fmt::format("close {} bye", code)});
    EXPECT_TRUE(may_be_sent(std::uint16_t(code)));
  }
  for (const int code : bad) {
    EXPECT_EQ(events_of(Role::client, frame(fin | 8, payload(code))), Events{"fail 1002"}) << code;
    EXPECT_FALSE(may_be_sent(std::uint16_t(code)));
  }
  check_all({
      {"none", frame(fin | 8, ""), {"close 1005 "}},
      {"half a code", frame(fin | 8, "\x03"), {"fail 1002"}},
      {"reason not UTF-8", frame(fin | 8, "\x03\xe8\xff"), {"fail 1007"}},
      {"reason ends inside a character", frame(fin | 8, "\x03\xe8\xe2\x82"), {"fail 1007"}},
      {"what follows is ignored",
       frame(fin | 8, "") + frame(fin | 1, "a") + "\xff\xff\xff",
       {"close 1005 "}},
  });
}

TEST(WebSocket, sink_wants_no_more_then_the_parser_may_be_gone) {
  struct Owner : Heard {
    std::unique_ptr<WebSocketParser> parser =
        std::make_unique<WebSocketParser>(Role::client, small);
    bool message(WebSocketKind kind, std::string_view payload) override {
      parser.reset();
      return Heard::message(kind, payload);
    }
    bool ping(std::string_view payload) override {
      parser.reset();
      return Heard::ping(payload);
    }
  };
  for (const auto& bytes : {frame(fin | 1, "a"), frame(fin | 9, "a")}) {
    Owner owner;
    owner.stop_at = 1;
    EXPECT_FALSE(owner.parser->feed(bytes + bytes, owner));
    EXPECT_EQ(owner.events.size(), 1u);
  }
}

TEST(WebSocket, after_a_failure_then_the_same_again_and_no_event) {
  WebSocketParser parser(Role::client, small);
  Heard heard;
  EXPECT_EQ(parser.feed(frame(fin | 3, ""), heard)->code, 1002);
  EXPECT_EQ(parser.feed(frame(fin | 1, "a"), heard)->code, 1002);
  EXPECT_TRUE(heard.events.empty());
}

TEST(WebSocket, what_one_role_writes_then_the_other_reads) {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const Role writer = random.below(2) ? Role::client : Role::server;
    std::string out;
    Events wanted;
    for (auto left = 1 + random.below(6); left > 0; --left) {
      std::optional<WebSocketMask> with;
      if (writer == Role::client) {
        with.emplace();
        for (auto& byte : *with) byte = std::uint8_t(random.next());
      }
      std::string payload(random.below(300), 'x');
      for (auto& c : payload) c = char('a' + random.below(26));
      switch (random.below(4)) {
        case 0:
          append_message(out, WebSocketKind::text, payload, with);
          wanted.push_back("text " + payload);
          break;
        case 1: {
          const auto cut = random.below(payload.size() + 1);
          append_fragment(out, WebSocketKind::binary, payload.substr(0, cut), false, with);
          append_ping(out, "between", with);
          append_fragment(out, {}, payload.substr(cut), true, with);
          wanted.push_back("ping between");
          wanted.push_back("binary " + payload);
          break;
        }
        case 2:
          append_pong(out, payload.substr(0, 125), with);
          wanted.push_back("pong " + payload.substr(0, 125));
          break;
        case 3:
          append_ping(out, payload.substr(0, 125), with);
          wanted.push_back("ping " + payload.substr(0, 125));
          break;
      }
    }
    EXPECT_EQ(events_of(writer == Role::client ? Role::server : Role::client, out), wanted)
        << "seed " << seed;
  }
}

TEST(WebSocket, close_with_a_long_reason_then_cut_between_characters) {
  std::string out;
  append_close(out, 1000, std::string(122, 'r') + "\xe2\x82\xac", {});
  EXPECT_EQ(events_of(Role::client, out), Events{"close 1000 " + std::string(122, 'r')});
  out.clear();
  append_close(out, 1005, "", mask);
  EXPECT_EQ(events_of(Role::server, out), Events{"close 1005 "});
}

}  // namespace
}  // namespace utakata::wire

// Compressed messages in the WebSocket parser (RFC 7692 section 6).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

#include "wire/websocket.h"

namespace utakata::wire {
namespace {

using namespace std::string_literals;
using Events = std::vector<std::string>;

class Heard : public WebSocketSink {
 public:
  Events events;
  bool message(WebSocketKind kind, std::string_view payload) override {
    return note(fmt::format("{} {}", kind == WebSocketKind::text ? "text" : "binary", payload));
  }
  bool ping(std::string_view payload) override { return note(fmt::format("ping {}", payload)); }
  bool pong(std::string_view payload) override { return note(fmt::format("pong {}", payload)); }
  bool close(std::uint16_t code, std::string_view) override {
    return note(fmt::format("close {}", code));
  }

 private:
  bool note(std::string event) {
    events.push_back(std::move(event));
    return true;
  }
};

Events fed(std::string_view bytes, Inflater* inflater, std::size_t piece) {
  WebSocketParser parser(WebSocketRole::client, {.message_bytes = 1000});
  Heard heard;
  std::optional<WebSocketFailure> failure;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    failure = parser.feed(bytes.substr(0, piece), heard, inflater);
  if (failure) heard.events.push_back(fmt::format("fail {}", failure->code));
  return heard.events;
}

// The same whole and in pieces.
Events events_of(std::string_view bytes, Inflater* inflater) {
  const auto whole = fed(bytes, inflater, bytes.size());
  for (const std::size_t piece : {1, 2, 3, 7})
    EXPECT_EQ(fed(bytes, inflater, piece), whole) << piece;
  return whole;
}

constexpr int fin = 0x80, rsv1 = 0x40;
std::string frame(int first, std::string_view payload) {
  std::string out{char(first), char(std::min<std::size_t>(payload.size(), 126))};
  if (payload.size() > 125) out += {char(payload.size() >> 8), char(payload.size())};
  return out += payload;
}
const std::string hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;  // RFC 7692 section 7.2.3.1

TEST(WebSocketDeflate, which_frames_may_say_that_they_are_compressed) {
  Inflater inflater;
  const struct {
    const char* name;
    std::string bytes;
    Events events;
  } rows[] = {
      {"7.2.3.1, one frame", frame(fin | rsv1 | 1, hello), {"text Hello"}},
      {"7.2.3.1, two frames",
       frame(rsv1 | 1, hello.substr(0, 3)) + frame(fin, hello.substr(3)),
       {"text Hello"}},
      {"plain ones between",
       frame(fin | 1, "a") + frame(fin | rsv1 | 2, hello) + frame(fin | 1, "b"),
       {"text a", "binary Hello", "text b"}},
      {"a ping within",
       frame(rsv1 | 1, hello.substr(0, 3)) + frame(fin | 9, "\xff") + frame(fin, hello.substr(3)),
       {"ping \xff", "text Hello"}},
      {"nothing", frame(fin | rsv1 | 1, "\0"s), {"text "}},
      {"a later frame says so, too",
       frame(rsv1 | 1, hello.substr(0, 3)) + frame(fin | rsv1, hello.substr(3)),
       {"fail 1002"}},
      {"only a later one", frame(1, "a") + frame(fin | rsv1, hello), {"fail 1002"}},
      {"a ping", frame(fin | rsv1 | 9, ""), {"fail 1002"}},
      {"a close", frame(fin | rsv1 | 8, ""), {"fail 1002"}},
      {"another bit with it", frame(fin | rsv1 | 0x20 | 1, hello), {"fail 1002"}},
      {"another bit", frame(fin | 0x10 | 1, "a"), {"fail 1002"}},
      {"inside another message", frame(1, "a") + frame(fin | rsv1 | 1, hello), {"fail 1002"}},
      {"broken", frame(fin | rsv1 | 1, "\xff\xff"), {"fail 1007"}},
      {"cut short", frame(fin | rsv1 | 1, hello.substr(0, 3)), {"fail 1007"}},
      {"text that is not UTF-8",
       frame(fin | rsv1 | 1, "\x00\x01\x00\xfe\xff\xff\x00"s),
       {"fail 1007"}},
      {"binary that is not UTF-8",
       frame(fin | rsv1 | 2, "\x00\x01\x00\xfe\xff\xff\x00"s),
       {"binary \xff"}},
  };
  for (const auto& row : rows) EXPECT_EQ(events_of(row.bytes, &inflater), row.events) << row.name;
  EXPECT_EQ(events_of(frame(fin | rsv1 | 1, hello), nullptr), Events{"fail 1002"})
      << "nothing was agreed";
}

TEST(WebSocketDeflate, a_message_counts_as_it_came_and_inflated) {
  Inflater inflater;
  Deflater deflater;
  const auto of = [&](std::size_t size) {
    std::string out;
    append_compressed_message(out, WebSocketKind::text, *deflater.deflate(std::string(size, 'x')),
                              {});
    return out;
  };
  EXPECT_EQ(events_of(of(1000), &inflater), Events{"text " + std::string(1000, 'x')});
  EXPECT_EQ(events_of(of(1001), &inflater), Events{"fail 1009"});
  EXPECT_EQ(events_of(of(500'000), &inflater), Events{"fail 1009"});
  EXPECT_EQ(events_of("\xc1\x7e\x03\xe9"s, &inflater), Events{"fail 1009"}) << "before it comes";
}

TEST(WebSocketDeflate, a_connection_keeps_no_more_for_it) {
  const std::size_t before = 168;  // what it was without
  EXPECT_LE(sizeof(WebSocketParser), before);
}

TEST(WebSocketDeflate, frames_that_were_written_are_told_apart) {
  std::string out;
  append_message(out, WebSocketKind::text, "a", {});
  append_message(out, WebSocketKind::binary, std::string(126, 'b'), {});
  append_message(out, WebSocketKind::text, std::string(70'000, 'c'), {});
  append_close(out, 1000, "bye", {});
  append_compressed_message(out, WebSocketKind::text, hello, {});
  append_fragment(out, WebSocketKind::text, "d", false, {});
  std::string told;
  for (std::string_view left = out; !left.empty();) {
    const WebSocketFrame one = first_frame(left);
    told += fmt::format("{}{} ", one.message ? one.message == WebSocketKind::text ? "t" : "b" : "-",
                        one.payload.size());
    left.remove_prefix(one.bytes);
  }
  EXPECT_EQ(told, "t1 b126 t70000 -5 -7 -1 ");
}

// However a compressed message is cut into frames, and those into pieces, it is the same.
TEST(WebSocketDeflateLaws, any_cut_gives_the_same_message) {
  Inflater inflater;
  Deflater deflater({.least_bytes = 0});
  EXPECT_TRUE(rc::check([&] {
    std::string text;
    for (int i = *rc::gen::inRange(10, 60); i > 0; --i)
      text += *rc::gen::element("{\"event\":", "\"news\"", "ä", "1,2");
    const auto made = deflater.deflate(text);
    RC_PRE(made.has_value());
    std::string_view left = *made;
    std::string bytes;
    for (int first = rsv1 | 1; !left.empty(); first = 0) {
      const auto size = *rc::gen::inRange<std::size_t>(1, left.size() + 1);
      const bool is_last = size == left.size();
      bytes += frame(first | (is_last ? fin : 0), left.substr(0, size));
      left.remove_prefix(size);
    }
    const auto piece = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    RC_ASSERT(fed(bytes, &inflater, piece) == Events{"text " + text});
  }));
}

}  // namespace
}  // namespace utakata::wire

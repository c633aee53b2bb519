// Clients as servers of a Node cluster see them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

struct Ears final : SocketIoOut {
  void say(ClientSlot client, const std::string& text) override { heard[client] += text + "\n"; }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string> attachments, std::optional<ClientSlot>,
               bool may_be_missed) override {
    for (const ClientSlot client : *clients) {
      say(client, text);
      for (const auto& each : attachments) say(client, "bytes " + each);
      if (may_be_missed) say(client, "perhaps");
    }
  }
  void end(ClientSlot client, const std::string&) override { say(client, "ended"); }
  std::map<ClientSlot, std::string> heard;
};

using Kind = NodeRequest::Kind;
using Names = std::vector<std::string>;

class SocketIoRooms : public testing::Test {
 protected:
  // Clients 1, 2, 3 in "/" as sid 1, 3, 5, and client 3 in "/chat", too, as sid 7.
  SocketIoRooms() {
    for (const ClientSlot client : {1, 2, 3}) {
      app_.opens(client, now_);
      app_.says(client, "0", now_);
    }
    app_.says(3, "0/chat", now_);
    for (const auto* channel : {"a", "b"}) subscribe(1, channel);
    subscribe(2, "b");
    app_.says(3, R"(2/chat,["subscribe","b"])", now_);
    out_.heard.clear();
  }
  void subscribe(ClientSlot client, const std::string& channel) {
    app_.says(client, fmt::format(R"(2["subscribe","{}"])", channel), now_);
  }
  // Who hears a broadcast to them.
  std::string meant(NodeRooms to, const std::string& space = "/") {
    out_.heard.clear();
    app_.hears({.space = space, .to = std::move(to), .json = R"(["x"])"});
    const std::string text = space == "/" ? "2[\"x\"]\n" : "2" + space + ",[\"x\"]\n";
    std::string who;
    for (const auto& [client, said] : out_.heard) {
      who += std::to_string(client);
      if (said != text && said != text + "perhaps\n") who += said;
    }
    return who;
  }
  void obey(const NodeRequest& request, const std::string& space = "/") {
    out_.heard.clear();
    app_.obeys(space, request, now_);
  }

  Instant now_{1h};
  Ears out_;
  int random_ = 0;
  std::string news_;
  Channels channels_{{}, [this] { return std::to_string(random_); }};
  SocketIoApp app_{
      {.id = "1", .name = "show", .key = {"key", "secret"}},
      {.namespaces = {"/chat"}},
      channels_,
      out_,
      {[this] { return std::to_string(random_++); }, [this] { return std::to_string(random_++); }},
      {.publish = {},
       .news = [this](const News& news) { news_ += news.name + " " + news.channel + "\n"; }}};
};

TEST_F(SocketIoRooms, a_broadcast_is_for_who_is_meant) {
  struct {
    NodeRooms to;
    const char* who;
    const char* space = "/";
  } const rows[] = {
      {{}, "123"},
      {{{"a"}, {}}, "1"},
      {{{"b"}, {}}, "12"},
      {{{"a", "b"}, {}}, "12"},  // once each
      {{{"b"}, {"a"}}, "2"},
      {{{"b"}, {"1"}}, "2"},
      {{{}, {"b"}}, "3"},
      {{{"5"}, {}}, "3"},
      {{{"7"}, {}}, ""},  // a sid of another namespace
      {{{"none"}, {}}, ""},
      {{{"b"}, {"none"}}, "12"},
      {{}, "3", "/chat"},
      {{{"b"}, {}}, "3", "/chat"},
      {{{"a"}, {}}, "", "/chat"},
      {{{"7"}, {}}, "3", "/chat"},
      {{}, "", "/unknown"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(meant(row.to, row.space), row.who)
        << fmt::format("{} but {}", fmt::join(row.to.rooms, ","), fmt::join(row.to.except, ","));
}

TEST_F(SocketIoRooms, it_is_told_as_it_was_said) {
  app_.hears({.to = {{"a"}, {}},
              .json = R"(["x",{"_placeholder":true,"num":0},2,"three"])",
              .attachments = {"\1\2"}});
  EXPECT_EQ(out_.heard[1],
            "51-[\"x\",{\"_placeholder\":true,\"num\":0},2,\"three\"]\nbytes \1\2\nperhaps\n");
  app_.hears({.to = {{"3"}, {}}, .json = R"(["x"])"});
  EXPECT_EQ(out_.heard[2], "2[\"x\"]\n");  // what is for one is not missed
  app_.hears({.to = {{"5"}, {}}, .json = R"(["x"])", .is_volatile = true});
  EXPECT_EQ(out_.heard[3], "2[\"x\"]\nperhaps\n");
}

TEST_F(SocketIoRooms, who_is_made_to_join_needs_no_signature) {
  news_.clear();
  obey({.kind = Kind::join,
        .to = {{"b"}, {}},
        .rooms = {"private-x", "game:7", "presence-x", "", "3"}});
  EXPECT_EQ(meant({{"private-x"}, {}}), "12");
  EXPECT_EQ(meant({{"game:7"}, {}}), "12");
  EXPECT_EQ(meant({{"presence-x"}, {}}), "");
  EXPECT_EQ(meant({{"3"}, {}}), "12");  // a room that is the sid of another, and that one in it
  EXPECT_EQ(news_, "channel_occupied private-x\nchannel_occupied game:7\nchannel_occupied 3\n");
  EXPECT_EQ(app_.sockets("/", {{"1"}, {}}),
            (std::vector<NodeSocket>{{"1", {"1", "a", "b", "private-x", "game:7", "3"}}}));
  obey({.kind = Kind::join, .to = {{"b"}, {}}, .rooms = {"c"}}, "/chat");
  EXPECT_EQ(meant({{"c"}, {}}, "/chat"), "3");
  EXPECT_EQ(meant({{"c"}, {}}), "");
  obey({.kind = Kind::join, .to = {{"1"}, {}}, .rooms = {"a"}});  // it reads it already
  EXPECT_EQ(meant({{"a"}, {}}), "1");
  obey({.kind = Kind::join, .to = {{"1"}, {}}, .rooms = {std::string(201, 'a')}});
  EXPECT_EQ(meant({{std::string(201, 'a')}, {}}), "");
}

TEST_F(SocketIoRooms, who_is_made_to_leave_reads_no_more) {
  news_.clear();
  obey({.kind = Kind::leave, .to = {{}, {"3"}}, .rooms = {"b", "none", "1"}});
  EXPECT_EQ(meant({{"b"}, {}}), "2");
  EXPECT_EQ(meant({{"1"}, {}}), "1");  // nobody leaves itself
  obey({.kind = Kind::leave, .to = {{"a"}, {}}, .rooms = {"a"}});
  EXPECT_EQ(news_, "channel_vacated a\n");
}

TEST_F(SocketIoRooms, who_is_disconnected_is_told_so) {
  obey({.kind = Kind::disconnect, .to = {{}, {"1"}}});
  EXPECT_EQ(out_.heard[2], "1\n");
  EXPECT_EQ(out_.heard[3], "1\n");
  EXPECT_EQ(meant({}), "1");
  EXPECT_EQ(meant({}, "/chat"), "3");  // it is in another namespace still
  obey({.kind = Kind::disconnect, .is_close = true}, "/chat");
  EXPECT_EQ(out_.heard[3], "1/chat,\nended\n");
  obey({.kind = Kind::disconnect, .is_close = true});
  EXPECT_EQ(out_.heard[1], "1\nended\n");
  EXPECT_EQ(app_.clients(), 0U);
  EXPECT_EQ(channels_.local_readers_count("b"), 0U);
}

TEST_F(SocketIoRooms, rooms_are_those_that_have_somebody) {
  EXPECT_EQ(app_.rooms("/"), (Names{"1", "3", "5", "a", "b"}));
  EXPECT_EQ(app_.rooms("/chat"), (Names{"7", "b"}));
  EXPECT_EQ(app_.rooms("/unknown"), Names{});
}

}  // namespace
}  // namespace utakata::realtime

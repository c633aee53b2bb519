// Users who have signed in by Socket.IO: what is said to them, who is cut, who is still who it was.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

struct Ears final : SocketIoOut {
  void say(ClientSlot client, const std::string& text) override { heard[client] += text + "\n"; }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string>, std::optional<ClientSlot> but, bool) override {
    for (const ClientSlot client : *clients)
      if (client != but) say(client, text);
  }
  void end(ClientSlot client, const std::string&) override { say(client, "ended"); }
  std::map<ClientSlot, std::string> heard;
};

class SocketIoUsers : public testing::Test {
 protected:
  // Clients 1, 2, 3 in "/" as sid 1, 3, 5 (the epoch is 0, and pids are between).
  SocketIoUsers() {
    for (const ClientSlot client : {1, 2, 3}) {
      app_.opens(client, now_);
      app_.says(client, "0", now_);
    }
    out_.heard.clear();
  }
  std::string heard(ClientSlot client) { return std::exchange(out_.heard[client], {}); }
  std::string sign_in(ClientSlot client, const std::string& sid, const std::string& data,
                      const std::string& space = {}) {
    const std::string auth = user_auth({"key", "secret"}, sid, data);
    app_.says(client,
              fmt::format(R"(2{}7["signin",{{"auth":"{}","user_data":{}}}])",
                          space.empty() ? "" : space + ",", auth, json_text(data)),
              now_);
    return heard(client);
  }
  void said_to(const std::string& user, const std::string& event = "hi",
               std::optional<ClientSlot> but = {}) {
    app_.hears_as_user(user, {.event = event, .data = R"("{\"n\":1}")", .is_packed = true}, but);
  }

  Instant now_{1h};
  Ears out_;
  int random_ = 0;
  Channels channels_{{}, [] { return std::string("e"); }};
  SocketIoApp app_{
      {.id = "1", .name = "show", .key = {"key", "secret"}, .user_id_bytes = 5},
      {.namespaces = {"/chat"}},
      channels_,
      out_,
      {[this] { return std::to_string(random_++); }, [this] { return std::to_string(random_++); }},
      {.publish = {}}};
  const std::string done_ = "37[{\"ok\":true}]\n", told_ = R"(2["hi",{"n":1},{"user":true}])"
                                                           "\n";
};

TEST_F(SocketIoUsers, who_signs_in_hears_what_is_said_to_the_user_and_nobody_else_does) {
  EXPECT_EQ(sign_in(1, "1", R"({"id":"ann"})"), done_);
  EXPECT_EQ(sign_in(2, "3", R"({"id":"ann","name":"Ann"})"), done_);
  said_to("ann"), said_to("bob");
  EXPECT_EQ(heard(1), told_);
  EXPECT_EQ(heard(2), told_);
  EXPECT_EQ(heard(3), "");
  said_to("ann", "hi", 1);
  EXPECT_EQ(heard(1), "") << "it was its own call of the API";
  EXPECT_EQ(heard(2), told_);
  said_to("ann", "disconnect");
  EXPECT_EQ(heard(1), "") << "it would cut who hears it";
}

TEST_F(SocketIoUsers, only_by_a_signature_of_its_own) {
  const auto refused = [](const std::string& answer) {
    return answer.find(R"({"ok":false,"error":)") != answer.npos;
  };
  EXPECT_TRUE(refused(sign_in(2, "1", R"({"id":"ann"})"))) << "another's";
  EXPECT_TRUE(refused(sign_in(1, "1", R"({"name":"ann"})")));
  EXPECT_TRUE(refused(sign_in(1, "1", R"({"id":"longer"})")));
  app_.says(1, R"(27["signin"])", now_);
  EXPECT_TRUE(refused(heard(1)));
  EXPECT_FALSE(channels_.clients_of("ann", Dialect::socketio));
}

TEST_F(SocketIoUsers, a_connection_is_one_user_s_and_only_until_it_leaves_that_namespace) {
  app_.says(1, "0/chat", now_);
  heard(1);  // sid 7
  EXPECT_EQ(sign_in(1, "1", R"({"id":"ann"})"), done_);
  EXPECT_EQ(sign_in(1, "7", R"({"id":"bob"})", "/chat"), "3/chat,7[{\"ok\":true}]\n");
  said_to("ann"), said_to("bob");
  EXPECT_EQ(heard(1), R"(2/chat,["hi",{"n":1},{"user":true}])"
                      "\n");
  app_.says(1, "1", now_);
  said_to("bob");
  EXPECT_NE(heard(1), "");
  app_.says(1, "1/chat", now_);
  said_to("bob");
  EXPECT_EQ(heard(1), "");
  EXPECT_EQ(channels_.user_of(1), nullptr);
}

TEST_F(SocketIoUsers, who_is_recovered_is_still_who_it_was) {
  sign_in(1, "1", R"({"id":"ann"})");
  app_.leaves(1, now_);
  EXPECT_FALSE(channels_.clients_of("ann", Dialect::socketio));
  said_to("ann");
  EXPECT_EQ(heard(1), "");
  app_.opens(9, now_);
  app_.says(9, R"(0{"pid":"2"})", now_);
  EXPECT_EQ(heard(9), R"(0{"sid":"1","pid":"2"})"
                      "\n");
  said_to("ann");
  EXPECT_EQ(heard(9), told_);
}

TEST_F(SocketIoUsers, who_is_cut_is_told_so_and_not_recovered_nor_is_who_was_away) {
  for (const auto& [client, sid] : {std::pair(1u, "1"), std::pair(2u, "3")})
    sign_in(client, sid, R"({"id":"ann"})");
  sign_in(3, "5", R"({"id":"bob"})");
  app_.leaves(2, now_);
  app_.cut_user("ann", now_);
  EXPECT_EQ(heard(1), "1\nended\n");
  EXPECT_EQ(heard(3), "");
  EXPECT_FALSE(channels_.clients_of("ann", Dialect::socketio));
  app_.leaves(1, now_);
  app_.leaves(3, now_);
  for (const auto& [client, pid, sid] :
       {std::tuple(7u, "2", "7"), std::tuple(8u, "4", "9"), std::tuple(9u, "6", "5")}) {
    app_.opens(client, now_);
    app_.says(client, fmt::format(R"(0{{"pid":"{}"}})", pid), now_);
    EXPECT_NE(heard(client).find(fmt::format(R"("sid":"{}")", sid)), std::string::npos) << pid;
  }
  app_.cut_user("nobody", now_);
}

}  // namespace
}  // namespace utakata::realtime

// Who breaks off and is recovered did not hear of sync channels meanwhile: it is told all anew.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

struct Heard final : SocketIoOut {
  void say(ClientSlot, const std::string& text) override { all += text + "\n"; }
  void say_all(std::string_view, Readers, const std::string& text, std::span<const std::string>,
               std::optional<ClientSlot>, bool) override {
    all += text + "\n";
  }
  void end(ClientSlot, const std::string& why) override { all += "ended: " + why; }
  std::string all;
};

TEST(SocketIoAppSync, who_is_recovered_is_told_all_and_its_own_keys_are_gone) {
  const Instant now{1h};
  Heard out;
  int random = 0;
  Channels channels({}, [] { return std::string("e"); });
  const auto next = [&] { return std::to_string(random++); };
  SocketIoApp app({.key = {"key", "secret"}, .takes_client_events = true}, {}, channels, out,
                  {next, next}, {.publish = [](auto, auto&&, const Sender&) { return true; }});
  app.opens(1, now);
  app.says(1, "0", now);
  app.says(1, R"(2["subscribe","sync-a"])", now);
  app.says(1, R"(2["client-sync","sync-a",{"ann":1}])", now);
  channels.sync().tick(now, 20,
                       {.has_readers = [](const std::string&) { return true; },
                        .say = [](const std::string&, const std::string&) {}});
  EXPECT_EQ(channels.sync().whole("sync-a"), R"({"ann":1})");
  app.leaves(1, now);
  channels.sync().tick(now + 1s, 20,
                       {.has_readers = [](const std::string&) { return false; },
                        .say = [](const std::string&, const std::string&) {}});
  out.all.clear();
  app.opens(2, now + 1s);
  app.says(2, R"(0{"pid":"2"})", now + 1s);
  EXPECT_EQ(out.all,
            "0{\"sid\":\"1\",\"pid\":\"2\"}\n"
            R"(2["utakata:sync_all",{},{"channel":"sync-a"}])"
            "\n");
}

}  // namespace
}  // namespace utakata::realtime

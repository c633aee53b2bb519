#include "fleet/probe/door/door_probe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "fleet/probe/ask/loop_fixture.h"
#include "net/run_until.h"
#include "net/socket_end.h"

namespace utakata {
namespace {

struct Listening {
  net::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
  Listening() {
    const auto at = net::numeric_address("127.0.0.1", 0);
    EXPECT_EQ(::bind(socket.get(), at->get(), at->size), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    port = net::local_end(socket.get())->port;
  }
};

std::vector<Sight> looked(const ClusterSpec& spec, const std::vector<ProbeTarget>& targets) {
  net::Loop loop;
  net::HttpClient client(loop);
  DoorProbe probe(loop, client, spec);
  std::optional<std::vector<Sight>> told;
  probe.look(targets, 2s, [&](std::vector<Sight> sights) { told = std::move(sights); });
  EXPECT_TRUE(net::run_until(loop, [&] { return told.has_value(); }));
  return told.value_or(std::vector<Sight>(targets.size()));
}

ProbeTarget at(const std::string& host, std::uint16_t port) {
  return {.id = {"db-1"}, .handle = {}, .address = {host, port}};
}

TEST(DoorProbe, who_takes_a_connection_is_ready_and_nobody_is_counted) {
  const Listening one, another;
  std::uint16_t nobody = 0;
  {
    const Listening gone;
    nobody = gone.port;
  }
  const auto sights = looked({}, {at("127.0.0.1", one.port), at("127.0.0.1", nobody),
                                  at("127.0.0.1", another.port), at("db.example", 1)});
  ASSERT_EQ(sights.size(), 4u);
  for (const int i : {0, 2}) {
    EXPECT_TRUE(sights[i].answered && sights[i].ready) << sights[i].problem;
    ASSERT_TRUE(sights[i].count);
    EXPECT_EQ(sights[i].count->connections, 0);
    EXPECT_EQ(sights[i].metrics, std::vector<double>{0});
  }
  EXPECT_FALSE(sights[1].answered);
  EXPECT_EQ(sights[1].problem, "no connection: Connection refused");
  EXPECT_FALSE(sights[3].answered);
  EXPECT_EQ(sights[3].problem.substr(0, 20), "db.example is a name");
}

TEST(DoorProbe, where_a_path_is_named_a_listener_alone_is_not_enough) {
  const Listening mute;
  ClusterSpec spec;
  spec.ready.http = "/healthz";
  const auto sights = looked(spec, {at("127.0.0.1", mute.port)});
  ASSERT_EQ(sights.size(), 1u);
  EXPECT_FALSE(sights[0].answered);
  EXPECT_EQ(sights[0].problem.substr(0, 14), "GET /healthz: ");
}

}  // namespace
}  // namespace utakata

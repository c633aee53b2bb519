// The kernel's own count, asked of the real kernel.
#include "fleet/probe/sockets/sockets_probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/probe/ask/loop_fixture.h"

namespace utakata {
namespace {

using net::Descriptor;

// A program of its own in miniature: listens, accepts when told, forgets to close.
struct Program {
  Descriptor listener;
  std::uint16_t port = 0;
  std::vector<Descriptor> accepted;

  explicit Program(const char* host, std::uint16_t wanted = 0) {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&at);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&at);
    if (::inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(wanted);
    } else {
      at = {};
      ::inet_pton(AF_INET6, host, &v6->sin6_addr);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(wanted);
    }
    listener.reset(::socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int none = 0;
    if (at.ss_family == AF_INET6)
      ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof none);
    is_up = ::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size) == 0 &&
            ::listen(listener.get(), 64) == 0;
    if (is_up) port = net::local_end(listener.get())->port;
  }
  bool is_up = false;
  void accept() {
    accepted.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  std::uint64_t inode() const {
    struct stat told{};
    ::fstat(listener.get(), &told);
    return told.st_ino;
  }
};

Descriptor a_client(std::uint16_t port, const char* host = "127.0.0.1") {
  Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &to.sin_addr);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return client;
}

class SocketTableTest : public ::testing::Test {
 protected:
  std::optional<int> count(const Address& address) {
    const auto done = table_.refresh(Instant{Duration{++ticks_ * 1'000'000'000}});
    EXPECT_TRUE(done) << done.error().what;
    return table_.connections(address);
  }
  std::int64_t ticks_ = 0;
  SocketTable table_{{}};
};

TEST_F(SocketTableTest, accepted_connections_count_and_the_backlog_and_the_half_closed_do_not) {
  Program program("127.0.0.1");
  const Address address{"127.0.0.1", program.port};
  EXPECT_EQ(count(address), 0);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(a_client(program.port));
  EXPECT_EQ(count(address), 0) << "nobody has accepted them";
  for (int i = 0; i < 3; ++i) program.accept();
  EXPECT_EQ(count(address), 3);
  program.accept();
  program.accept();
  EXPECT_EQ(count(address), 5);
  clients.erase(clients.begin(), clients.begin() + 2);
  EXPECT_EQ(count(address), 3) << "two have gone, though the program has not closed its ends";
  program.accepted.clear();
  EXPECT_EQ(count(address), 0);
  program.listener.reset();
  EXPECT_EQ(count(address), std::nullopt) << "nobody listens: unknown, not zero";
}

TEST_F(SocketTableTest, a_listener_on_every_address_of_both_families_counts_its_ipv4_clients) {
  Program program("::");
  if (!program.is_up) GTEST_SKIP() << "this machine has no IPv6";
  const auto one = a_client(program.port), other = a_client(program.port, "127.0.0.2");
  program.accept();
  program.accept();
  for (const char* host : {"127.0.0.1", "game.example.org", "203.0.113.9", "::1"})
    EXPECT_EQ(count({host, program.port}), 2) << host;
}

TEST_F(SocketTableTest, two_programs_on_one_port_of_two_addresses_are_told_apart) {
  Program first("127.0.0.1"), second("127.0.0.2", first.port);
  ASSERT_TRUE(second.is_up);
  const auto one = a_client(first.port), two = a_client(first.port, "127.0.0.2"),
             three = a_client(first.port, "127.0.0.2");
  first.accept();
  second.accept();
  second.accept();
  EXPECT_EQ(count({"127.0.0.1", first.port}), 1);
  EXPECT_EQ(count({"127.0.0.2", first.port}), 2);
  EXPECT_EQ(count({"203.0.113.9", first.port}), 3)
      << "an address of a gateway: the port alone decides";
  const std::vector<std::uint64_t> both = table_.listeners({"127.0.0.1", first.port});
  EXPECT_EQ(both.size(), 2u);
  EXPECT_NE(std::ranges::find(both, first.inode()), both.end());
}

TEST_F(SocketTableTest, ports_out_of_range_are_left_out_by_the_kernel) {
  Program program("127.0.0.1");
  for (const auto& [first, last, found] :
       {std::tuple(program.port, program.port, true),
        std::tuple(std::uint16_t(program.port + 1), std::uint16_t(65535), false),
        std::tuple(std::uint16_t(1), std::uint16_t(program.port - 1), false),
        std::tuple(std::uint16_t(0), std::uint16_t(65535), true)}) {
    SocketTable table({}, first, last);
    ASSERT_TRUE(table.refresh(Instant{Duration{1}}));
    EXPECT_EQ(table.connections({"127.0.0.1", program.port}).has_value(), found)
        << first << "-" << last;
  }
}

TEST_F(SocketTableTest, one_dump_serves_a_tick_and_an_older_one_is_not_used_again) {
  Program program("127.0.0.1");
  const Address address{"127.0.0.1", program.port};
  const Instant noon{std::chrono::hours(12)};
  ASSERT_TRUE(table_.refresh(noon));
  const auto client = a_client(program.port);
  program.accept();
  ASSERT_TRUE(table_.refresh(noon + 49ms));
  EXPECT_EQ(table_.connections(address), 0);
  EXPECT_EQ(table_.at(), noon);
  ASSERT_TRUE(table_.refresh(noon + 50ms));
  EXPECT_EQ(table_.connections(address), 1);
  EXPECT_EQ(table_.at(), noon + 50ms);
}

TEST_F(SocketTableTest, thousands_of_sockets_come_whole) {
  Program program("127.0.0.1");
  std::vector<Descriptor> clients;
  for (int i = 0; i < 2000; ++i) {
    clients.push_back(a_client(program.port));
    program.accept();
  }
  EXPECT_EQ(count({"127.0.0.1", program.port}), 2000);
}

class SocketsProbeTest : public ::testing::Test, public LoopFixture {
 protected:
  SocketTable table_{[this] { return client.own_connections(); }};
  static ClusterSpec a_cluster() {
    ClusterSpec spec;
    spec.metrics = {"connections", "rooms"};
    return spec;
  }
};

TEST_F(SocketsProbeTest, counts_without_asking_the_instance_and_answers_later_than_the_call) {
  Program program("127.0.0.1");
  const auto client = a_client(program.port);
  program.accept();
  SocketsProbe probe(loop, this->client, table_, a_cluster());
  std::uint16_t nobody = 0;
  {
    nobody = Program("127.0.0.1").port;
  }
  const auto sights = look(probe, {target(program.port), target(nobody)});
  EXPECT_EQ(calls_inside_look, 0);
  ASSERT_EQ(sights.size(), 2u);
  EXPECT_TRUE(sights[0].answered);
  EXPECT_TRUE(sights[0].ready);
  EXPECT_EQ(sights[0].count->connections, 1);
  EXPECT_EQ(sights[0].metrics.at(0), 1);
  EXPECT_TRUE(std::isnan(sights[0].metrics.at(1)));
  EXPECT_FALSE(sights[1].answered);
  EXPECT_FALSE(sights[1].count);
  EXPECT_EQ(sights[1].problem, "nobody listens on port " + std::to_string(nobody));
}

TEST_F(SocketsProbeTest, our_own_connections_are_no_clients) {
  auto instance = serve("fine");
  auto spec = a_cluster();
  spec.ready.http = "/healthz";
  SocketsProbe probe(loop, client, table_, spec);
  ASSERT_TRUE(look(probe, {target(instance->port)}).at(0).answered);
  SocketTable naive({});
  ASSERT_TRUE(naive.refresh(loop.now()));
  EXPECT_EQ(naive.connections({"127.0.0.1", instance->port}), 1);
  ASSERT_TRUE(table_.refresh(loop.now(), Duration{0}));
  EXPECT_EQ(table_.connections({"127.0.0.1", instance->port}), 0);
}

TEST_F(SocketsProbeTest, a_starting_instance_is_ready_only_when_the_listener_is_its_own) {
  Program program("127.0.0.1");
  for (const bool is_own : {true, false}) {
    const net::SystemClock clock;
    const auto check = make_listener_check(
        clock, table_, [&](const std::string& handle, const std::vector<std::uint64_t>& inodes) {
          EXPECT_EQ(handle, "pid 1");
          EXPECT_EQ(inodes, std::vector<std::uint64_t>{program.inode()});
          return is_own;
        });
    SocketsProbe probe(loop, client, table_, a_cluster(), check);
    const auto sight = look(probe, {target(program.port, true)}).at(0);
    EXPECT_EQ(sight.ready, is_own);
    EXPECT_EQ(sight.answered, is_own);
    EXPECT_EQ(sight.count.has_value(), is_own) << "a stranger's clients are not the instance's";
    EXPECT_EQ(sight.problem.empty(), is_own);
  }
}

TEST_F(SocketsProbeTest,
       a_frozen_program_is_a_miss_where_readiness_has_a_path_and_its_count_is_still_known) {
  Program program("127.0.0.1");  // never answers, as a frozen one
  const auto one = a_client(program.port);
  program.accept();
  auto spec = a_cluster();
  spec.ready.http = "/healthz";
  SocketsProbe probe(loop, client, table_, spec);
  const auto sight = look(probe, {target(program.port)}, 100ms).at(0);
  EXPECT_FALSE(sight.answered);
  EXPECT_EQ(sight.problem, "GET /healthz: no answer within 100ms");
  ASSERT_TRUE(sight.count);
  EXPECT_EQ(sight.count->connections, 1);
}

// Without a path to ask: clients are seen to wait, and the program is knocked at.
TEST_F(SocketsProbeTest, a_program_that_leaves_clients_waiting_is_a_miss_until_it_accepts_again) {
  Program program("127.0.0.1");
  SocketsProbe probe(loop, client, table_, a_cluster());
  const auto answered = [&](Duration deadline) {
    EXPECT_TRUE(table_.refresh(loop.now(), Duration{0}));  // the last look's dump is too young
    const Sight sight = look(probe, {target(program.port)}, deadline).at(0);
    EXPECT_TRUE(sight.count) << "the kernel counts for a frozen one too";
    EXPECT_EQ(sight.problem.empty(), sight.answered);
    if (!sight.answered) {
      EXPECT_EQ(sight.problem,
                "clients wait, and it accepts no connection within " + to_text(deadline));
    }
    return sight.answered;
  };
  const auto one = a_client(program.port);
  program.accept();
  EXPECT_TRUE(answered(200ms)) << "nobody wants anything of it";
  ASSERT_EQ(::send(one.get(), "move", 4, MSG_NOSIGNAL), 4);
  EXPECT_FALSE(answered(200ms)) << "the move lies there unread, and our knock is not heard";
  EXPECT_FALSE(answered(1h)) << "the same knock: it has had its time";
  program.accept();  // the knock
  EXPECT_TRUE(answered(200ms));
  EXPECT_FALSE(answered(200ms)) << "unread still: a new knock";
  loop.watch(program.listener.get(), 1 /* EPOLLIN */, [&](std::uint32_t) { program.accept(); });
  EXPECT_TRUE(answered(1h)) << "slow to read, but alive";
  EXPECT_TRUE(answered(1h)) << "and so at a fresh knock";
  loop.unwatch(program.listener.get());

  char move[4];
  ASSERT_EQ(::recv(program.accepted[0].get(), move, sizeof move, 0), 4);
  const auto newcomer = a_client(program.port);
  EXPECT_FALSE(answered(200ms)) << "a newcomer waits to be accepted";
}

TEST_F(SocketsProbeTest, a_knock_is_no_client_and_nobody_is_knocked_at_for_nothing) {
  Program program("127.0.0.1");
  SocketsProbe probe(loop, client, table_, a_cluster());
  const auto waiting = a_client(program.port);
  ASSERT_FALSE(look(probe, {target(program.port)}, 50ms).at(0).answered);
  program.accept();
  program.accept();  // the client, and our knock
  for (int k = 0; k < 2; ++k) {
    ASSERT_TRUE(table_.refresh(loop.now(), Duration{0}));
    EXPECT_EQ(look(probe, {target(program.port)}, 50ms).at(0).count->connections, 1);
  }
  program.accept();
  EXPECT_FALSE(program.accepted.back()) << "well again, so nobody knocks";
}

}  // namespace
}  // namespace utakata

// Asked of the real kernel: a child in a network namespace of its own, as a container has one.
#include "fleet/probe/sockets/namespaces.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>

#include "fleet/probe/ask/loop_fixture.h"
#include "fleet/probe/sockets/sockets_probe.h"

namespace utakata {
namespace {

constexpr std::uint16_t port = 24999;

int listener_within() {
  const int one = ::socket(AF_INET, SOCK_STREAM, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  ::ioctl(one, SIOCSIFFLAGS, &loopback);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  ::bind(one, reinterpret_cast<sockaddr*>(&any), sizeof any);
  ::listen(one, 16);
  return one;
}

int client_within() {
  const int one = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(one, reinterpret_cast<sockaddr*>(&to), sizeof to);
  return one;
}

// Listens in a namespace of its own, has so many clients there, and accepts some of them.
class Elsewhere {
 public:
  Elsewhere(int clients, int accepted) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool is_elsewhere = unshare(CLONE_NEWNET) == 0;
      if (is_elsewhere) {
        const int listener = listener_within();
        for (int i = 0; i < clients; ++i) client_within();
        for (int i = 0; i < accepted; ++i) ::accept(listener, nullptr, nullptr);
      }
      (void)!write(ends[1], is_elsewhere ? "+" : "-", 1);
      for (;;) pause();
    }
    char said = '-';
    (void)!read(ends[0], &said, 1);
    is_there = said == '+';
    close(ends[0]);
    close(ends[1]);
  }
  ~Elsewhere() { end(); }
  void end() {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(std::exchange(pid, 0), nullptr, 0);
  }
  pid_t pid = 0;
  bool is_there = false;
};

#define NEEDS(elsewhere) \
  if (!(elsewhere).is_there) GTEST_SKIP() << "only root may make network namespaces here"

SocketTable table_of(NamespaceSockets& sockets) {
  return SocketTable({}, 20000, 29999,
                     [&](std::uint16_t first, std::uint16_t last, const auto& each) {
                       return sockets.dump(first, last, each);
                     });
}

TEST(Namespaces, clients_of_another_namespace_count_as_they_would_here) {
  const Elsewhere one(5, 3);
  NEEDS(one);
  NamespaceSockets sockets([&] { return std::vector{one.pid}; });
  auto table = table_of(sockets);
  ASSERT_TRUE(table.refresh(Instant{1s}));
  EXPECT_EQ(table.connections({"172.17.0.2", port}), 3);
  EXPECT_TRUE(table.is_waited_for({"172.17.0.2", port})) << "two are in the backlog";
  SocketTable ours({});
  ASSERT_TRUE(ours.refresh(Instant{1s}));
  EXPECT_EQ(ours.connections({"127.0.0.1", port}), std::nullopt) << "nothing of it is seen here";
}

TEST(Namespaces, who_has_ended_is_unknown_and_the_others_are_counted) {
  Elsewhere one(1, 1);
  const Elsewhere two(2, 2);
  NEEDS(two);
  std::vector<pid_t> pids = {one.pid, two.pid, 0};
  NamespaceSockets sockets([&] { return pids; });
  auto table = table_of(sockets);
  ASSERT_TRUE(table.refresh(Instant{1s}));
  EXPECT_EQ(table.connections({"x", port}), 3) << "same port, two namespaces: both";
  one.end();
  pids = {two.pid};
  ASSERT_TRUE(table.refresh(Instant{2s}));
  EXPECT_EQ(table.connections({"x", port}), 2);
  pids = {};
  ASSERT_TRUE(table.refresh(Instant{3s}));
  EXPECT_EQ(table.connections({"x", port}), std::nullopt);
}

TEST(Namespaces, only_root_may_and_the_sentence_says_so) {
  const Elsewhere one(0, 0);
  NEEDS(one);
  ASSERT_EQ(seteuid(65534), 0);
  const auto refused = sock_diag_within(one.pid);
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Problem::Kind::refused);
  EXPECT_EQ(sock_diag_within(-1).error().kind, Problem::Kind::not_found);
}

class ReachedAt : public testing::Test, public LoopFixture {};

TEST_F(ReachedAt, an_instance_is_asked_where_it_is_reached_and_a_miss_where_that_is_unknown) {
  auto instance = serve("fine");
  SocketTable table{[this] { return client.own_connections(); }};
  ClusterSpec spec;
  spec.ready.http = "/healthz";
  std::optional<std::string> host = "127.0.0.1";
  SocketsProbe probe(loop, client, table, spec, {}, [&](std::string_view handle) {
    EXPECT_EQ(handle, "pid 1");
    return host;
  });
  auto there = target(instance->port);
  there.address.host = "nowhere.invalid";
  EXPECT_TRUE(look(probe, {there}).at(0).answered);
  EXPECT_EQ(instance->asked["/healthz"], 1);
  host.reset();
  const auto sight = look(probe, {there}).at(0);
  EXPECT_FALSE(sight.answered);
  EXPECT_FALSE(sight.count);
  EXPECT_EQ(sight.problem, "its container's network is not known yet");
}

}  // namespace
}  // namespace utakata

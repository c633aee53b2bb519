// Real processes of this host, which the provider did not start.
#include "fleet/provider/process/foreign.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fleet/provider/process/proc.h"
#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

// A child that listens and sleeps; with `deep` its own child is the one that does.
struct Stranger {
  explicit Stranger(int listeners, bool deep = false, bool deaf = false) {
    std::vector<int> sockets;
    for (int i = 0; i < listeners; ++i) {
      sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
      socklen_t size = sizeof at;
      sockets.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      bind(sockets.back(), reinterpret_cast<sockaddr*>(&at), size);
      listen(sockets.back(), 1);
      getsockname(sockets.back(), reinterpret_cast<sockaddr*>(&at), &size);
      ports.push_back(ntohs(at.sin_port));
    }
    pid = fork();
    if (pid == 0) {
      if (deaf) signal(SIGTERM, SIG_IGN);
      if (deep && fork() > 0) {
        for (const int one : sockets) close(one);
      }
      for (;;) pause();
    }
    for (const int one : sockets) close(one);
  }
  ~Stranger() {
    for (const pid_t one : descendants_of(pid)) kill(one, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  pid_t pid = 0;
  std::vector<std::uint16_t> ports;
};

std::string said_of(pid_t pid, std::uint16_t port = 0) {
  const auto found = look_at_foreign(pid, port);
  return found ? "" : found.error().what;
}

TEST(Foreign, the_port_is_the_one_that_it_or_its_child_listens_on) {
  const Stranger plain(1), deep(1, true), two(2);
  for (const Stranger* one : {&plain, &deep}) {
    auto found = look_at_foreign(one->pid, 0);
    for (int tries = 0; !found && tries < 1000; ++tries) {  // its own child is not there yet
      usleep(1000);
      found = look_at_foreign(one->pid, 0);
    }
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(found->port, one->ports[0]);
    EXPECT_TRUE(is_running(found->handle));
  }
  EXPECT_NE(said_of(two.pid).find("name one of them by --port"), std::string::npos);
  EXPECT_EQ(look_at_foreign(two.pid, two.ports[1])->port, two.ports[1]);
  EXPECT_NE(said_of(plain.pid, 1).find("listens on"), std::string::npos);
}

TEST(Foreign, who_is_not_for_us_is_refused_in_a_sentence) {
  const Stranger silent(0);
  EXPECT_NE(said_of(silent.pid).find("listens on no port"), std::string::npos);
  EXPECT_NE(said_of(0).find("cannot be adopted"), std::string::npos);
  EXPECT_NE(said_of(1).find("cannot be adopted"), std::string::npos);
  EXPECT_NE(said_of(getpid()).find("is this controller itself"), std::string::npos);
  EXPECT_NE(said_of(getppid()).find("has started it"), std::string::npos);
  EXPECT_NE(said_of(1 << 22).find("there is no process"), std::string::npos);
}

// Adopted, it is stopped with all that it started, in whatever group; deaf ones by the grace.
TEST(Foreign, an_adopted_one_is_stopped_with_its_descendants) {
  for (const bool is_deaf : {false, true}) {
    ProcessWorld world;
    const Stranger stranger(1, true, is_deaf);
    std::vector<Foreign> found;
    EXPECT_TRUE(world.until([&] {
      world.provider->find_foreign({.pid = stranger.pid},
                                   [&](auto answer) { found = answer.value_or(found); });
      return !found.empty();
    }));
    if (found.empty()) continue;
    world.ids.push_back({"game-7"});
    world.provider->adopt({"game-7"}, found[0].handle, found[0].address);
    const auto tree = descendants_of(stranger.pid);
    EXPECT_EQ(tree.size(), 2u);
    world.start();  // a later life has it by its record
    world.provider->adopt({"game-7"}, found[0].handle, found[0].address);
    world.provider->find_foreign({.pid = stranger.pid}, [&](const auto& answer) {
      EXPECT_NE(answer.error().what.find("is of game-7 already"), std::string::npos);
    });
    EXPECT_TRUE(world.provider->stop({"game-7"}, is_deaf ? 50ms : Duration{20s}));
    world.wait(ProviderNews::Kind::gone, "game-7");
    EXPECT_TRUE(world.until([&] {
      const auto stat = read_stat(tree.back());
      return !stat || !is_alive(*stat);
    }));
  }
}

}  // namespace
}  // namespace utakata

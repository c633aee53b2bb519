#include "cli/proof.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace utakata {

TEST(Proof, a_process_with_the_mark_is_found_until_it_is_dead) {
  const std::string mark = "proof-test-" + std::to_string(getpid());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    const std::string fleet = "UTAKATA_FLEET=" + mark;
    const char* environment[] = {"A=b", fleet.c_str(), "UTAKATA_INSTANCE=web-1", nullptr};
    // Says that it runs, then waits.
    execle("/bin/sh", "sh", "-c", "echo up; exec /bin/sleep 1000", nullptr, environment);
    _exit(127);
  }
  close(ends[1]);
  char said[2];
  ASSERT_GT(read(ends[0], said, 2), 0);
  EXPECT_EQ(processes_of({mark}), (std::vector<LeftProcess>{{child, "web-1"}}));
  EXPECT_EQ(fleet_of(child), mark);
  EXPECT_TRUE(processes_of({mark + "0"}).empty());
  kill(child, SIGKILL);
  siginfo_t info{};
  waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT);
  EXPECT_TRUE(processes_of({mark}).empty()) << "dead, not yet waited for";
  waitpid(child, nullptr, 0);
  close(ends[0]);
}

// CI saw a process that was not found: it was just starting another program.
TEST(Proof, a_process_is_found_while_it_starts_another_program) {
  const std::string mark = "proof-test-" + std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    const std::string fleet = "UTAKATA_FLEET=" + mark;
    const char* environment[] = {fleet.c_str(), nullptr};
    const std::string again = "exec /bin/sh -c \"$0\" \"$0\"";
    execle("/bin/sh", "sh", "-c", again.c_str(), again.c_str(), nullptr, environment);
    _exit(127);
  }
  while (fleet_of(child) != mark) std::this_thread::yield();
  int missed = 0;
  for (int look = 0; look < 3000; ++look) missed += fleet_of(child) != mark;
  EXPECT_EQ(missed, 0);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(Proof, a_listener_is_found_until_it_is_closed) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const std::uint16_t port = ntohs(address.sin_port);
  EXPECT_EQ(listening({port}), std::set<std::uint16_t>{port});
  close(listener);
  EXPECT_TRUE(listening({port}).empty());
}

TEST(Proof, only_listeners_count_in_the_kernels_table) {
  EXPECT_EQ(listening_in("  sl  local_address rem_address   st\n"
                         "   0: 0100007F:1F90 00000000:0000 0A 00000000\n"
                         "   1: 0100007F:1F91 0100007F:9999 01 00000000\n"
                         "   2: 00000000000000000000000000000000:0050 0:0 0A\n"
                         "nonsense\n\n"),
            (std::set<std::uint16_t>{80, 8080}));
}

}  // namespace utakata

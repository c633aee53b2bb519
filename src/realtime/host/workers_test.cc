// A parent with true worker processes: this program again, with --worker.
#include "realtime/host/workers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "net/run_until.h"
#include "realtime/host/host_bus.h"
#include "realtime/host/link.h"
#include "realtime/host/process.h"
#include "realtime/host/switchboard.h"

namespace utakata::realtime {
namespace {

constexpr const char* us = "/proc/self/exe";

// What a worker does for an order: "WORDS" for all, "INDEX WORDS" for one.
class WorkerProgram {
 public:
  // Stubborn: it ends neither by SIGTERM nor because its parent is gone.
  WorkerProgram(std::size_t index, int link, bool is_stubborn)
      : index_(index),
        is_stubborn_(is_stubborn),
        bus_(loop_, net::Descriptor{link},
             {.parent_gone =
                  [this] {
                    if (!is_stubborn_) loop_.stop();
                  },
              .handed_over =
                  [this](std::string_view bytes, net::Descriptor descriptor) {
                    const auto text = fmt::format("{} heard by {}", bytes, index_);
                    (void)!write(descriptor.get(), text.data(), text.size());
                  },
              .ordered = [this](std::string_view text,
                                HostBus::Answer answer) { ordered(std::string(text), answer); }}) {}
  int run() {
    loop_.on_signal(SIGTERM, [this] {
      if (!is_stubborn_) loop_.stop();
    });
    loop_.on_signal(SIGHUP, [this] { ++hang_ups_; });
    bus_.join({.heard =
                   [this](const BusWord& word) {
                     heard_ += fmt::format("{}:{} ", word.position.offset, word.body);
                   },
               .reaches = [](bool) {}});
    loop_.run();
    return 0;
  }

 private:
  void ordered(const std::string& text, const HostBus::Answer& answer) {
    std::istringstream words(text);
    std::string verb;
    std::size_t whom = index_;
    words >> verb >> whom;
    if (whom != index_) return answer("not me");
    if (verb == "publish") bus_.publish("t", "room", fmt::format("{}", index_), BusKeeps{});
    if (verb == "heard") return answer(heard_);
    if (verb == "hang_ups") return answer(std::to_string(hang_ups_));
    if (verb == "lose_link") {
      ::shutdown(link_in_child, SHUT_RDWR);
      while (true) pause();
    }
    if (verb == "give") return give(words, answer);
    if (verb == "ask")
      return bus_.ask("who?", [answer](auto said) { answer(said.value_or("none")); });
    answer("done");
  }
  void give(std::istream& words, const HostBus::Answer& answer) {
    std::size_t to = 0;
    words >> to;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return answer("no pipe");
    pipe_.reset(ends[0]);
    bus_.hand_over(to, "hello", net::Descriptor{ends[1]});
    loop_.watch(ends[0], EPOLLIN, [this, answer](std::uint32_t) {
      char said[100];
      const auto count = read(pipe_.get(), said, sizeof said);
      loop_.unwatch(pipe_.get());
      answer({said, std::size_t(std::max<ssize_t>(count, 0))});
    });
  }

  const std::size_t index_;
  const bool is_stubborn_;
  net::Loop loop_;
  net::Descriptor pipe_;
  std::string heard_;
  int hang_ups_ = 0;
  HostBus bus_;
};

std::vector<std::string> worker_argv(std::size_t index, int link) {
  return {us, "--worker", std::to_string(index), std::to_string(link)};
}
std::vector<std::string> stubborn_argv(std::size_t index, int link) {
  return {us, "--stubborn", std::to_string(index), std::to_string(link)};
}

std::uint64_t epochs = 0;

// The parent, wired as the server's is to be.
class Parent {
 public:
  explicit Parent(WorkersSpec spec, SwitchboardLimits limits = {})
      : board_(
            loop, [] { return std::to_string(++epochs); },
            {.asked = [](std::size_t worker, std::string_view,
                         Switchboard::Answer answer) { answer(fmt::format("you are {}", worker)); },
             .gave_up = [this](std::size_t worker, const std::string&,
                               Duration grace) { workers.kill(worker, grace); }},
            limits),
        workers(loop, std::move(spec),
                {.joined =
                     [this](std::size_t index, net::Descriptor link) {
                       ++joined[index];
                       board_.connect(index, std::move(link));
                     },
                 .died = [this](std::size_t index,
                                const std::string& how) { died[index].push_back(how); }}) {}

  bool until(const std::function<bool()>& holds) { return net::run_until(loop, holds); }
  Switchboard::Answers order(std::string_view text) {
    std::optional<Switchboard::Answers> answers;
    board_.order(text, [&](auto all) {
      answers = std::move(all);
      loop.stop();
    });
    while (!answers) loop.run();
    return *answers;
  }
  // Every worker has answered, so it lives and listens.
  bool all_answer(std::size_t count) {
    return until([&] { return board_.workers() == count; }) && order("there?").size() == count;
  }
  void tell(std::string_view text) { board_.order(text); }
  bool stop() {
    bool is_gone = false;
    workers.stop(20s, [&] { is_gone = true; });
    return !is_gone && until([&] { return is_gone; });
  }

  net::Loop loop;
  std::map<std::size_t, int> joined;
  std::map<std::size_t, std::vector<std::string>> died;

 private:
  Switchboard board_;

 public:
  Workers workers;
};

std::size_t words_in(const std::string& text) { return std::size_t(std::ranges::count(text, ' ')); }

TEST(Workers, three_of_them_speak_then_all_hear_all_in_one_order) {
  Parent parent({.count = 3, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(3));
  for (int i = 0; i < 4; ++i) parent.order("publish");
  Switchboard::Answers heard;
  for (int tries = 0; tries < 1'000; ++tries) {
    heard = parent.order("heard");
    if (heard.size() == 3 && words_in(heard[0]) == 12 && heard[0] == heard[1] &&
        heard[1] == heard[2])
      break;
  }
  EXPECT_EQ(words_in(heard[0]), 12u) << heard[0];
  EXPECT_EQ(heard[0], heard[1]);
  EXPECT_EQ(heard[1], heard[2]);
  EXPECT_TRUE(parent.stop());
  EXPECT_EQ(parent.died[0], std::vector<std::string>{"exit code 0"});
  EXPECT_EQ(parent.workers.pids(), (std::vector<int>{0, 0, 0}));
}

TEST(Workers, one_is_killed_then_it_is_started_again_and_told_what_is_kept) {
  Parent parent({.count = 2, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(2));
  for (int i = 0; i < 3; ++i) parent.order("publish 0");
  ::kill(parent.workers.pids()[1], SIGKILL);
  ASSERT_TRUE(parent.until([&] { return parent.joined[1] == 2; }));
  EXPECT_EQ(parent.died[1], std::vector<std::string>{"killed by signal 9 (SIGKILL)"});
  EXPECT_TRUE(parent.all_answer(2));
  EXPECT_EQ(parent.order("heard")[1], "1:0 2:0 3:0 ");
  EXPECT_EQ(parent.joined[0], 1);
}

TEST(Workers, a_connection_is_handed_over_then_the_other_process_speaks_on_it) {
  Parent parent({.count = 3, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(3));
  EXPECT_EQ(parent.order("give 0 2")[0], "hello heard by 2");
  EXPECT_EQ(parent.order("give 1 1")[1], "hello heard by 1");
  EXPECT_EQ(parent.order("give 0 9")[0], "") << "nobody: it is closed";
  EXPECT_EQ(parent.order("ask 2")[2], "you are 2");
}

TEST(Workers, one_stands_still_then_the_order_is_answered_by_the_others_and_it_can_be_stopped) {
  Parent parent({.count = 3, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(3));
  ::kill(parent.workers.pids()[1], SIGSTOP);
  const auto answers = parent.order("hello");
  EXPECT_EQ(answers, (Switchboard::Answers{{0, "done"}, {2, "done"}}));
  EXPECT_TRUE(parent.stop());
  EXPECT_EQ(parent.died[1], std::vector<std::string>{"exit code 0"});
}

TEST(Workers, one_does_not_read_then_it_is_killed_and_started_again) {
  Parent parent({.count = 2, .argv = worker_argv}, {.link = {.waiting_bytes = 200'000}});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(2));
  ::kill(parent.workers.pids()[1], SIGSTOP);
  const std::string large = "x " + std::string(150'000, 'x');
  const auto timer = parent.loop.every(1ms, [&] { parent.tell(large); });
  EXPECT_TRUE(parent.until([&] { return parent.joined[1] > 1; }));
  parent.loop.cancel(timer);
  EXPECT_EQ(parent.died[1].at(0), "killed by signal 9 (SIGKILL)");
}

TEST(Workers, one_closes_its_link_but_lives_on_then_it_is_killed_after_the_grace) {
  Parent parent({.count = 1, .argv = worker_argv}, {.end_within = 50ms});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(1));
  parent.tell("lose_link");
  EXPECT_TRUE(parent.until([&] { return parent.joined[0] > 1; }));
  EXPECT_EQ(parent.died[0].at(0), "killed by signal 9 (SIGKILL)");
}

TEST(Workers, a_signal_is_forwarded_to_all) {
  Parent parent({.count = 2, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.all_answer(2));
  parent.workers.signal(SIGHUP);
  Switchboard::Answers counts;
  for (int tries = 0; tries < 1'000 && counts != Switchboard::Answers{{0, "1"}, {1, "1"}}; ++tries)
    counts = parent.order("hang_ups");
  EXPECT_EQ(counts, (Switchboard::Answers{{0, "1"}, {1, "1"}}));
}

TEST(Workers, one_that_cannot_live_is_started_again_and_again_the_others_are_left_alone) {
  Parent parent({.count = 3,
                 .argv =
                     [](std::size_t index, int link) {
                       if (index == 1) return std::vector<std::string>{us, "--fails"};
                       if (index == 2) return std::vector<std::string>{"/nowhere/at/all"};
                       return worker_argv(index, link);
                     },
                 .restart_first = 1ms,
                 .restart_most = 4ms});
  ASSERT_TRUE(parent.workers.start());
  EXPECT_TRUE(parent.until([&] { return parent.died[1].size() > 4 && parent.died[2].size() > 4; }));
  EXPECT_EQ(parent.died[1].at(3), "exit code 3");
  EXPECT_EQ(parent.died[2].at(3), "exit code 127");
  EXPECT_TRUE(parent.died[0].empty());
  EXPECT_TRUE(parent.stop());
}

TEST(Workers, pauses_double_to_the_bound_and_a_long_life_begins_them_anew) {
  const WorkersSpec spec{.restart_first = 100ms, .restart_most = 5s, .good_after = 10s};
  std::vector<std::int64_t> pauses;
  Duration last{};
  for (int i = 0; i < 8; ++i) pauses.push_back(to_ms(last = restart_pause(spec, last, 9s)));
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  EXPECT_EQ(restart_pause(spec, last, 10s), 100ms);
}

TEST(Workers, one_that_does_not_heed_sigterm_is_killed_after_the_grace) {
  Parent parent({.count = 1, .argv = stubborn_argv});
  ASSERT_TRUE(parent.workers.start());
  ASSERT_TRUE(parent.until([&] { return parent.joined[0] == 1; }));
  ASSERT_TRUE(parent.all_answer(1));
  bool is_gone = false;
  parent.workers.stop(1ms, [&] { is_gone = true; });
  EXPECT_TRUE(parent.until([&] { return is_gone; }));
  EXPECT_EQ(parent.died[0], std::vector<std::string>{"killed by signal 9 (SIGKILL)"});
}

TEST(Workers, what_the_parent_has_open_is_not_theirs) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);  // not closed on exec
  const net::Descriptor reader{ends[0]};
  net::Descriptor writer{ends[1]};
  Parent parent({.count = 2, .argv = worker_argv});
  ASSERT_TRUE(parent.workers.start());
  EXPECT_TRUE(parent.all_answer(2));
  writer.reset();
  char none = 0;
  pollfd watched{reader.get(), POLLIN, 0};
  EXPECT_EQ(poll(&watched, 1, 10'000), 1);
  EXPECT_EQ(watched.revents & POLLIN ? read(reader.get(), &none, 1) : 0, 0);
}

bool is_dead_within_20_s(int pidfd) {
  pollfd watched{pidfd, POLLIN, 0};
  return poll(&watched, 1, 20'000) == 1;
}

TEST(Workers, the_parent_is_killed_then_no_worker_outlives_it) {
  auto ends = make_link_ends();
  ASSERT_TRUE(ends);
  auto parent = start_process({us, "--parent"}, ends->second);
  ASSERT_TRUE(parent);
  ends->second.reset();
  char said[100] = {};
  EXPECT_GT(recv(ends->first.get(), said, sizeof said - 1, 0), 0);
  std::istringstream words(said);
  std::vector<net::Descriptor> pidfds;
  for (int pid = 0; words >> pid;) pidfds.emplace_back(int(syscall(SYS_pidfd_open, pid, 0)));
  EXPECT_EQ(pidfds.size(), 3u) << said;
  send_signal(*parent, SIGKILL);
  EXPECT_EQ(reap(*parent), "killed by signal 9 (SIGKILL)");
  for (const auto& pidfd : pidfds) {
    EXPECT_TRUE(pidfd && is_dead_within_20_s(pidfd.get()));
    syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);  // if it is not as it should
  }
}

int run_parent() {
  Parent parent({.count = 3, .argv = [](std::size_t index, int link) {
                   return index == 0 ? worker_argv(index, link) : stubborn_argv(index, link);
                 }});
  if (!parent.workers.start() || !parent.all_answer(3)) return 1;
  std::string text;
  for (const int pid : parent.workers.pids()) text += fmt::format("{} ", pid);
  if (send(link_in_child, text.data(), text.size(), MSG_NOSIGNAL) < 0) return 1;
  parent.loop.run();
  return 0;
}

int run_worker(char** argv) {
  const bool is_stubborn = argv[1] == std::string_view("--stubborn");
  return WorkerProgram(std::stoul(argv[2]), std::stoi(argv[3]), is_stubborn).run();
}

}  // namespace
}  // namespace utakata::realtime

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--worker" || mode == "--stubborn") return utakata::realtime::run_worker(argv);
  if (mode == "--fails") return 3;
  if (mode == "--parent") return utakata::realtime::run_parent();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

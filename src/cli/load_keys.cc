#include "cli/load_keys.h"

#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace utakata {
namespace {

// What a signal handler can reach.
termios terminal_before;
volatile std::sig_atomic_t is_terminal_ours = 0;

void give_terminal_back() {
  if (is_terminal_ours) tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
  is_terminal_ours = 0;
}

void die_in_order(int number) {
  give_terminal_back();
  std::signal(number, SIG_DFL);
  raise(number);
}

// Arrows and the like come as a few letters behind an escape: they are no keys of ours.
std::string_view without_sequence(std::string_view keys) {
  keys.remove_prefix(1);
  if (keys.empty() || (keys[0] != '[' && keys[0] != 'O')) return keys;
  const auto end =
      std::ranges::find_if(keys.substr(1), [](char c) { return c >= '@' && c <= '~'; });
  const auto taken = std::size_t(end - keys.begin()) + 1;
  return keys.substr(std::min(taken, keys.size()));
}

}  // namespace

LoadKeys::LoadKeys(net::Loop& loop, std::function<void(char)> pressed)
    : loop_(loop), pressed_(std::move(pressed)) {
  if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp()) return;
  if (tcgetattr(STDIN_FILENO, &terminal_before) != 0) return;
  is_heard_ = true;
  std::atexit(give_terminal_back);
  for (const int number : {SIGABRT, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(number, die_in_order);
  take_terminal();
  loop_.watch(STDIN_FILENO, EPOLLIN, [this](std::uint32_t) { read(); });
  // After Ctrl-Z and `fg`, or `bg`, whose terminal it is then.
  loop_.on_signal(SIGCONT, [this] {
    if (is_heard_ && tcgetpgrp(STDIN_FILENO) == getpgrp()) take_terminal();
  });
}

LoadKeys::~LoadKeys() {
  if (is_heard_) loop_.unwatch(STDIN_FILENO);
  give_terminal_back();
}

// Letters come one by one and are not shown, and Ctrl-S does not stop us.
void LoadKeys::take_terminal() {
  termios ours = terminal_before;
  ours.c_lflag &= ~tcflag_t(ICANON | ECHO);
  ours.c_iflag &= ~tcflag_t(IXON);
  ours.c_cc[VMIN] = 1;
  ours.c_cc[VTIME] = 0;
  is_terminal_ours = 1;
  tcsetattr(STDIN_FILENO, TCSANOW, &ours);
}

void LoadKeys::read() {
  std::array<char, 256> keys;
  const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (got <= 0) {  // the terminal is gone
    is_heard_ = false;
    return loop_.unwatch(STDIN_FILENO);
  }
  std::string_view left(keys.data(), std::size_t(got));
  while (!left.empty()) {
    if (left[0] == '\033') {
      left = without_sequence(left);
      continue;
    }
    pressed_(left[0]);
    left.remove_prefix(1);
  }
}

}  // namespace utakata

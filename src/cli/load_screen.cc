#include "cli/load_screen.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "cli/table.h"
#include "load/report/text_cells.h"
#include "load/view/view.h"

namespace utakata {
namespace {

constexpr std::uint64_t kLinesASecond = 200;  // more than can be read
constexpr std::size_t kLineBytes = 4000;      // a pipe that is ready takes 4096 at once
constexpr Duration kTellEvery = 5s;

bool takes_more(std::FILE* stream) {
  pollfd one{.fd = fileno(stream), .events = POLLOUT, .revents = 0};
  return poll(&one, 1, 0) == 1 && (one.revents & POLLOUT) != 0;
}

void write_to(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

bool is_our_terminal(std::FILE* stream) {
  const char* const kind = std::getenv("TERM");
  return isatty(fileno(stream)) && kind && *kind && std::string_view(kind) != "dumb";
}

load::ViewSize size_of_terminal() {
  load::ViewSize size{.has_colour = style_of(stderr).has_colour};
  winsize asked{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &asked) == 0 && asked.ws_col > 0 && asked.ws_row > 0) {
    size.columns = asked.ws_col;
    size.rows = asked.ws_row;
  }
  if (size.columns > 1) --size.columns;  // some terminals go to the next line after the last letter
  return size;
}

}  // namespace

LoadScreen::LoadScreen(std::FILE* lines, bool is_quiet)
    : lines_(lines),
      is_quiet_(is_quiet),
      is_live_(!is_quiet && is_our_terminal(stderr)),
      are_lines_seen_(isatty(fileno(lines))) {}

// Up to where it began, which is further if the terminal has become narrower, and all below goes.
std::string LoadScreen::erased() {
  if (!std::exchange(is_drawn_, false) || rows_.empty()) return {};
  const std::size_t columns = size_of_terminal().columns + 1;
  std::size_t height = 0;
  for (const Row& row : rows_)
    height += std::max<std::size_t>(1, (row.columns + columns - 1) / columns);
  return fmt::format("\033[{}A\r\033[J", height);
}

std::string LoadScreen::drawn() {
  is_drawn_ = true;
  std::string text;
  for (const Row& row : rows_) text += row.text + "\n";
  return text;
}

void LoadScreen::clear() {
  flush();
  if (is_live_) write_to(stderr, erased());
  rows_.clear();
}

void LoadScreen::line(std::string_view text, Instant now) {
  if (now - second_ >= 1s) {
    second_ = now;
    in_second_ = 0;
  }
  if (in_second_ >= kLinesASecond || !takes_more(lines_)) return void(++unshown_);
  ++in_second_;
  std::string shown(text.substr(0, kLineBytes));
  if (are_lines_seen_) shown = load::harmless(shown);
  shown += text.size() > kLineBytes ? " ...\n" : "\n";
  if (is_live_ && are_lines_seen_)
    waiting_ += shown;
  else
    write_to(lines_, shown);
}

void LoadScreen::flush() {
  if (waiting_.empty()) return;
  write_to(stderr, erased());
  write_to(lines_, std::exchange(waiting_, {}));
  write_to(stderr, drawn());
}

void LoadScreen::note(std::string_view sentence) {
  clear();
  write_to(stderr, fmt::format("{}\n", sentence));
}

void LoadScreen::show(const load::LoadReport& report, const load::LoadState& state,
                      const load::Recent& recent, Instant now) {
  if (is_live_) return draw(report, state, recent);
  const bool runs =
      state.phase != load::LoadPhase::loading && state.phase != load::LoadPhase::setting_up;
  if (is_quiet_ || !runs) return;
  if (told_ == Instant{}) told_ = now - 1s;      // it runs since a second
  if (now - told_ < kTellEvery - 100ms) return;  // ticks are not that exact
  told_ = now;
  write_to(stderr, progress_line(report, state, recent) + "\n");
}

void LoadScreen::draw(const load::LoadReport& report, const load::LoadState& state,
                      const load::Recent& recent) {
  const bool is_in_background =
      tcgetpgrp(STDERR_FILENO) >= 0 && tcgetpgrp(STDERR_FILENO) != getpgrp();
  if (is_in_background || !takes_more(stderr)) return;
  load::LoadState with_ours = state;
  with_ours.unshown += unshown_;
  std::string out = erased();
  rows_.clear();
  for (const load::ViewLine& line : view_of(report, with_ours, recent, size_of_terminal()))
    rows_.push_back({line.text(), line.columns()});
  write_to(stderr, out + drawn());
}

}  // namespace utakata

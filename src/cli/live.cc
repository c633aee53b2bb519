#include "cli/live.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace utakata {

Live::Live(bool is_detached) : is_terminal_(!is_detached && isatty(STDOUT_FILENO)) {}

std::string to_line(const Activity& a) {
  const std::string who = a.instance.empty() ? a.cluster : a.instance;
  std::string text = fmt::format(
      "{} {} {}{}", to_text(a.at).substr(11, 12), who, a.kind,
      a.phase == Activity::Phase::intent && a.by != "utakata" ? " (by " + a.by + ")" : "");
  if (!a.because.empty()) text += ": " + a.because;
  if (!a.limited_by.empty()) text += " (limited by " + a.limited_by + ")";
  if (a.cut) text += fmt::format(" [{} on it]", plural(*a.cut, "client"));
  return text;
}

void Live::started(const std::string& stack, const std::string& url) {
  head_ = fmt::format("{} at {}", stack, url);
  line(fmt::format("{}: places at {}/v1/stacks/{}/clusters/CLUSTER/placements", stack, url, stack));
}

void Live::activity(const Activity& a) { line(to_line(a)); }
void Live::problem(const std::string& what) { line("! " + what); }

void Live::line(std::string text) {
  const std::lock_guard lock(mutex_);
  if (!is_terminal_) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
    return;
  }
  recent_.push_back(std::move(text));
  if (recent_.size() > 12) recent_.pop_front();
}

void Live::watch(net::Loop& loop, FleetAccess& fleet) {
  if (!is_terminal_) return;
  loop.every(1s, [this, &fleet] {
    fleet.ask(AdminCall{}, [this](Expected<std::string> status) {
      if (status) draw(*status);
    });
  });
}

void Live::draw(const std::string& status) {
  const auto json = nlohmann::json::parse(status, nullptr, false);
  if (json.is_discarded()) return;
  const std::lock_guard lock(mutex_);
  std::string out = drawn_lines_ ? fmt::format("\033[{}A\033[J", drawn_lines_) : "";
  std::string body = head_ + "\n" +
                     fmt::format("{:<12}{:>5}{:>9}{:>10}{:>10}{:>9}{:>9}  {}\n", "cluster", "want",
                                 "serving", "starting", "draining", "clients", "held", "because");
  for (const auto& c : json["clusters"])
    body +=
        fmt::format("{:<12}{:>5}{:>9}{:>10}{:>10}{:>9}{:>9}  {}\n", c["name"].get<std::string>(),
                    c["want"].get<int>(), c["serving"].get<int>(), c["starting"].get<int>(),
                    c["draining"].get<int>(), c["connections"].get<long>(),
                    c["seats_held"].get<long>(), c["because"].get<std::string>().substr(0, 60));
  body += "\n";
  for (const std::string& text : recent_) body += text.substr(0, 140) + "\n";
  drawn_lines_ = int(std::ranges::count(body, '\n'));
  out += body;
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

void Live::finish(bool went_down) {
  line(went_down ? "down: every instance is stopped"
                 : "the controller leaves; instances live on, `utakata up` takes them over again");
}

}  // namespace utakata

#include "fleet/publish/haproxy/haproxy_view.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "fleet/publish/haproxy/haproxy_call.h"
#include "fleet/publish/haproxy/haproxy_wishes.h"
#include "fleet/publish/haproxy/haproxy_words.h"
#include "net/name_lookup.h"

namespace utakata {
namespace {

// HAProxy takes no longer line than its `tune.bufsize`, 16384 by default.
constexpr std::size_t line_most = 4000;

std::string number_text(const net::TcpAddress& at) {
  std::array<char, NI_MAXHOST> text{};
  getnameinfo(at.get(), at.size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

struct HaproxyView::State {
  State(net::Loop& its_loop, HaproxyViewSettings its_settings,
        std::function<void(const std::string&)> its_say)
      : loop(its_loop),
        settings(std::move(its_settings)),
        say(std::move(its_say)),
        names(loop),
        stack_prefix(fmt::format("utakata:{}:", haproxy_name(settings.stack))),
        prefix(fmt::format("{}{}:", stack_prefix, haproxy_name(settings.mark.substr(0, 8)))) {}
  ~State() {
    loop.cancel(again);
    loop.cancel(leaving_ends);
  }

  void take(std::vector<PublishedCluster> clusters);
  void begin();
  std::optional<std::string> number_of(const std::string& host);
  void look();
  void looked(const std::string& answer);
  void tell();
  void told(const std::string& answer);
  void finish();
  void ask(std::string line, void (State::*heard)(const std::string&));
  void fail(const std::string& why);
  void later(Duration wait);
  void leave(Duration within, std::function<void()> left);
  void trouble(const std::string& where, const std::string& why);

  std::string its_name(const std::string& where) const;

  net::Loop& loop;
  const HaproxyViewSettings settings;
  const std::function<void(const std::string&)> say;
  net::NameLookup names;
  const std::string stack_prefix, prefix;
  std::unique_ptr<HaproxyCall> call;
  std::vector<PublishedCluster> newest;
  bool is_due = false;             // a look at `newest` is
  std::set<std::string> backends;  // ever told of, but for those whose cluster another has now
  // Hosts with names: those of this round, those being asked for, and what was answered.
  std::set<std::string> named, asked;
  std::map<std::string, Expected<std::string>> numbers;
  // A round: backend after backend, each looked at and then told.
  std::map<std::string, std::vector<HaproxyWish>> round;  // empty: none is under way
  std::vector<std::string> lines;  // for the first of them, the last one first
  // Trouble by its place, which is "", " HOST" or "BACKEND ...": as it was said and is not over;
  // met in this round.
  std::map<std::string, std::string> troubled;
  std::set<std::string> met;
  bool has_told = false;  // anything, in this round
  int failures = 0;       // in a row
  net::Loop::TimerId again = 0;
  std::function<void()> on_left;  // it leaves
  bool has_left = false;
  net::Loop::TimerId leaving_ends = 0;
};

std::string HaproxyView::State::its_name(const std::string& where) const {
  const auto& [host, port] = settings.haproxy.address;
  const auto place =
      settings.haproxy.socket.empty() ? fmt::format("{}:{}", host, port) : settings.haproxy.socket;
  const auto backend = where.substr(0, where.find(' '));
  return backend.empty() ? fmt::format("HAProxy at {}", place)
                         : fmt::format("backend `{}` of HAProxy at {}", backend, place);
}

// A backend whose cluster is not ours any more is forgotten, with what was about to be told there.
void HaproxyView::State::take(std::vector<PublishedCluster> clusters) {
  newest = std::move(clusters);
  is_due = true;
  for (const auto& one : newest) {
    if (one.whose == PublishedCluster::Whose::ours) continue;
    const auto backend = haproxy_backend(settings.haproxy, one.cluster);
    if (!backend || backends.erase(*backend) == 0) continue;
    if (!round.empty() && round.begin()->first == *backend) lines.clear();
  }
}

void HaproxyView::State::begin() {
  if (!round.empty() || again != 0 || !is_due) return;
  is_due = false;
  has_told = false;
  met.clear();
  named.clear();
  round = haproxy_wishes(settings.haproxy, prefix, newest,
                         [this](const std::string& host) { return number_of(host); });
  for (const auto& [backend, wishes] : round) backends.insert(backend);
  for (const auto& backend : backends) round.try_emplace(backend);  // its cluster is no more
  if (!round.empty()) look();
}

// Looked up until that succeeds, and then no more: of several addresses another may come first.
std::optional<std::string> HaproxyView::State::number_of(const std::string& host) {
  const auto bare = without_brackets(host);
  if (const auto number = net::numeric_address(bare, 0)) return number_text(*number);
  named.insert(bare);
  const auto known = numbers.find(bare);
  if (known != numbers.end() && known->second) return *known->second;
  if (asked.contains(bare)) return std::nullopt;
  const auto found = [this, bare](const Expected<net::TcpAddresses>& addresses) {
    asked.erase(bare);
    if (!addresses) {
      numbers.insert_or_assign(bare, std::unexpected(addresses.error()));
      return;
    }
    const auto family = [](const net::TcpAddress& one) { return one.get()->sa_family; };
    const auto v4 = std::ranges::find(*addresses, AF_INET, family);
    numbers.insert_or_assign(bare, number_text(v4 == addresses->end() ? addresses->front() : *v4));
  };
  if (names.ask(bare, "0", found)) asked.insert(bare);  // else too many are: at the next look
  return std::nullopt;
}

void HaproxyView::State::look() {
  if (round.empty()) return finish();
  ask(haproxy_question(round.begin()->first), &State::looked);
}

void HaproxyView::State::looked(const std::string& answer) {
  const auto& [backend, wishes] = *round.begin();
  if (!backends.contains(backend)) {
    round.erase(round.begin());
    return look();
  }
  const auto servers = haproxy_servers(answer, backend);
  if (!servers) {
    trouble(backend, servers.error().what);
    round.erase(round.begin());
    return look();
  }
  const auto stranger = std::ranges::find_if(*servers, [this](const HaproxyServer& one) {
    return one.name.starts_with(stack_prefix) && !one.name.starts_with(prefix);
  });
  if (stranger != servers->end())
    trouble(backend + " strangers",
            fmt::format("`{}` there is another controller's, and left alone: give each a backend "
                        "of its own, or, if that controller is no more, remove what it left (`set "
                        "server {}/{} state maint`, then `del server`)",
                        stranger->name, backend, stranger->name));
  lines = haproxy_lines(haproxy_steps(backend, prefix, wishes, *servers), line_most);
  std::ranges::reverse(lines);
  tell();
}

void HaproxyView::State::tell() {
  if (lines.empty()) {
    round.erase(round.begin());
    return look();
  }
  has_told = true;
  auto line = std::move(lines.back());
  lines.pop_back();
  ask(std::move(line), &State::told);
}

void HaproxyView::State::told(const std::string& answer) {
  const std::string backend = round.begin()->first;
  if (const auto refusal = haproxy_refusal(answer, backend)) {
    trouble(backend, *refusal);
    lines.clear();  // the rest would hear the same; the next look finds what is missing
  }
  tell();
}

void HaproxyView::State::finish() {
  failures = 0;
  std::erase_if(numbers, [this](const auto& one) { return !named.contains(one.first); });
  for (const auto& [host, number] : numbers)
    if (!number)
      trouble(" " + host, fmt::format("instances are at `{}`: {}", host, number.error().what));
  std::erase_if(troubled, [this](const auto& one) {
    const bool is_over = !met.contains(one.first);
    if (is_over) say(fmt::format("publish: {} is in step again", its_name(one.first)));
    return is_over;
  });
  if (!on_left || is_due) return begin();
  if (!has_told || !met.empty() || has_left) return on_left();
  later(100ms);  // sockets of instances that have just ended are about to
}

void HaproxyView::State::ask(std::string line, void (State::*heard)(const std::string&)) {
  const auto done = [this, heard](const Expected<std::string>& answer) {
    if (!answer) return fail(answer.error().what);
    if (answer->empty()) return fail("it closed the connection without an answer");
    (this->*heard)(*answer);
  };
  call = std::make_unique<HaproxyCall>(loop, settings.haproxy, std::move(line),
                                       settings.answer_within, done);
}

void HaproxyView::State::fail(const std::string& why) {
  round.clear();
  lines.clear();
  trouble("", why);
  if (on_left) return on_left();
  auto wait = settings.retry_first;
  for (int i = 0; i < failures && wait < settings.retry_most; ++i) wait *= 2;
  ++failures;
  later(std::min(wait, settings.retry_most));
}

void HaproxyView::State::later(Duration wait) {
  again = loop.after(wait, [this] {
    again = 0;
    is_due = true;
    begin();
  });
}

void HaproxyView::State::leave(Duration within, std::function<void()> left) {
  on_left = [this, left = std::move(left)] {
    loop.cancel(leaving_ends);
    if (!std::exchange(has_left, true)) left();
  };
  leaving_ends = loop.after(backends.empty() ? 0ns : within, [this] { on_left(); });
  newest.clear();
  is_due = true;
  begin();
}

// A backend may have another trouble after the first; that a socket is away is one trouble.
void HaproxyView::State::trouble(const std::string& where, const std::string& why) {
  met.insert(where);
  const auto [known, is_new] = troubled.try_emplace(where);
  if (!is_new && (where.empty() || known->second == why)) return;
  known->second = why;
  say(fmt::format("publish: {} is not in step: {}; tried on, and placement goes on without it",
                  its_name(where), why));
}

HaproxyView::HaproxyView(net::Loop& loop, HaproxyViewSettings settings,
                         std::function<void(const std::string&)> say)
    : state_(std::make_unique<State>(loop, std::move(settings), std::move(say))) {}
HaproxyView::~HaproxyView() = default;

void HaproxyView::publish(std::vector<PublishedCluster> clusters) {
  if (state_->on_left) return;
  state_->take(std::move(clusters));
  state_->begin();
}

void HaproxyView::leave(Duration within, std::function<void()> left) {
  state_->leave(within, std::move(left));
}

}  // namespace utakata

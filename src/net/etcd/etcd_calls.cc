#include "net/etcd/etcd_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace utakata::net {
namespace {

// An election takes a second or two: ten questions meanwhile wake nobody up.
constexpr Duration pause_between_rounds = 100ms;
// Of one member, where others are to be asked. Less would call one slow that has merely to write to
// its disk; more would wait for a frozen one, however long the whole may take.
constexpr Duration attempt_least = 500ms, attempt_most = 2s;

}  // namespace

struct EtcdCalls::Asked {
  CallId id;
  std::string_view path;  // a literal
  std::string body;
  Duration within;
  Instant end;
  Read read;
  Fail fail;
  std::size_t member;
  std::size_t tried = 0;          // members of this round
  bool is_worth_waiting = false;  // of this round: one was there, and may soon know better
  std::optional<HttpClient::CallId> http{};
  Loop::TimerId pause = 0;
};

EtcdCalls::EtcdCalls(Loop& loop, EtcdMembers& members) : loop_(loop), members_(members) {}

EtcdCalls::~EtcdCalls() {
  for (const auto& [id, one] : asked_) {
    if (one->http) members_.http().cancel(*one->http);
    if (one->pause) loop_.cancel(one->pause);
  }
}

EtcdCalls::CallId EtcdCalls::ask(std::string_view path, std::string body, Duration within,
                                 Read read, Fail fail) {
  const CallId id = ++last_;
  if (within <= Duration{}) within = members_.options().deadline;
  auto one = std::make_unique<Asked>(Asked{.id = id,
                                           .path = path,
                                           .body = std::move(body),
                                           .within = within,
                                           .end = loop_.now() + within,
                                           .read = std::move(read),
                                           .fail = std::move(fail),
                                           .member = members_.first});
  attempt(*one);
  asked_.emplace(id, std::move(one));
  return id;
}

void EtcdCalls::cancel(CallId id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  if (found->second->http) members_.http().cancel(*found->second->http);
  if (found->second->pause) loop_.cancel(found->second->pause);
  asked_.erase(found);
}

void EtcdCalls::attempt(Asked& one) {
  const auto members = std::int64_t(members_.count());
  const Duration left = std::max<Duration>(1ms, one.end - loop_.now());
  const Duration share =
      members == 1 ? left : std::clamp(one.within / members, attempt_least, attempt_most);
  auto call = members_.call(one.member, one.path, one.body, std::min(share, left));
  one.http = members_.http().call(
      std::move(call), [this, id = one.id](Expected<HttpResult> result) { heard(id, result); });
}

void EtcdCalls::heard(CallId id, const Expected<HttpResult>& result) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  Asked& one = *found->second;
  one.http.reset();
  if (auto no = members_.no_of(one.member, result)) return go_on(id, std::move(*no));
  auto tell = one.read(result->body);
  if (!tell) {
    const auto then = tell.error().kind == Problem::Kind::refused ? EtcdNo::Then::ask_another
                                                                  : EtcdNo::Then::give_up;
    return go_on(id, {members_.of(one.member, std::move(tell.error())), then});
  }
  members_.first = one.member;
  asked_.erase(found);
  (*tell)();
}

void EtcdCalls::go_on(CallId id, EtcdNo no) {
  const auto found = asked_.find(id);
  Asked& one = *found->second;
  if (no.then == EtcdNo::Then::give_up) members_.first = one.member;
  one.is_worth_waiting = one.is_worth_waiting || no.then == EtcdNo::Then::ask_later;
  one.member = (one.member + 1) % members_.count();
  const bool is_round_over = ++one.tried == members_.count();
  const bool is_over = no.then == EtcdNo::Then::give_up || loop_.now() >= one.end ||
                       (is_round_over && !one.is_worth_waiting);
  if (is_over) {
    if (members_.count() > 1 && no.then != EtcdNo::Then::give_up)
      no.problem.what += fmt::format(" (and none of its {} members helps)", members_.count());
    const auto fail = std::move(one.fail);
    asked_.erase(found);
    return fail(std::move(no.problem));
  }
  if (!is_round_over) return attempt(one);
  one.tried = 0;
  one.is_worth_waiting = false;
  one.pause = loop_.after(pause_between_rounds, [this, id] {
    Asked& waited = *asked_.at(id);
    waited.pause = 0;
    attempt(waited);
  });
}

}  // namespace utakata::net

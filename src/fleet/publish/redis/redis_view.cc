#include "fleet/publish/redis/redis_view.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "fleet/publish/redis/view_commands.h"
#include "net/name_lookup.h"
#include "net/redis/redis_link.h"

namespace utakata {

struct RedisView::State {
  State(net::Loop& its_loop, RedisViewSettings its_settings,
        std::function<void(const std::string&)> its_say)
      : loop(its_loop), settings(std::move(its_settings)), say(std::move(its_say)), lookup(loop) {
    again = loop.after(0ns, [this] { dial(); });
  }
  ~State() {
    loop.cancel(again);
    loop.cancel(deadline);
  }

  void dial();
  void connect(const net::TcpAddress& at);
  void fail(std::string why);
  void send();
  void overdue();
  void answered(const redisReply& reply, bool is_last);
  void trouble(std::string_view why);

  std::string place() const {
    return fmt::format("{}:{}", settings.address.host, settings.address.port);
  }

  net::Loop& loop;
  const RedisViewSettings settings;
  const std::function<void(const std::string&)> say;
  net::NameLookup lookup;
  std::unique_ptr<net::RedisLink> link;  // none: away
  std::vector<PublishedCluster> newest;
  bool is_due = false;     // `newest` is not sent
  bool is_asking = false;  // a write is under way
  std::string refusal;     // of that write
  std::string troubled;    // what was said and is not over
  Instant asked_at{};
  int failures = 0;  // in a row
  net::Loop::TimerId again = 0, deadline = 0;
};

void RedisView::State::dial() {
  again = 0;
  const auto& address = settings.address;
  if (const auto number = net::numeric_address(address.host, address.port)) return connect(*number);
  const auto found = [this](const Expected<net::TcpAddresses>& addresses) {
    if (!addresses) return fail(addresses.error().what);
    const auto family = [](const net::TcpAddress& one) { return one.get()->sa_family; };
    const auto v4 = std::ranges::find(*addresses, AF_INET, family);
    connect(v4 == addresses->end() ? addresses->front() : *v4);
  };
  (void)lookup.ask(address.host, std::to_string(address.port), found);  // one at a time
}

void RedisView::State::connect(const net::TcpAddress& at) {
  link = std::make_unique<net::RedisLink>(
      loop, at, settings.address,
      net::RedisLink::Calls{.answered = [] {},
                            .lost = [this](std::string why) { fail(std::move(why)); }});
  send();
}

// Not at once: the link may be what calls.
void RedisView::State::fail(std::string why) {
  if (again != 0) return;
  loop.cancel(std::exchange(deadline, 0));
  auto wait = settings.retry_first;
  for (int i = 0; i < failures && wait < settings.retry_most; ++i) wait *= 2;
  ++failures;
  again = loop.after(0ns, [this, why = std::move(why), wait] {
    link.reset();
    is_asking = false;
    is_due = true;
    trouble(why);
    again = loop.after(std::min(wait, settings.retry_most), [this] { dial(); });
  });
}

void RedisView::State::send() {
  if (!link || is_asking || !is_due || again != 0) return;
  is_due = false;
  is_asking = true;
  refusal.clear();
  const auto commands = redis_view_commands(settings.stack, newest, settings.lives);
  for (std::size_t i = 0; i < commands.size(); ++i)
    link->ask(commands[i], [this, is_last = i + 1 == commands.size()](const redisReply& reply) {
      answered(reply, is_last);
    });
  asked_at = loop.now();
  deadline = loop.after(settings.answer_within, [this] { overdue(); });
}

// Who was stopped itself has not looked whether there is an answer.
void RedisView::State::overdue() {
  deadline = 0;
  const bool slept = loop.now() - asked_at > settings.answer_within + 500ms;
  if (!slept) return fail("it does not answer");
  asked_at = loop.now();
  deadline = loop.after(settings.answer_within, [this] { overdue(); });
}

// Errors come where a command is queued, or within what EXEC answers.
void RedisView::State::answered(const redisReply& reply, bool is_last) {
  const auto note = [this](const redisReply& one) {
    if (one.type == REDIS_REPLY_ERROR && refusal.empty()) refusal = net::redis_text(one);
  };
  note(reply);
  for (std::size_t i = 0; i < (is_last ? reply.elements : 0); ++i) note(*reply.element[i]);
  if (!is_last) return;
  loop.cancel(std::exchange(deadline, 0));
  is_asking = false;
  failures = 0;
  if (!refusal.empty()) {
    trouble(refusal);
  } else if (!troubled.empty()) {
    troubled.clear();
    say(fmt::format("publish: Redis at {} is written again", place()));
  }
  send();
}

void RedisView::State::trouble(std::string_view why) {
  if (!troubled.empty()) return;
  if (why.starts_with("redis: ")) why.remove_prefix(7);
  troubled = why;
  say(
      fmt::format("publish: Redis at {} cannot be written: {}; tried on, and placement goes on "
                  "without it",
                  place(), why));
}

RedisView::RedisView(net::Loop& loop, RedisViewSettings settings,
                     std::function<void(const std::string&)> say)
    : state_(std::make_unique<State>(loop, std::move(settings), std::move(say))) {}
RedisView::~RedisView() = default;

void RedisView::publish(std::vector<PublishedCluster> clusters) {
  state_->newest = std::move(clusters);
  state_->is_due = true;
  state_->send();
}

}  // namespace utakata

#include "net/redis/redis_link.h"

#include <fmt/format.h>
#include <hiredis/async.h>
#include <netdb.h>
#include <sys/epoll.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <utility>
#include <vector>

namespace utakata::net {
namespace {

// hiredis writes with write(), which raises SIGPIPE when Redis is gone. It is kept from the thread
// for that moment and taken away, so that the process may do with SIGPIPE what it likes.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

}  // namespace

std::string_view redis_text(const redisReply& reply) {
  return reply.str ? std::string_view(reply.str, reply.len) : std::string_view{};
}

struct RedisLink::State {
  Loop& loop;
  Calls calls;
  redisAsyncContext* context = nullptr;  // none: lost
  int descriptor = -1;
  std::uint32_t events = 0;
  bool is_watched = false;
  std::deque<Answer> answers;
  Answer heard;
  bool is_over = false;
  Loop::TimerId telling = 0;  // of the loss, outside of hiredis

  State(Loop& its_loop, Calls its_calls) : loop(its_loop), calls(std::move(its_calls)) {}
  void connect(const TcpAddress& at, const wire::RedisAddress& address);
  void greet(const wire::RedisAddress& address);
  void hook();
  void want(std::uint32_t bit, bool is_wanted);
  void unwatch();
  void ready(std::uint32_t now_ready);
  void lost(std::string why);
  void send(const std::vector<std::string_view>& words, redisCallbackFn* callback);
  static void on_answer(redisAsyncContext* its, void* reply, void*);
  static void on_message(redisAsyncContext* its, void* reply, void*);
  static State* of(void* data) { return static_cast<State*>(data); }
};

void RedisLink::State::connect(const TcpAddress& at, const wire::RedisAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getnameinfo(at.get(), at.size, host.data(), host.size(), port.data(), port.size(),
              NI_NUMERICHOST | NI_NUMERICSERV);
  context = redisAsyncConnect(host.data(), std::atoi(port.data()));
  if (!context) return lost("redis: memory has run out");
  if (context->err) {
    lost(fmt::format("redis: {}:{}: {}", host.data(), port.data(), context->errstr));
    redisAsyncFree(std::exchange(context, nullptr));
    return;
  }
  context->data = this;
  descriptor = context->c.fd;
  hook();
  redisAsyncSetConnectCallback(context, [](const redisAsyncContext* its, int status) {
    if (status == REDIS_OK || !its->data) return;
    auto& state = *of(its->data);
    state.lost(fmt::format("redis: {}", its->errstr ? its->errstr : "it cannot be reached"));
    state.context = nullptr;  // hiredis frees it after this
  });
  redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* its, int) {
    if (!its->data) return;
    auto& state = *of(its->data);
    const bool has_text = its->errstr && *its->errstr;
    state.lost(fmt::format("redis: {}", has_text ? its->errstr : "it closed the connection"));
    state.context = nullptr;
  });
  greet(address);
}

void RedisLink::State::greet(const wire::RedisAddress& address) {
  const auto must_be_ok = [this](std::string_view what) {
    answers.emplace_back([this, what](const redisReply& reply) {
      if (reply.type == REDIS_REPLY_ERROR)
        lost(fmt::format("redis: {} was refused: {}", what, redis_text(reply)));
    });
  };
  if (!address.password.empty()) {
    must_be_ok("AUTH");
    if (address.user.empty())
      send({"AUTH", address.password}, on_answer);
    else
      send({"AUTH", address.user, address.password}, on_answer);
  }
  if (address.database != 0) {
    must_be_ok("SELECT");
    send({"SELECT", std::to_string(address.database)}, on_answer);
  }
}

void RedisLink::State::hook() {
  auto& ev = context->ev;
  ev.data = this;
  ev.addRead = [](void* data) { of(data)->want(EPOLLIN, true); };
  ev.delRead = [](void* data) { of(data)->want(EPOLLIN, false); };
  ev.addWrite = [](void* data) { of(data)->want(EPOLLOUT, true); };
  ev.delWrite = [](void* data) { of(data)->want(EPOLLOUT, false); };
  ev.cleanup = [](void* data) { of(data)->unwatch(); };
}

void RedisLink::State::want(std::uint32_t bit, bool is_wanted) {
  const auto before = std::exchange(events, is_wanted ? events | bit : events & ~bit);
  if (is_watched && before == events) return;
  if (std::exchange(is_watched, true))
    loop.rewatch(descriptor, events);
  else
    loop.watch(descriptor, events, [this](std::uint32_t now_ready) { ready(now_ready); });
}

void RedisLink::State::unwatch() {
  if (std::exchange(is_watched, false)) loop.unwatch(descriptor);
  events = 0;
}

void RedisLink::State::ready(std::uint32_t now_ready) {
  const NoSigpipe quiet;
  const bool is_broken = now_ready & (EPOLLERR | EPOLLHUP);
  if (context && ((now_ready & EPOLLIN) || is_broken)) redisAsyncHandleRead(context);
  if (context && (now_ready & EPOLLOUT)) redisAsyncHandleWrite(context);
}

void RedisLink::State::lost(std::string why) {
  if (std::exchange(is_over, true)) return;
  telling = loop.after(0ns, [this, why = std::move(why)] {
    telling = 0;
    const auto tell = calls.lost;  // it may end this
    tell(why);
  });
}

void RedisLink::State::send(const std::vector<std::string_view>& words, redisCallbackFn* callback) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const int sent = redisAsyncCommandArgv(context, callback, nullptr, int(words.size()),
                                         texts.data(), sizes.data());
  if (sent != REDIS_OK) lost("redis: a command could not be sent");
}

// Both are called without a reply, too, when the context ends.
void RedisLink::State::on_answer(redisAsyncContext* its, void* reply, void*) {
  if (!reply || !its->data || of(its->data)->is_over) return;
  auto& state = *of(its->data);
  const auto answer = std::move(state.answers.front());
  state.answers.pop_front();
  state.calls.answered();
  answer(*static_cast<redisReply*>(reply));
}

void RedisLink::State::on_message(redisAsyncContext* its, void* reply, void*) {
  if (!reply || !its->data || of(its->data)->is_over) return;
  auto& state = *of(its->data);
  state.calls.answered();
  state.heard(*static_cast<redisReply*>(reply));
}

RedisLink::RedisLink(Loop& loop, const TcpAddress& at, const wire::RedisAddress& address,
                     Calls calls)
    : state_(std::make_unique<State>(loop, std::move(calls))) {
  state_->connect(at, address);
}

RedisLink::~RedisLink() {
  if (state_->telling) state_->loop.cancel(state_->telling);
  if (!state_->context) return;
  state_->context->data = nullptr;
  redisAsyncFree(state_->context);
}

void RedisLink::ask(std::span<const std::string> words, Answer answer) {
  if (state_->is_over) return;
  state_->answers.push_back(std::move(answer));
  state_->send({words.begin(), words.end()}, State::on_answer);
}

void RedisLink::subscribe(std::span<const std::string> channels, Answer heard) {
  if (state_->is_over) return;
  state_->heard = std::move(heard);
  std::vector<std::string_view> words{"SUBSCRIBE"};
  words.insert(words.end(), channels.begin(), channels.end());
  state_->send(words, State::on_message);
}

void RedisLink::subscribe_patterns(std::span<const std::string> patterns, Answer heard) {
  if (state_->is_over) return;
  state_->heard = std::move(heard);
  std::vector<std::string_view> words{"PSUBSCRIBE"};
  words.insert(words.end(), patterns.begin(), patterns.end());
  state_->send(words, State::on_message);
}

}  // namespace utakata::net

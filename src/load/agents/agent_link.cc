#include "load/agents/agent_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "load/agents/agent_run.h"
#include "load/bundle/bundle.h"

namespace utakata::load {
namespace {

constexpr Duration kGreetingWithin = 10s;
constexpr Duration kPingEvery = 250ms;
constexpr std::size_t kClocks = 40;      // 10 s of pings: clocks drift apart by 1 ms in that time
constexpr std::size_t kClocksFirst = 8;  // before it is ready
constexpr std::size_t kPieceBytes = 256 * 1024, kUnsentBytes = 1024 * 1024;

}  // namespace

class AgentLink::FarWorker final : public Worker {
 public:
  FarWorker(AgentLink& link, std::int64_t number, Calls calls)
      : link_(&link), number_(number), calls_(std::make_shared<const Calls>(std::move(calls))) {}
  ~FarWorker() override {
    if (!link_) return;
    link_->far_.erase(number_);
    link_->tell(to_message({AgentVerb::drop, number_}));
  }
  void tell(std::string line) override { say(AgentVerb::tell, line); }
  void kill(int signal) override { say(AgentVerb::kill, fmt::to_string(signal)); }
  std::shared_ptr<const Calls> calls() const { return calls_; }  // outlive a call that drops us
  void cut() { link_ = nullptr; }                                // nothing goes there any more

 private:
  void say(AgentVerb verb, std::string_view rest) {
    if (link_) link_->tell(to_message({verb, number_, rest}));
  }
  AgentLink* link_;
  const std::int64_t number_;
  const std::shared_ptr<const Calls> calls_;
};

AgentLink::AgentLink(net::Loop& loop, net::WebSocketClient& client, AgentAddress address,
                     const std::string& token, std::int64_t workers,
                     std::function<void(Expected<void>)> ready)
    : loop_(loop),
      address_(std::move(address)),
      workers_(workers),
      ready_(std::move(ready)),
      client_(client) {
  const bool is_v6 = address_.host.find(':') != std::string::npos;
  dial_ = client_.dial(
      {.url = fmt::format("ws://{0}{1}{2}:{3}/agent", is_v6 ? "[" : "", address_.host,
                          is_v6 ? "]" : "", address_.port),
       .headers = token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token),
       .deadline = kGreetingWithin,
       .settings = agent_link_settings()},
      [this](Expected<std::unique_ptr<net::WebSocket>> socket) {
        dial_ = 0;
        if (!socket) {
          const bool is_refused = socket.error().kind == Problem::Kind::refused;
          return lose(socket.error().what +
                      (is_refused ? " Is LOAD_TOKEN the same here as there?" : ""));
        }
        socket_ = std::move(*socket);
        socket_->start(
            {.message = [this](wire::WebSocketKind, std::string_view message) { hear(message); },
             .ended =
                 [this](const net::WebSocketEnd& end) {
                   lose(!refused_.empty() ? refused_ : link_end(end, "it has left"));
                 }});
        patience_ = loop_.after(kGreetingWithin, [this] { lose("it does not speak as an agent"); });
      });
}

AgentLink::~AgentLink() {
  client_.cancel(dial_);
  for (const auto timer : {pinger_, patience_, sender_, end_}) loop_.cancel(timer);
  for (const auto& [number, worker] : far_) worker->cut();
  if (socket_) socket_->close();
}

// Once. Whoever hears of it may drop workers, but not us.
void AgentLink::lose(const std::string& why) {
  if (std::exchange(lost_, why)) return;
  for (const auto timer : {pinger_, patience_, sender_}) loop_.cancel(timer);
  socket_.reset();
  if (ready_)
    return answer(
        problem(Problem::Kind::unavailable, fmt::format("agent {}: {}", address_.name, why)));
  std::vector<std::int64_t> numbers;
  for (const auto& [number, worker] : far_) numbers.push_back(number);
  for (const std::int64_t number : numbers) end_worker(number, {.lost = why});
}

void AgentLink::end_worker(std::int64_t number, const WorkerEnd& end) {
  const auto found = far_.find(number);
  if (found == far_.end()) return;  // it was dropped
  const auto calls = found->second->calls();
  found->second->cut();
  far_.erase(found);
  calls->ended(end);
}

void AgentLink::answer(Expected<void> how) { std::exchange(ready_, {})(std::move(how)); }

void AgentLink::hear(std::string_view message) {
  const auto word = agent_word(message);
  if (word) return hear(*word);
  lose("it does not speak as an agent");
}

void AgentLink::hear(const AgentWord& word) {
  if (word.verb == AgentVerb::refused) {
    refused_ = word.rest.substr(0, 500);
    return;  // it closes
  }
  if (word.verb == AgentVerb::hello && !is_greeted_) return greet(word);
  if (word.verb == AgentVerb::pong) return take_pong(word);
  if (word.verb == AgentVerb::ended) return hear_end(word.number, word.rest);
  const auto worker = far_.find(word.number);
  if (worker == far_.end()) return;  // it was dropped
  const auto calls = worker->second->calls();
  if (word.verb == AgentVerb::said) return calls->said(word.rest);
  if (word.verb == AgentVerb::printed) return calls->printed(word.rest);
  lose("it does not speak as an agent");
}

void AgentLink::greet(const AgentWord& hello) {
  if (hello.number != agent_language)
    return lose("its utakata is of another version; use the same here and there");
  const auto json = nlohmann::json::parse(hello.rest, nullptr, false);
  const auto cores = json.is_object() ? json.find("cores") : json.end();
  if (cores == json.end() || !cores->is_number_integer())
    return lose("it does not speak as an agent");
  is_greeted_ = true;
  if (workers_ == 0) workers_ = std::clamp<std::int64_t>(*cores, 1, 1'000);
  pinger_ = loop_.every(kPingEvery, [this] { ping(); });
  ping();
}

void AgentLink::ping() {
  if (pinged_) return;  // the last one has not come back
  pinged_ = loop_.now();
  socket_->send(wire::WebSocketKind::binary, to_message({AgentVerb::ping, ++pings_}));
}

// Their clock was read at some time between asking and answering.
void AgentLink::take_pong(const AgentWord& pong) {
  std::int64_t theirs = 0;
  const char* const last = pong.rest.data() + pong.rest.size();
  if (!pinged_ || pong.number != pings_ ||
      std::from_chars(pong.rest.data(), last, theirs).ec != std::errc())
    return lose("it does not speak as an agent");
  const Instant asked = *std::exchange(pinged_, std::nullopt), now = loop_.now();
  const Duration half = (now - asked) / 2;
  clocks_.push_back(
      {.offset = (asked + half).time_since_epoch() - Duration(theirs), .error = half});
  if (clocks_.size() > kClocks) clocks_.pop_front();
  if (!ready_) return;
  if (clocks_.size() < kClocksFirst) return ping();
  loop_.cancel(patience_);
  answer({});
}

CrewClock AgentLink::clock() const {
  const auto best = std::ranges::min_element(clocks_, {}, &CrewClock::error);
  return best == clocks_.end() ? CrewClock{} : *best;
}

void AgentLink::tell(std::string message) {
  if (lost_) return;
  if (bundle_)
    held_.push_back(std::move(message));
  else if (socket_)
    socket_->send(wire::WebSocketKind::binary, message);
}

void AgentLink::send(std::shared_ptr<const Bundle> bundle) {
  if (lost_) return;
  bundle_ = std::move(bundle);
  file_ = offset_ = 0;
  sender_ = loop_.every(1ms, [this] { send_more(); });
}

// A piece at a time, so that many agents do not take many times the bundle's memory.
void AgentLink::send_more() {
  const auto say = [&](const AgentWord& word) {
    socket_->send(wire::WebSocketKind::binary, to_message(word));
  };
  while (socket_->backlog() < kUnsentBytes && file_ < bundle_->files.size()) {
    const BundleFile& file = bundle_->files[file_];
    if (offset_ == 0) say({AgentVerb::file, std::int64_t(file.bytes.size()), file.name});
    const auto piece = std::string_view(file.bytes).substr(offset_, kPieceBytes);
    if (!piece.empty()) say({AgentVerb::data, 0, piece});
    offset_ += piece.size();
    if (offset_ < file.bytes.size()) continue;
    ++file_;
    offset_ = 0;
  }
  if (file_ < bundle_->files.size()) return;
  loop_.cancel(sender_);
  bundle_.reset();
  for (auto& message : std::exchange(held_, {})) tell(std::move(message));
}

Expected<std::unique_ptr<Worker>> AgentLink::start(Worker::Calls calls) {
  const std::int64_t number = ++last_worker_;
  auto worker = std::make_unique<FarWorker>(*this, number, std::move(calls));
  far_.emplace(number, worker.get());
  tell(to_message({AgentVerb::worker, number}));
  if (lost_) {  // meanwhile; it is told as if it were now
    loop_.cancel(end_);
    end_ = loop_.after(0s, [this] { lose(*std::exchange(lost_, std::nullopt)); });
  }
  return worker;
}

void AgentLink::hear_end(std::int64_t number, std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto whole = [&](const char* key) {
    const bool is_there = json.is_object() && json.contains(key) && json[key].is_number_integer();
    return is_there ? json[key].get<std::int64_t>() : 0;
  };
  end_worker(number, {.status = whole("status"), .signal = int(whole("signal"))});
}

}  // namespace utakata::load

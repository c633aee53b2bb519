#include "load/agents/agent.h"

#include <fmt/format.h>

#include <utility>

#include "load/agents/agent_run.h"
#include "net/http_server.h"
#include "wire/digest.h"
#include "wire/http1_answer.h"
#include "wire/websocket_handshake.h"

namespace utakata::load {
namespace {

bool is_this_host(const std::string& host) {
  return host.starts_with("127.") || host == "localhost" || host == "::1";
}

// As far as it goes at once: we owe a stranger no more.
void refuse(const net::Descriptor& socket, int status, std::string_view why) {
  std::string answer;
  wire::append_answer_head(
      answer,
      {.status = status, .content_type = "text/plain", .length = why.size(), .closes = true});
  answer += why;
  net::tcp_send(socket.get(), answer);
}

}  // namespace

struct Agent::State {
  State(net::Loop& used_loop, AgentSettings used, std::function<void(const std::string&)> say)
      : loop(used_loop),
        settings(std::move(used)),
        notice(std::move(say)),
        http(loop,
             [this](const net::HttpRequest& request, net::HttpReply reply) {
               answer(request, std::move(reply));
             },
             {.body_bytes = 4096, .connections = 256}) {
    http.on_upgrade([this](const net::HttpRequest& request, const net::TcpPeer& peer,
                           net::Descriptor socket) { upgrade(request, peer, std::move(socket)); });
  }
  ~State() {
    *is_alive = false;
    loop.cancel(patience);
  }

  void answer(const net::HttpRequest& request, net::HttpReply reply) const;
  int refusal(const net::HttpRequest& request, const net::TcpPeer& peer) const;
  void upgrade(const net::HttpRequest& request, const net::TcpPeer& peer, net::Descriptor socket);
  void ended(const std::string& how);

  net::Loop& loop;
  const AgentSettings settings;
  const std::function<void(const std::string&)> notice;
  net::HttpServer http;
  std::unique_ptr<AgentRun> run;
  std::uint64_t accepted = 0;
  std::function<void()> left;  // set: it is to leave
  net::Loop::TimerId patience = 0;
  std::shared_ptr<bool> is_alive = std::make_shared<bool>(true);
};

void Agent::State::answer(const net::HttpRequest& request, net::HttpReply reply) const {
  if (request.path == "/healthz") return reply.send({.content_type = "text/plain", .body = "ok"});
  const std::string stats = fmt::format(R"({{"connections":{},"accepted":{},"cores":{}}})",
                                        run ? 1 : 0, accepted, settings.cores);
  if (request.path == "/stats") return reply.send({.body = stats});
  reply.send({.status = 404,
              .content_type = "text/plain",
              .body = "An agent of `utakata load`: /healthz, /stats, and /agent for runs."});
}

// 0: it may come in. Browsers always name the page's origin, and runs never do.
int Agent::State::refusal(const net::HttpRequest& request, const net::TcpPeer& peer) const {
  if (request.path != "/agent") return 404;
  if (!request.header("origin").empty()) return 403;
  if (settings.token.empty()) return peer.is_loopback ? 0 : 403;
  const bool is_known =
      wire::constant_time_equal(request.header("authorization"), "Bearer " + settings.token);
  return is_known ? 0 : 401;
}

void Agent::State::upgrade(const net::HttpRequest& request, const net::TcpPeer& peer,
                           net::Descriptor socket) {
  if (const int status = refusal(request, peer); status != 0)
    return refuse(socket, status, "You may not run anything here.");
  const auto hello = wire::websocket_answer(request.header("sec-websocket-key"));
  const auto sent = net::tcp_send(socket.get(), hello);  // 129 bytes into an empty socket
  if (sent.how != net::Moved::How::bytes || sent.bytes != hello.size()) return;
  auto link = std::make_unique<net::WebSocket>(loop, std::move(socket), wire::WebSocketRole::server,
                                               agent_link_settings());
  if (run || left)
    return AgentRun::turn_away(loop, std::move(link),
                               left ? "it is leaving." : "another run is under way.");
  auto begun = AgentRun::begin(loop, std::move(link), settings.worker, settings.cores,
                               [this](const std::string& how) { ended(how); });
  if (!begun) return notice(begun.error().what);
  run = std::move(*begun);
  ++accepted;
  notice(fmt::format("a run from {} begins", peer.address));
}

// Later, since it is the run that tells.
void Agent::State::ended(const std::string& how) {
  notice(fmt::format("the run has ended: {}", how));
  loop.post([this, is_still_alive = is_alive] {
    if (!*is_still_alive) return;
    run.reset();
    if (left) std::exchange(left, [] {})();
  });
}

Agent::Agent(net::Loop& loop, AgentSettings settings,
             std::function<void(const std::string&)> notice)
    : state_(std::make_unique<State>(loop, std::move(settings), std::move(notice))) {}
Agent::~Agent() = default;

Expected<std::uint16_t> Agent::listen(const std::string& host, std::uint16_t port) {
  if (state_->settings.token.empty() && !is_this_host(host))
    return problem(
        Problem::Kind::invalid,
        fmt::format("without a token an agent listens on this host's 127.0.0.1 only, not "
                    "on {}: set LOAD_TOKEN, here and where the run is started.",
                    host));
  return state_->http.listen(host, port);
}

void Agent::leave(std::function<void()> done) {
  if (!state_->run) return done();
  state_->left = std::move(done);
  state_->run->leave("it was told to end");
  state_->patience =
      state_->loop.after(1s, [state = state_.get()] { std::exchange(state->left, [] {})(); });
}

}  // namespace utakata::load

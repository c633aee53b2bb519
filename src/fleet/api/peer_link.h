// A link to another controller: what is asked within one turn of the loop goes in one message, over
// one WebSocket, and is answered likewise: 88,000 keyed placements a second on one core, where
// requests sent on by themselves were 6,200. API loop only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/api/peer_words.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/websocket_client.h"

namespace utakata {

class PeerLink {
 public:
  // The answer's views are valid in the call. Problem `unavailable`: no answer came; whether it was
  // done is not known.
  using Done = std::function<void(const Expected<PeerAnswer>&)>;
  // `url`: of the other's API, http(s)://host:port. Dials when it is first asked, and again as soon
  // as it is asked after it was lost. `ca`: PEM file of whom we trust at https; empty: the
  // system's.
  PeerLink(net::Loop& loop, std::string url, std::string token, std::string ca = {});
  ~PeerLink();  // nobody is told any more
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  // `done` is called once, never before ask() has returned; within 3 s. Its number is ours to give.
  void ask(PeerAsk ask, Done done);
  bool is_idle() const { return asked_.empty() && telling_ == 0; }

 private:
  struct Asked {
    Done done;  // none: answered
    Instant at{};
  };
  void dial();
  void opened(Expected<std::unique_ptr<net::WebSocket>> socket);
  void heard(std::string_view message);
  void lost(const std::string& why);
  void finish(std::uint64_t number, const Expected<PeerAnswer>& answer);
  void send();
  void look();

  net::Loop& loop_;
  const std::string url_, token_, ca_;
  std::unique_ptr<net::TlsDialler> trust_;  // of https, once dialled
  net::WebSocketClient client_;
  net::WebSocketClient::DialId dial_ = 0;  // under way
  std::unique_ptr<net::WebSocket> socket_;
  std::string unsent_;       // of this turn, or until the dial is done
  std::deque<Asked> asked_;  // in order; the first one is not answered
  std::uint64_t first_ = 1;  // its number
  int telling_ = 0;          // of those that were lost, not all have been told yet
  Instant last_heard_{};
  net::Loop::TurnEndId turn_end_;
  net::Loop::TimerId timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata

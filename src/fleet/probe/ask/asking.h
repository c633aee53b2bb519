// Many questions at once with one deadline for all: what the kinds of probes have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/instance.h"
#include "fleet/probe/ask/get_client.h"
#include "fleet/probe/ask/handshake.h"
#include "fleet/probe/probe.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

// Loop thread only. One round at a time: begin(), then the questions, then all_asked().
// Numeric addresses are asked by a GetClient of its own; names go through `client`, which resolves
// them.
class Asking {
 public:
  using Heard = std::function<void(Expected<net::HttpResult>)>;
  Asking(net::Loop& loop, net::HttpClient& client) : loop_(loop), client_(client), lean_(loop) {}
  ~Asking();  // a round under way ends without a word
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  // `ended` is called once, after all_asked() has returned, when every question was heard or the
  // deadline has passed. Each `heard` is called once before it; at the deadline with `timed_out`,
  // and what comes later is dropped.
  void begin(Duration deadline, std::function<void()> ended);
  // From now on this one is asked: who has missed before is given up at half of the deadline.
  void turn_to(const ProbeTarget& target) {
    patience_ = target.missed ? Patience::half : Patience::whole;
  }
  void get(const Address& address, const std::string& path, const std::vector<std::string>& headers,
           std::size_t answer_bytes_max, Heard heard);
  // An empty answer with status 101 where a WebSocket was granted; it is hung up at once.
  void handshake(const Address& address, const std::string& path, Heard heard);
  void all_asked();
  // Those of the lean client: the other one has its own list.
  std::vector<net::OwnConnection> own_connections() const { return lean_.own_connections(); }

 private:
  enum class Patience : std::uint8_t { whole, half };
  struct Question {
    Heard heard;
    Patience patience = Patience::whole;
    net::HttpClient::CallId call = 0;  // 0: none of `client`
    GetClient::Line* line = nullptr;   // none: not of `lean_`
  };
  std::uint32_t add(Heard heard);
  void cancel(const Question& question);
  void get_by_name(std::uint32_t index, const Address& address, const std::string& path,
                   const std::vector<std::string>& headers, std::size_t answer_bytes_max);
  void answer(std::uint32_t index, Expected<net::HttpResult> result);
  void give_up(Patience patience);
  void end();

  net::Loop& loop_;
  net::HttpClient& client_;
  GetClient lean_;
  Duration deadline_{};
  Patience patience_ = Patience::whole;
  net::Loop::TimerId timer_ = 0, half_timer_ = 0;
  std::function<void()> ended_;  // empty: no round is under way
  std::vector<Question> questions_;
  std::vector<std::unique_ptr<Handshake>> handshakes_;
  std::size_t open_ = 0;
  bool all_asked_ = false;
};

std::string host_and_port(const Address& address);  // "127.0.0.1:20001", "[::1]:20001"

}  // namespace utakata

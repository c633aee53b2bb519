// The lean way to ask thousands of instances the same question each second: one kept connection to
// each, one system call to ask and one to hear. libcurl took 200 us for a call once 2,000
// are under way (it walks lists of all of them); this took 12.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/problem.h"
#include "fleet/model/instance.h"
#include "net/curl/http_client.h"
#include "net/loop.h"
#include "net/socket_end.h"

namespace utakata {

// Loop thread only. GET over plain HTTP/1.1 to numeric addresses; no redirects, no deadline of its
// own.
class GetClient {
 public:
  using Heard =
      std::function<void(Expected<net::HttpResult>)>;  // status and body; headers are dropped
  struct Line;  // a connection; a call is known by it until it was heard

  explicit GetClient(net::Loop& loop);
  ~GetClient();  // calls under way end without a word
  GetClient(const GetClient&) = delete;
  GetClient& operator=(const GetClient&) = delete;

  static bool reaches(const std::string& host);  // a numeric address, IPv4 or IPv6
  // `heard` is called once, never before get() has returned. Problems: `unavailable` (no
  // connection, hung up), `refused` (not HTTP, or beyond a limit). Asked once more by itself where
  // a kept connection turns out to be closed. `headers` are whole lines, each ended by CRLF.
  Line* get(const Address& address, const std::string& path, const std::string& headers,
            std::size_t answer_bytes_max, Heard heard);
  void cancel(Line* line);  // of a call that was not heard yet; its connection is closed
  // Closes connections that were not used since so many calls of this.
  void sweep();

  std::vector<net::OwnConnection> own_connections() const;

 private:
  struct AddressHash {
    std::size_t operator()(const Address& address) const {
      return std::hash<std::string>{}(address.host) * 65599 + address.port;
    }
  };
  using Lines = std::vector<std::unique_ptr<Line>>;

  Line& idle_line(const Address& address);
  void ask(Line& line);
  void dial(Line& line);
  void send(Line& line);
  void on_ready(Line& line, std::uint32_t events);
  void on_bytes(Line& line, std::string_view bytes);
  void on_closed(Line& line);
  void finish(Line& line);
  void fail(Line& line, std::string what);
  void hang_up(Line& line);
  void drop(Line& line);

  net::Loop& loop_;
  std::unordered_map<Address, Lines, AddressHash> lines_;
  std::vector<char> buffer_;
  std::uint64_t sweeps_ = 0, last_call_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata

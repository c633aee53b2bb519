// A blocking TCP client for tests: sends what it is told, byte for byte, and waits for what comes.
// Any thread, one at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "net/descriptor.h"

namespace utakata::net {

class LoopbackClient {
 public:
  LoopbackClient() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{20, 0};  // a test that hangs is to fail with its name
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  explicit LoopbackClient(std::uint16_t port) : LoopbackClient() { connect(port); }

  bool connect(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  int descriptor() const { return socket_.get(); }

  LoopbackClient& send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto gone = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (gone <= 0) break;
      bytes.remove_prefix(std::size_t(gone));
    }
    return *this;
  }
  void send_no_more() { shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }

  // One answer, by its Content-Length, or its last chunk, or the end. Empty: the connection ended
  // before one was whole.
  std::string answer(bool has_body = true) {
    while (kept_.find("\r\n\r\n") == kept_.npos)
      if (!more()) return {};
    const auto head = kept_.find("\r\n\r\n") + 4;
    std::size_t size = head;
    if (const auto at = kept_.find("Content-Length: "); has_body && at < head) {
      size += std::stoul(kept_.substr(at + 16));
    } else if (has_body && kept_.find("chunked") < head) {
      while (kept_.find("0\r\n\r\n", head) == kept_.npos)
        if (!more()) return {};
      size = kept_.find("0\r\n\r\n", head) + 5;
    }
    while (kept_.size() < size)
      if (!more()) return {};
    const auto one = kept_.substr(0, size);
    kept_.erase(0, size);
    return one;
  }
  std::string rest() {  // all that comes until the other end closes
    while (more()) {
    }
    return std::exchange(kept_, {});
  }
  std::string until(std::string_view text) {
    while (kept_.find(text) == kept_.npos)
      if (!more()) break;
    return kept_;
  }

 private:
  bool more() {
    std::array<char, 65536> buffer;
    const auto got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) kept_.append(buffer.data(), std::size_t(got));
    return got > 0;
  }
  Descriptor socket_;
  std::string kept_;
};

inline std::string body_of(const std::string& answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == answer.npos ? std::string{} : answer.substr(head + 4);
}

}  // namespace utakata::net

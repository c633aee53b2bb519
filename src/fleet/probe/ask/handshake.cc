#include "fleet/probe/ask/handshake.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fleet/probe/ask/asking.h"
#include "net/tcp.h"
#include "wire/websocket_handshake.h"

namespace utakata {

struct Handshake::Lookup {
  uv_getaddrinfo_t request{};
  Handshake* asker = nullptr;  // none: it has gone meanwhile
};

Handshake::Handshake(net::Loop& loop, const Address& address, const std::string& path,
                     std::function<void(Expected<void>)> heard)
    : loop_(loop), heard_(std::move(heard)), where_(host_and_port(address)) {
  std::array<std::uint8_t, 16> random{};
  (void)!::getrandom(random.data(), random.size(), 0);  // sixteen bytes come whole
  key_ = wire::websocket_key(random);
  unsent_ = wire::websocket_request(where_, path, key_);
  resolve(address);
}

Handshake::~Handshake() { hang_up(); }

void Handshake::hang_up() {
  *alive_ = false;
  if (lookup_) lookup_->asker = nullptr;
  lookup_ = nullptr;
  heard_ = nullptr;
  if (!socket_) return;
  loop_.unwatch(socket_.get());
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  socket_.reset();
}

void Handshake::resolve(const Address& address) {
  if (const auto to = net::numeric_address(address.host, address.port))
    return dial(to->get(), to->size);

  lookup_ = new Lookup;
  lookup_->asker = this;
  lookup_->request.data = lookup_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const std::string port = std::to_string(address.port);
  const auto found = [](uv_getaddrinfo_t* request, int status, addrinfo* list) {
    const std::unique_ptr<Lookup> own(static_cast<Lookup*>(request->data));
    if (Handshake* asker = own->asker) {
      asker->lookup_ = nullptr;
      if (status == 0 && list)
        asker->dial(list->ai_addr, list->ai_addrlen);
      else
        asker->fail(fmt::format("the name cannot be resolved: {}", uv_strerror(status)));
    }
    uv_freeaddrinfo(list);
  };
  const int code = uv_getaddrinfo(loop_.uv(), &lookup_->request, found, address.host.c_str(),
                                  port.c_str(), &hints);
  if (code == 0) return;
  delete std::exchange(lookup_, nullptr);
  fail(fmt::format("the name cannot be resolved: {}", uv_strerror(code)));
}

void Handshake::dial(const sockaddr* to, unsigned size) {
  socket_ = net::Descriptor(::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return fail(std::strerror(errno));
  if (::connect(socket_.get(), to, size) != 0 && errno != EINPROGRESS)
    return fail(std::strerror(errno));
  loop_.watch(socket_.get(), EPOLLOUT, [this](std::uint32_t events) { on_ready(events); });
}

void Handshake::on_ready(std::uint32_t events) {
  if (!is_connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(std::strerror(error));
    is_connected_ = true;
  }
  if (!unsent_.empty()) return write();
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read();
}

void Handshake::write() {
  const auto sent = net::tcp_send(socket_.get(), unsent_);
  if (sent.how == net::Moved::How::would_block) return;
  if (sent.how != net::Moved::How::bytes) return fail("the connection was closed");
  unsent_.erase(0, sent.bytes);
  if (unsent_.empty()) loop_.rewatch(socket_.get(), EPOLLIN);
}

void Handshake::read() {
  std::array<char, 4096> bytes;
  const auto got = net::tcp_receive(socket_.get(), bytes);
  if (got.how == net::Moved::How::would_block) return;
  if (got.how != net::Moved::How::bytes) return fail("the connection was closed without a 101");
  received_.append(bytes.data(), got.bytes);
  const auto answer = wire::read_websocket_answer(received_, key_);
  if (!answer) return finish(std::unexpected(answer.error()));
  if (*answer) return finish({});
  if (received_.size() > wire::websocket_answer_bytes_max) fail("the answer's header does not end");
}

void Handshake::fail(std::string what) {
  finish(problem(Problem::Kind::unavailable, fmt::format("no WebSocket at {}: {}", where_, what),
                 true));
}

// Later and not now: we may still be in the constructor, or in a callback of a loop that the
// listener destroys.
void Handshake::finish(Expected<void> granted) {
  auto heard = std::exchange(heard_, nullptr);
  hang_up();
  alive_ = std::make_shared<bool>(true);
  if (!heard) return;
  loop_.post([alive = alive_, heard = std::move(heard), granted = std::move(granted)]() mutable {
    if (*alive) heard(std::move(granted));
  });
}

}  // namespace utakata

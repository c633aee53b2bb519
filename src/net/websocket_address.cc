#include "net/websocket_address.h"

#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>
#include <thread>

namespace utakata::net {
namespace {

std::unexpected<Problem> not_a_url(const char* why) {
  return problem(Problem::Kind::invalid, std::string("not a WebSocket's URL: ") + why);
}

std::vector<TcpAddress> addresses_of(const char* host, const char* port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  std::vector<TcpAddress> found;
  if (getaddrinfo(host, port, &wanted, &first) != 0) return found;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    auto& address = found.emplace_back();
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
  }
  freeaddrinfo(first);
  return found;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

}  // namespace

Expected<WebSocketUrl> websocket_url(std::string_view url) {
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return not_a_url("it has blanks, control characters or letters that must be percent-encoded.");
  if (url.starts_with("wss://")) return not_a_url("wss:// is not built yet; use ws://.");
  constexpr std::string_view scheme = "ws://";
  if (!url.starts_with(scheme)) return not_a_url("it must begin with ws://.");
  if (url.find('#') != url.npos)
    return not_a_url("a fragment (#) has no meaning here (RFC 6455 section 3).");
  url.remove_prefix(scheme.size());
  const auto authority = url.substr(0, url.find_first_of("/?"));
  const auto target = url.substr(authority.size());
  WebSocketUrl parts{
      .authority = std::string(authority), .host = {}, .port = "80", .target = std::string(target)};
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  if (authority.find('@') != authority.npos) return not_a_url("it must not carry a user's name.");
  std::string_view host = authority, rest;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == authority.npos) return not_a_url("a [ is not closed.");
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else if (const auto colon = authority.find(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (host.empty()) return not_a_url("it names no host.");
  if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1))))
    return not_a_url("its port is not a number from 1 to 65535.");
  parts.host = host;
  if (!rest.empty()) parts.port = rest.substr(1);
  return parts;
}

std::vector<TcpAddress> known_addresses(const WebSocketUrl& url) {
  if (url.host != "localhost")
    return addresses_of(url.host.c_str(), url.port.c_str(), AI_NUMERICHOST);
  auto both = addresses_of("127.0.0.1", url.port.c_str(), AI_NUMERICHOST);
  for (const auto& v6 : addresses_of("::1", url.port.c_str(), AI_NUMERICHOST)) both.push_back(v6);
  return both;
}

struct NameLookup::Shared {
  std::mutex mutex;  // guards both
  Loop* loop;        // null: nobody waits any more
  int under_way = 0;
};

NameLookup::NameLookup(Loop& loop) : shared_(std::make_shared<Shared>()) { shared_->loop = &loop; }

NameLookup::~NameLookup() {
  const std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
}

bool NameLookup::ask(const WebSocketUrl& url, Found found) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->under_way >= 16) return false;
    ++shared_->under_way;
  }
  std::thread([shared = shared_, url, found = std::move(found)]() mutable {
    auto addresses = addresses_of(url.host.c_str(), url.port.c_str(), 0);
    const std::lock_guard lock(shared->mutex);
    --shared->under_way;
    if (shared->loop == nullptr) return;
    shared->loop->post([shared, found = std::move(found), addresses = std::move(addresses)] {
      {
        const std::lock_guard alive(shared->mutex);
        if (shared->loop == nullptr) return;
      }
      found(addresses);
    });
  }).detach();
  return true;
}

}  // namespace utakata::net

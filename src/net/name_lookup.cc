#include "net/name_lookup.h"

#include <netdb.h>

#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

namespace utakata::net {

Expected<TcpAddresses> tcp_addresses(const std::string& host, const std::string& port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int failed = getaddrinfo(host.c_str(), port.c_str(), &wanted, &first);
  if (failed) return problem(Problem::Kind::unavailable, gai_strerror(failed), true);
  TcpAddresses found;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    auto& address = found.emplace_back();
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
  }
  freeaddrinfo(first);
  return found;
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

bool NameLookup::ask(const std::string& host, const std::string& port, Found found) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->under_way >= 16) return false;
    ++shared_->under_way;
  }
  std::thread([shared = shared_, host, port, found = std::move(found)]() mutable {
    auto addresses = tcp_addresses(host, port, 0);
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

#include "net/curl/http_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "net/curl/transfer.h"

namespace utakata::net {
namespace {

void start_libcurl_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(code == CURLE_OK, "libcurl starts unless memory is out");
}

std::uint32_t epoll_events(int what) {
  std::uint32_t events = 0;
  if (what & CURL_POLL_IN) events |= EPOLLIN;
  if (what & CURL_POLL_OUT) events |= EPOLLOUT;
  return events;
}

int curl_events(std::uint32_t events) {
  int bits = 0;
  if (events & EPOLLIN) bits |= CURL_CSELECT_IN;
  if (events & EPOLLOUT) bits |= CURL_CSELECT_OUT;
  if (events & (EPOLLERR | EPOLLHUP)) bits |= CURL_CSELECT_ERR;
  return bits;
}

// A socket's name for its whole life; descriptors are given again. 0: not a socket.
std::uint64_t cookie_of(int descriptor) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

}  // namespace

// libcurl 7.88 closes a socket that was still connecting without a word: neither of its two
// callbacks is called in time, and the next socket may get the same number. Therefore its sockets
// are in an epoll set of their own, where a closed one simply vanishes, and `opened` puts a
// successor where libcurl believes its predecessor to be.
struct HttpClient::State final : SocketBook {
  State(Loop& used_loop, std::size_t kept_connections);
  ~State() override;

  CallId call(HttpCall call, Done done);
  void cancel(CallId id);
  void serve();    // may destroy this
  void deliver();  // may destroy this
  bool is_still_ours(int descriptor) const;
  void listen_to(int operation, int descriptor, std::uint32_t events);
  std::vector<OwnConnection> own_connections();
  void want_timer(long ms);
  void arm();
  void on_timer();
  std::unique_ptr<Transfer> free_transfer();
  void recycle(std::unique_ptr<Transfer> transfer);

  void opened(int descriptor, const sockaddr* target) override;
  void closing(int descriptor) override;
  static int on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*);
  static int on_timer_wish(CURLM*, long ms, void* self);

  struct Opened {
    std::uint64_t cookie = 0;
    OwnConnection ends{};
    bool is_tcp = false;      // and not a unix socket
    bool ours_known = false;  // the port is not known at opening: asked when it is first wanted
  };

  Loop& loop;
  std::size_t pooled_max;
  CURLM* multi;
  CallId last_id = 0;
  std::unordered_map<CallId, std::unique_ptr<Transfer>> calls;
  std::vector<std::unique_ptr<Transfer>> pool;
  std::unordered_map<int, Opened> sockets;
  int set = -1;                                   // the epoll set
  std::unordered_map<int, std::uint32_t> wishes;  // what libcurl believes to be in it
  // libcurl changes its wish with every call; the loop's timer is set anew only for an earlier one.
  std::optional<Instant> timer_wish;
  std::optional<Instant> timer_due;
  Loop::TimerId timer = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

HttpClient::State::State(Loop& used_loop, std::size_t kept_connections)
    : loop(used_loop), pooled_max(std::max<std::size_t>(1, kept_connections)) {
  start_libcurl_once();
  multi = curl_multi_init();
  check(multi != nullptr, "libcurl makes a multi handle unless memory is out");
  set = epoll_create1(EPOLL_CLOEXEC);
  check(set >= 0, "an HTTP client needs one descriptor for its epoll set");
  loop.watch(set, EPOLLIN, [this](std::uint32_t) { serve(); });
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::on_timer_wish);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, long(pooled_max));
}

HttpClient::State::~State() {
  *alive = false;
  for (auto& [id, transfer] : calls) curl_multi_remove_handle(multi, transfer->easy());
  calls.clear();
  pool.clear();
  curl_multi_cleanup(multi);  // closes what is kept
  loop.unwatch(set);
  close(set);
  if (timer_due) loop.cancel(timer);
}

HttpClient::CallId HttpClient::State::call(HttpCall call, Done done) {
  const CallId id = ++last_id;
  auto transfer = free_transfer();
  const auto prepared = transfer->prepare(id, std::move(call), std::move(done));
  if (prepared) {
    curl_multi_add_handle(multi, transfer->easy());
    calls.emplace(id, std::move(transfer));
    return id;
  }
  calls.emplace(id, std::move(transfer));
  loop.after(Duration{0}, [this, alive = alive, id, failed = prepared.error()] {
    if (!*alive) return;
    const auto found = calls.find(id);
    if (found == calls.end()) return;
    auto ended = std::move(found->second);
    calls.erase(found);
    const Done done = ended->take_done();
    recycle(std::move(ended));
    done(std::unexpected(failed));
  });
  return id;
}

void HttpClient::State::cancel(CallId id) {
  const auto found = calls.find(id);
  if (found == calls.end()) return;
  auto transfer = std::move(found->second);
  calls.erase(found);
  curl_multi_remove_handle(multi, transfer->easy());
  recycle(std::move(transfer));
}

void HttpClient::State::serve() {
  std::array<epoll_event, 256> ready;
  const int count = epoll_wait(set, ready.data(), int(ready.size()), 0);
  int running = 0;
  for (int i = 0; i < count; ++i)
    curl_multi_socket_action(multi, ready[std::size_t(i)].data.fd,
                             curl_events(ready[std::size_t(i)].events), &running);
  deliver();
}

void HttpClient::State::deliver() {
  const auto still_alive = alive;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    const auto found = calls.find(reinterpret_cast<Transfer*>(owner)->id());
    check(found != calls.end(), "a running transfer is in `calls`");
    auto transfer = std::move(found->second);
    calls.erase(found);
    auto result = transfer->outcome(code);
    const Done done = transfer->take_done();
    curl_multi_remove_handle(multi, transfer->easy());
    recycle(std::move(transfer));
    done(std::move(result));
    if (!*still_alive) return;
  }
}

int HttpClient::State::on_timer_wish(CURLM*, long ms, void* self) {
  static_cast<State*>(self)->want_timer(ms);
  return 0;
}

void HttpClient::State::want_timer(long ms) {
  if (ms < 0) {
    timer_wish.reset();
    return;  // the loop's timer, if set, fires once for nothing
  }
  timer_wish = loop.now() + std::chrono::milliseconds(ms);
  if (!timer_due || *timer_wish < *timer_due) arm();
}

void HttpClient::State::arm() {
  if (timer_due) loop.cancel(timer);
  timer_due = timer_wish;
  timer = loop.after(std::max(Duration{0}, *timer_wish - loop.now()), [this] { on_timer(); });
}

void HttpClient::State::on_timer() {
  timer_due.reset();
  if (!timer_wish) return;
  if (loop.now() < *timer_wish) return arm();
  timer_wish.reset();
  int running = 0;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  deliver();
}

int HttpClient::State::on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*) {
  auto& state = *static_cast<State*>(self);
  if (what == CURL_POLL_REMOVE) {
    const bool was_wished = state.wishes.erase(descriptor) != 0;
    if (was_wished && state.is_still_ours(descriptor))
      state.listen_to(EPOLL_CTL_DEL, descriptor, 0);
    return 0;
  }
  const auto events = epoll_events(what);
  const bool is_new = state.wishes.insert_or_assign(descriptor, events).second;
  state.listen_to(is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, events);
  return 0;
}

// False: libcurl has closed it, and anybody in this process may have got the number since. What
// `opened` never saw is libcurl's own, such as the pair that wakes a name lookup.
bool HttpClient::State::is_still_ours(int descriptor) const {
  const auto found = sockets.find(descriptor);
  return found == sockets.end() || found->second.cookie == cookie_of(descriptor);
}

void HttpClient::State::listen_to(int operation, int descriptor, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  epoll_ctl(set, operation, descriptor, &event);
}

void HttpClient::State::opened(int descriptor, const sockaddr* target) {
  const auto theirs = socket_end(target);
  sockets[descriptor] = {.cookie = cookie_of(descriptor),
                         .ends = {.ours = {}, .theirs = theirs.value_or(SocketEnd{})},
                         .is_tcp = theirs.has_value()};
  const auto wish = wishes.find(descriptor);
  if (wish != wishes.end()) listen_to(EPOLL_CTL_ADD, descriptor, wish->second);
}

void HttpClient::State::closing(int descriptor) { sockets.erase(descriptor); }

std::vector<OwnConnection> HttpClient::State::own_connections() {
  std::vector<OwnConnection> all;
  all.reserve(sockets.size());
  std::erase_if(sockets, [](const auto& one) { return cookie_of(one.first) != one.second.cookie; });
  for (auto& [descriptor, opened] : sockets) {
    if (!opened.is_tcp) continue;
    if (!opened.ours_known) {
      const auto ours = local_end(descriptor);
      if (!ours) continue;  // not yet bound: the other side cannot have seen it
      opened.ends.ours = *ours;
      opened.ours_known = true;
    }
    all.push_back(opened.ends);
  }
  return all;
}

std::unique_ptr<Transfer> HttpClient::State::free_transfer() {
  if (pool.empty()) return std::make_unique<Transfer>(*this);
  auto transfer = std::move(pool.back());
  pool.pop_back();
  return transfer;
}

void HttpClient::State::recycle(std::unique_ptr<Transfer> transfer) {
  transfer->clear();
  if (pool.size() < pooled_max) pool.push_back(std::move(transfer));
}

HttpClient::HttpClient(Loop& loop, std::size_t kept_connections)
    : state_(std::make_unique<State>(loop, kept_connections)) {}
HttpClient::~HttpClient() = default;

HttpClient::CallId HttpClient::call(HttpCall call, Done done) {
  return state_->call(std::move(call), std::move(done));
}
void HttpClient::cancel(CallId id) { state_->cancel(id); }

std::optional<Duration> HttpClient::last_acknowledged(CallId id) const {
  const auto found = state_->calls.find(id);
  if (found == state_->calls.end()) return std::nullopt;
  const int socket = found->second->socket();
  tcp_info info{};
  socklen_t size = sizeof info;
  if (socket < 0 || getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    return std::nullopt;
  return std::chrono::milliseconds(info.tcpi_last_ack_recv);
}

std::vector<OwnConnection> HttpClient::own_connections() const { return state_->own_connections(); }

}  // namespace utakata::net

#include "fleet/provider/docker/engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "net/curl/tls_words.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

// One line of what it said, whatever it was.
std::string said_in(const std::string& body) {
  const auto json = Json::parse(body, nullptr, false);
  std::string text = body;
  if (json.is_object() && json.contains("message") && json["message"].is_string())
    text = json["message"].get<std::string>();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  while (text.ends_with(' ')) text.pop_back();
  if (text.size() > 300) text.resize(300);
  return text.empty() ? "nothing" : text;
}

Problem problem_of(int status, const std::string& body) {
  using Kind = Problem::Kind;
  const auto what = fmt::format("docker: the Engine answered {}: {}", status, said_in(body));
  if (status == 404) return {Kind::not_found, what};
  if (status == 409) return {Kind::conflict, what};
  if (status == 400) return {Kind::invalid, what};
  if (status >= 500) return {Kind::unavailable, what, true};
  return {Kind::refused, what};
}

Expected<Json> json_of(const net::HttpResult& result) {
  if (result.status / 100 != 2 && result.status != 304)
    return std::unexpected(problem_of(result.status, result.body));
  if (result.body.find_first_not_of(" \r\n") == std::string::npos) return Json();
  auto json = Json::parse(result.body, nullptr, false);
  if (json.is_discarded())
    return problem(Problem::Kind::refused,
                   fmt::format("docker: the Engine's answer is not whole JSON: {}",
                               said_in(result.body.substr(0, 80))));
  return json;
}

// Errors come in the last line of an answer that has begun with 200.
std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const auto from = text.rfind('\n');
  return std::string(from == text.npos ? text : text.substr(from + 1));
}

bool is_tls(const EngineAddress& address) {
  return !address.ca.empty() || !address.certificate.empty();
}

// libcurl says no more than "could not connect".
std::string socket_words(const std::string& path, const std::string& why) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0 || !S_ISSOCK(about.st_mode))
    return fmt::format(
        "docker: there is no socket {}: install and start the Docker Engine, or name its socket by "
        "`docker: {{ socket: ... }}`",
        path);
  if (faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    return fmt::format(
        "docker: this user may not use {}: add it to the group `docker`, or run as root", path);
  return fmt::format("docker: the Engine at {} cannot be reached ({})", path, why);
}

// Empty: it is not TLS that failed. OpenSSL's own words stay in it, for they name what is wrong.
std::string tls_sentence(const EngineAddress& address, const std::string& why) {
  if (!is_tls(address)) return {};
  const auto words = net::tls_words(
      {.ca = address.ca, .certificate = address.certificate, .key = address.key}, why);
  if (!words) return {};
  return fmt::format("docker: the Engine at {}: {} ({})", to_text(address), words->what, why);
}

}  // namespace

std::string query_escaped(std::string_view text) {
  std::string all;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '~';
    all += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return all;
}

struct Engine::Followed {
  std::optional<net::HttpClient::CallId> call;
  std::string bytes;  // not handed on yet
  bool has_begun = false, begun_told = false, is_posted = false;
  std::optional<Problem> end;
  std::function<void(std::string_view)> piece;
  std::function<void(Problem)> ended;
};

Engine::Engine(net::Loop& loop, EngineAddress address)
    : loop_(loop), address_(std::move(address)), client_(loop, 64) {}
Engine::~Engine() = default;

EngineConnection engine_connection(const EngineAddress& address) {
  if (address.host.empty()) return {.url = "http://docker", .unix_socket = address.socket};
  return {.url = (is_tls(address) ? "https://" : "http://") + address.host,
          .unix_socket = {},
          .ca = address.ca,
          .certificate = address.certificate,
          .key = address.key};
}

net::HttpCall Engine::call_to(const std::string& path) const {
  auto way = engine_connection(address_);
  net::HttpCall call;
  call.url = way.url + "/v1.41" + path;
  call.unix_socket = std::move(way.unix_socket);
  call.ca_file = std::move(way.ca);
  call.certificate_file = std::move(way.certificate);
  call.key_file = std::move(way.key);
  return call;
}

// Whatever it is, the same may succeed later: a mended Engine finds everything as it was.
Problem Engine::unreached(Problem why) const {
  why.retry = true;
  if (why.kind == Problem::Kind::timed_out)
    why.what = fmt::format("docker: the Engine at {} does not answer", to_text(address_));
  else if (const auto words = tls_sentence(address_, why.what); !words.empty())
    why = {Problem::Kind::unavailable, words, true};
  else if (why.kind != Problem::Kind::unavailable)
    why.what = "docker: " + why.what;
  else
    why.what = address_.host.empty() ? socket_words(address_.socket, why.what)
                                     : fmt::format(
                                           "docker: the Engine at {} cannot be reached "
                                           "({}): is `host` right, and does it listen "
                                           "there?",
                                           to_text(address_), why.what);
  return why;
}

void Engine::ask(Order order, Done done) {
  net::HttpCall call = call_to(order.path);
  call.method = std::move(order.method);
  if (!order.body.empty() || !order.body_file.empty())
    call.headers.push_back("Content-Type: " + order.type);
  const bool is_import = order.type == "application/x-tar";
  call.body = std::move(order.body);
  call.body_file = std::move(order.body_file);
  call.deadline = order.deadline;
  call.answer_bytes_max = 64 << 20;  // a list of thousands of containers, 2 KB each
  client_.call(std::move(call),
               [this, is_import, done = std::move(done)](Expected<net::HttpResult> result) {
                 if (!result) return done(std::unexpected(unreached(std::move(result.error()))));
                 if (is_import && result->status == 200) result->body = last_line(result->body);
                 done(json_of(*result));
               });
}

Engine::FollowId Engine::follow(std::string path, std::function<void(std::string_view)> piece,
                                std::function<void(Problem)> ended) {
  const FollowId id = ++last_;
  const auto one = std::make_shared<Followed>();
  one->piece = std::move(piece);
  one->ended = std::move(ended);
  followed_.emplace(id, one);
  net::HttpCall call = call_to(path);
  // The client may not be called from within: what came is handed on in a turn of its own.
  call.on_piece = [this, id, one](std::string_view bytes) {
    one->has_begun = true;
    one->bytes += bytes;
    if (std::exchange(one->is_posted, true)) return;
    loop_.post([this, id, alive = std::weak_ptr(one)] {
      if (!alive.expired()) serve(id);
    });
  };
  one->call = client_.call(std::move(call), [this, id, one](Expected<net::HttpResult> result) {
    one->call.reset();
    if (!result)
      one->end = unreached(std::move(result.error()));
    else if (result->status / 100 != 2)
      one->end = problem_of(result->status, result->body);
    else
      one->end = Problem{
          Problem::Kind::unavailable,
          fmt::format("docker: the Engine at {} has ended its answer", to_text(address_)), true};
    serve(id);
  });
  return id;
}

void Engine::serve(FollowId id) {
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  const auto one = found->second;  // it may be forgotten within
  one->is_posted = false;
  const bool begins = one->has_begun && !std::exchange(one->begun_told, one->has_begun);
  if (begins) one->piece({});
  if (const auto bytes = std::exchange(one->bytes, {}); !bytes.empty() && followed_.contains(id))
    one->piece(bytes);
  if (!one->end || !followed_.erase(id)) return;
  one->ended(*one->end);
}

void Engine::forget(FollowId id) {
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  if (found->second->call) client_.cancel(*found->second->call);
  followed_.erase(found);
}

}  // namespace utakata

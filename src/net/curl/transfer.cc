#include "net/curl/transfer.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace utakata::net {
namespace {

static_assert(CURL_ERROR_SIZE == 256);
constexpr std::size_t header_bytes_max =
    64 * 1024;  // status lines and headers of one answer together
constexpr std::size_t kept_body_bytes = 16 * 1024;  // a pooled handle must not keep a megabyte

// The environment's own exceptions, and loopback always: an instance beside us is never behind a
// proxy.
const std::string& no_proxy_hosts() {
  static const std::string hosts = [] {
    std::string text = "localhost,127.0.0.0/8,::1";
    for (const char* name : {"no_proxy", "NO_PROXY"})
      if (const char* more = std::getenv(name)) return text + "," + more;
    return text;
  }();
  return hosts;
}

curl_socket_t open_socket(void* book, curlsocktype, curl_sockaddr* target) {
  const int descriptor = socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
  if (descriptor < 0) return CURL_SOCKET_BAD;
  static_cast<SocketBook*>(book)->opened(descriptor, &target->addr);
  return descriptor;
}

int close_socket(void* book, curl_socket_t descriptor) {
  static_cast<SocketBook*>(book)->closing(descriptor);
  return close(descriptor);
}

bool is_token(std::string_view text) {  // RFC 9110 section 5.6.2
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != marks.npos;
  });
}

bool is_header_line(std::string_view line) {
  const auto colon = line.find(':');
  return colon != line.npos && is_token(line.substr(0, colon)) &&
         line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool names_content_type(const std::vector<std::string>& headers) {
  constexpr std::string_view wanted = "content-type:";
  return std::ranges::any_of(headers, [&](const std::string& line) {
    return line.size() >= wanted.size() &&
           std::ranges::equal(std::string_view(line).substr(0, wanted.size()), wanted, {}, lower);
  });
}

bool is_http(std::string_view url) {
  const auto starts = [&](std::string_view scheme) {
    return url.size() > scheme.size() &&
           std::ranges::equal(url.substr(0, scheme.size()), scheme, {}, lower);
  };
  return starts("http://") || starts("https://");
}

// "http://10.0.0.7:8080": no user, no password, no path, no query.
std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  const auto start = scheme == url.npos ? 0 : scheme + 3;
  auto authority = url.substr(start, url.find_first_of("/?#", start) - start);
  if (const auto at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);
  return std::string(url.substr(0, start)).append(authority);
}

}  // namespace

Transfer::Transfer(SocketBook& book) : easy_(curl_easy_init()) {
  check(easy_ != nullptr, "libcurl makes a handle unless memory is out");
  set_once(book);
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
}

void Transfer::set_once(SocketBook& book) {
  const auto set = [this](CURLoption option, auto value) {
    check(curl_easy_setopt(easy_, option, value) == CURLE_OK, "libcurl 7.88 knows this option");
  };
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // else a cancelled name lookup would block the loop until it ends
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_NOPROXY, no_proxy_hosts().c_str());
  set(CURLOPT_USERAGENT, "utakata");
  set(CURLOPT_ERRORBUFFER, &error_[0]);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_READFUNCTION, &Transfer::on_read);
  set(CURLOPT_READDATA, this);
  set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
  set(CURLOPT_SEEKDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&book));
  set(CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&book));
}

Expected<void> Transfer::prepare(HttpClient::CallId id, HttpCall call, HttpClient::Done done) {
  id_ = id;
  call_ = std::move(call);
  done_ = std::move(done);
  error_[0] = 0;
  if (!is_token(call_.method))
    return problem(Problem::Kind::invalid,
                   fmt::format("{}: the method must be one word such as GET.", where()));
  if (!is_http(call_.url))
    return problem(Problem::Kind::invalid,
                   fmt::format("{}: a URL to call begins with http:// or https://.", where()));
  if (!set_headers())
    return problem(
        Problem::Kind::invalid,
        fmt::format("{}: a header must be one line of the form \"Name: value\".", where()));
  if (!open_body())
    return problem(Problem::Kind::invalid, fmt::format("{}: {} cannot be sent: {}.", where(),
                                                       call_.body_file, std::strerror(errno)));
  set_method();
  set_tls();
  const long ms = std::max<long>(1, long(to_ms(call_.deadline)));  // 0 would mean no deadline
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, call_.on_piece ? 0L : ms);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, ms);
  const bool is_kept_alive = call_.keep_alive > Duration{0};
  socket_ = -1;
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, is_kept_alive ? 1L : 0L);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTDATA, this);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, is_kept_alive ? &Transfer::on_fresh : nullptr);
  const bool is_local = !call_.unix_socket.empty();
  curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, is_local ? call_.unix_socket.c_str() : nullptr);
  curl_easy_setopt(easy_, CURLOPT_PROXY, is_local ? "" : nullptr);
  // A length that is told and too large ends the call at once; one that is not told ends it in
  // take_body.
  curl_easy_setopt(easy_, CURLOPT_MAXFILESIZE_LARGE,
                   call_.method == "HEAD" || call_.on_piece
                       ? curl_off_t(0)  // no limit: HEAD tells a length and sends nothing
                       : std::max<curl_off_t>(1, curl_off_t(call_.answer_bytes_max)));
  if (curl_easy_setopt(easy_, CURLOPT_URL, call_.url.c_str()) != CURLE_OK)
    return problem(Problem::Kind::invalid, fmt::format("{}: the URL is too long.", where()));
  return {};
}

void Transfer::set_method() {
  const auto& method = call_.method;
  const bool has_body =
      !call_.body.empty() || body_file_ || method == "POST" || method == "PUT" || method == "PATCH";
  curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);  // undoes NOBODY and POST of the handle's last call
  if (body_file_) {
    struct stat about{};
    fstat(body_file_.get(), &about);
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, nullptr);  // it is read by on_read
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(about.st_size));
  } else if (has_body) {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, call_.body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(call_.body.size()));
  } else if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
}

bool Transfer::open_body() {
  if (call_.body_file.empty()) return true;
  body_file_.reset(open(call_.body_file.c_str(), O_RDONLY | O_CLOEXEC));
  return bool(body_file_);
}

bool Transfer::set_headers() {
  if (!std::ranges::all_of(call_.headers, is_header_line)) return false;
  headers_ = curl_slist_append(headers_, "Expect:");  // no pause for a 100 Continue
  // Otherwise libcurl would claim that every body is a form.
  if (!names_content_type(call_.headers)) headers_ = curl_slist_append(headers_, "Content-Type:");
  for (const auto& line : call_.headers) {
    const bool is_empty = trimmed(std::string_view(line).substr(line.find(':') + 1)).empty();
    // "Name:" would remove the header; "Name;" sends it empty.
    headers_ = curl_slist_append(
        headers_, is_empty ? (line.substr(0, line.find(':')) + ";").c_str() : line.c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  return true;
}

// A handle keeps what its last call set.
void Transfer::set_tls() {
  const bool has_files =
      !call_.ca_file.empty() || !call_.certificate_file.empty() || !call_.key_file.empty();
  if (!has_files && !has_tls_files_) return;
  has_tls_files_ = has_files;
  const auto set_file = [this](CURLoption option, const std::string& file, const char* otherwise) {
    curl_easy_setopt(easy_, option, file.empty() ? otherwise : file.c_str());
  };
  const char *system_file = nullptr, *system_folder = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_CAINFO, &system_file);
  curl_easy_getinfo(easy_, CURLINFO_CAPATH, &system_folder);
  set_file(CURLOPT_CAINFO, call_.ca_file, system_file);
  curl_easy_setopt(easy_, CURLOPT_CAPATH, call_.ca_file.empty() ? system_folder : nullptr);
  set_file(CURLOPT_SSLCERT, call_.certificate_file, nullptr);
  set_file(CURLOPT_SSLKEY, call_.key_file, nullptr);
}

void Transfer::clear() {
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, nullptr);
  curl_slist_free_all(headers_);
  headers_ = nullptr;
  body_file_.reset();
  id_ = 0;
  call_ = {};
  done_ = nullptr;
  result_.status = 0;
  result_.headers.clear();
  result_.body.clear();
  if (result_.body.capacity() > kept_body_bytes) result_.body.shrink_to_fit();
  header_bytes_ = 0;
  too_large_ = head_complete_ = false;
}

int Transfer::on_fresh(void* self, int descriptor, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto seconds = std::max(
      1, int(std::chrono::duration_cast<std::chrono::seconds>(transfer.call_.keep_alive).count()));
  const int one = 1, probes = 5;
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  transfer.socket_ = descriptor;
  return CURL_SOCKOPT_OK;
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Transfer*>(self)->take_body(data, size) ? size : 0;
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size}) ? size : 0;
}

std::size_t Transfer::on_read(char* into, std::size_t, std::size_t size, void* self) {
  const auto got = read(static_cast<Transfer*>(self)->body_file_.get(), into, size);
  return got < 0 ? CURL_READFUNC_ABORT : std::size_t(got);
}

// For a call that is sent once more, on a fresh connection.
int Transfer::on_seek(void* self, std::int64_t offset, int origin) {
  return lseek(static_cast<Transfer*>(self)->body_file_.get(), offset, origin) < 0
             ? CURL_SEEKFUNC_FAIL
             : CURL_SEEKFUNC_OK;
}

bool Transfer::goes_in_pieces() const {
  if (!call_.on_piece) return false;
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return status / 100 == 2;
}

bool Transfer::take_body(const char* data, std::size_t size) {
  if (goes_in_pieces()) {
    call_.on_piece({data, size});
    return true;
  }
  too_large_ = size > call_.answer_bytes_max - result_.body.size();
  if (too_large_) return false;
  result_.body.append(data, size);
  return true;
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  too_large_ = header_bytes_ > header_bytes_max;
  if (too_large_) return false;
  if (line.starts_with("HTTP/")) {
    result_.headers.clear();  // a 100 came before
    head_complete_ = false;
  }
  if (line == "\r\n" || line == "\n") {
    head_complete_ = true;
    if (goes_in_pieces()) call_.on_piece({});
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return true;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), lower);
  result_.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  return true;
}

Expected<HttpResult> Transfer::outcome(int curl_code) {
  // libcurl takes a head that was cut short for a whole one.
  if (curl_code == CURLE_OK && !head_complete_) curl_code = CURLE_GOT_NOTHING;
  if (curl_code != CURLE_OK) return std::unexpected(problem_of(curl_code));
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  result_.status = int(status);
  return std::move(result_);
}

std::string Transfer::where() const {
  return call_.unix_socket.empty() ? origin_of(call_.url) : "unix:" + call_.unix_socket;
}

Problem Transfer::problem_of(int curl_code) const {
  const auto code = CURLcode(curl_code);
  using Kind = Problem::Kind;
  if (too_large_ || code == CURLE_FILESIZE_EXCEEDED)
    return {Kind::refused, fmt::format("{}: the answer is larger than the {} bytes allowed.",
                                       where(), call_.answer_bytes_max)};
  const std::string why = error_[0] != 0 ? error_ : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Kind::timed_out,
              fmt::format("{}: no answer within {}.", where(), to_text(call_.deadline)), true};
    case CURLE_URL_MALFORMAT:
      return {Kind::invalid, fmt::format("{}: not a URL that can be called ({}).", where(), why)};
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9, that is anything
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
      return {Kind::refused, fmt::format("{}: the answer is not HTTP ({}).", where(), why)};
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return {Kind::invalid, fmt::format("{}: a TLS file cannot be used ({}).", where(), why)};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Kind::refused, fmt::format("{}: TLS failed ({}).", where(), why)};
    default:
      return {Kind::unavailable, fmt::format("{}: {}.", where(), why), true};
  }
}

}  // namespace utakata::net

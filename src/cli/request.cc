#include "cli/request.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>

namespace utakata {
namespace {

constexpr std::size_t answer_bytes_max =
    64 * 1024 * 1024;  // the status of 10,000 instances is about 5 MB

std::size_t take(char* data, std::size_t, std::size_t size, void* into) {
  auto& answer = *static_cast<std::string*>(into);
  if (answer.size() + size > answer_bytes_max) return 0;
  answer.append(data, size);
  return size;
}

Problem::Kind kind_of(long status) {
  switch (status) {
    case 400:
    case 413:
      return Problem::Kind::invalid;
    case 401:
    case 403:
      return Problem::Kind::refused;
    case 404:
      return Problem::Kind::not_found;
    case 409:
      return Problem::Kind::conflict;
    default:
      return Problem::Kind::unavailable;
  }
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void add_header(Headers& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

void trust(CURL* easy, const Running& running) {
  if (running.certificate.empty()) return;
  // The running file, which only its owner can write, names this very certificate: that is proof
  // enough, and it is rarely made out to a loopback address.
  curl_easy_setopt(easy, CURLOPT_CAINFO, running.certificate.c_str());
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

Problem no_answer(const Running& running, CURLcode code) {
  const auto kind =
      code == CURLE_OPERATION_TIMEDOUT ? Problem::Kind::timed_out : Problem::Kind::unavailable;
  return {kind,
          fmt::format("no controller answers at {}: {}. Start one with `utakata up`.", running.url,
                      curl_easy_strerror(code)),
          true};
}

}  // namespace

Expected<std::string> request(const Running& running, const std::string& method,
                              const std::string& path, const std::string& body, Duration deadline) {
  const Easy easy(curl_easy_init(), &curl_easy_cleanup);
  if (!easy) return problem(Problem::Kind::unavailable, "libcurl could not be started");
  Headers headers(nullptr, &curl_slist_free_all);
  if (!running.token.empty()) add_header(headers, "Authorization: Bearer " + running.token);
  if (!body.empty()) add_header(headers, "Content-Type: application/json");
  std::string answer;
  const std::string url = running.url + path;
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, long(to_ms(deadline)));
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
  if (!body.empty() || method == "POST") {
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, long(body.size()));
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, body.c_str());
  }
  trust(easy.get(), running);
  if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK)
    return std::unexpected(no_answer(running, code));
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return answer;
  return problem(kind_of(status), problem_text(int(status), answer));
}

std::string problem_text(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  for (const char* field : {"detail", "title"})
    if (json.is_object() && json.contains(field) && json[field].is_string() &&
        !json[field].get<std::string>().empty())
      return json[field];
  std::string excerpt = body.substr(0, 200);
  for (char& c : excerpt)
    if (std::iscntrl(static_cast<unsigned char>(c))) c = ' ';
  return fmt::format("the controller answered {}{}", status, excerpt.empty() ? "" : ": " + excerpt);
}

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~';
    out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace utakata

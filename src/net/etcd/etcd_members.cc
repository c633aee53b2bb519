#include "net/etcd/etcd_members.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "net/curl/tls_words.h"

namespace utakata::net {
namespace {

EtcdOptions cleaned(EtcdOptions options) {
  check(!options.endpoints.empty(), "an etcd has at least one member");
  for (auto& one : options.endpoints)
    while (one.ends_with('/')) one.pop_back();
  return options;
}

// libcurl's sentences carry the address already.
EtcdNo unreached(const Problem& why) {
  std::string what = why.what;
  while (what.ends_with('.')) what.pop_back();
  const auto is = [&](Problem::Kind kind) { return why.kind == kind; };
  if (is(Problem::Kind::timed_out))
    return {{why.kind, what + ": see whether etcd is well there", true}, EtcdNo::Then::ask_later};
  const bool may_be_tls = what.find("Empty reply") != what.npos;
  if (is(Problem::Kind::unavailable))
    what += may_be_tls ? ": is it https:// there?" : ": start etcd, or correct its address";
  return {{why.kind, what, why.retry}, EtcdNo::Then::ask_another};
}

}  // namespace

EtcdMembers::EtcdMembers(Loop& loop, EtcdOptions options)
    : options_(cleaned(std::move(options))), http_(loop, 16) {}

HttpCall EtcdMembers::call(std::size_t member, std::string_view path, std::string body,
                           Duration deadline) {
  HttpCall call;
  call.method = "POST";
  call.url = options_.endpoints[member] + std::string(path);
  // A member that knows of no leader says so at once, instead of waiting for one.
  call.headers = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true"};
  call.body = std::move(body);
  call.deadline = deadline;
  call.answer_bytes_max = etcd_answer_bytes_max;
  call.ca_file = options_.ca_file;
  call.certificate_file = options_.certificate_file;
  call.key_file = options_.key_file;
  return call;
}

Problem EtcdMembers::of(std::size_t member, Problem why) const {
  why.what = fmt::format("etcd {}: {}", options_.endpoints[member], why.what);
  return why;
}

std::optional<Problem> EtcdMembers::tls_fault(std::size_t member, Problem why) const {
  if (!options_.endpoints[member].starts_with("https://") || why.kind == Problem::Kind::timed_out)
    return std::nullopt;
  const auto words = tls_words(
      {.ca = options_.ca_file, .certificate = options_.certificate_file, .key = options_.key_file},
      why.what);
  if (!words) return std::nullopt;
  why.what = words->remedy.empty() ? words->what : words->what + ": " + words->remedy;
  return why;
}

std::optional<EtcdNo> EtcdMembers::no_of(std::size_t member,
                                         const Expected<HttpResult>& result) const {
  std::optional<EtcdNo> no;
  if (!result) {
    if (const auto tls = tls_fault(member, result.error()))
      return EtcdNo{of(member, *tls), EtcdNo::Then::ask_another};
    no = unreached(result.error());
    no->problem.what = "etcd " + no->problem.what;
    return no;
  }
  no = etcd_no_from(result->status, result->body);
  if (no) no->problem = of(member, std::move(no->problem));
  return no;
}

}  // namespace utakata::net

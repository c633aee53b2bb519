// The members of one etcd over one HTTP client: how each is called, and which is asked first.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/curl/http_client.h"
#include "net/etcd/etcd_client.h"
#include "net/etcd/etcd_words.h"

namespace utakata::net {

inline constexpr std::size_t etcd_answer_bytes_max = 12 << 20;

class EtcdMembers {
 public:
  EtcdMembers(Loop& loop, EtcdOptions options);

  const EtcdOptions& options() const { return options_; }
  std::size_t count() const { return options_.endpoints.size(); }
  HttpClient& http() { return http_; }
  HttpCall call(std::size_t member, std::string_view path, std::string body, Duration deadline);
  // What a failed call, or an answer that is not etcd's good one, comes to; the sentence names the
  // member. Nothing: it is a good one.
  std::optional<EtcdNo> no_of(std::size_t member, const Expected<HttpResult>& result) const;
  Problem of(std::size_t member, Problem why) const;  // names it

  std::size_t first = 0;  // whom to ask: who answered last

 private:
  // Nothing: it is not TLS that failed.
  std::optional<Problem> tls_fault(std::size_t member, Problem why) const;
  const EtcdOptions options_;
  HttpClient http_;
};

}  // namespace utakata::net

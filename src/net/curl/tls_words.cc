#include "net/curl/tls_words.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace utakata::net {

std::optional<TlsWords> tls_words(const ClientTlsFiles& files, std::string_view why) {
  for (const auto* const path : {&files.ca, &files.certificate, &files.key})
    if (!path->empty() && access(path->c_str(), R_OK) != 0)
      return TlsWords{fmt::format("{} cannot be read: {}", *path, std::strerror(errno)),
                      "correct its path, or who may read it"};
  const auto has = [&](const char* part) { return why.find(part) != why.npos; };
  if (has("certificate has expired")) return TlsWords{"its certificate has expired", "renew it"};
  if (has("alert") && (has("certificate") || has("unknown ca")))
    return TlsWords{"it does not accept our `certificate`",
                    "see whether that has expired, and whether it trusts who signed it"};
  if (has("wrong version number") || has("packet length too long"))
    return TlsWords{"it speaks no TLS there", "correct its address, or give it a certificate"};
  if (has("unable to get local issuer") || has("self-signed") || has("self signed") ||
      has("verify failed"))
    return TlsWords{"its certificate is not signed by our `ca`", "name its signer by `ca`"};
  if (has("does not match") || has("no alternative certificate"))
    return TlsWords{"its certificate is for another name",
                    "call it by that name, or give it a certificate for this one"};
  if (has("SSL_connect: SSL_ERROR_SYSCALL"))
    return TlsWords{"it ends the connection before TLS has begun",
                    "see whether it speaks TLS there"};
  // Who refuses a certificate says so and hangs up, and the second may be all that is heard.
  if (!files.certificate.empty() &&
      (has("getpeername() failed") || has("Connection reset") || has("SSL_write")))
    return TlsWords{"it ends the connection, as who does not accept our `certificate`",
                    "see whether that has expired, and whether it trusts who signed it"};
  if (has("TLS") || has("SSL")) return TlsWords{fmt::format("TLS fails ({})", why), ""};
  return std::nullopt;
}

}  // namespace utakata::net

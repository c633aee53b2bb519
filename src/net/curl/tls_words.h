// What is wrong where TLS failed, as a person says it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace utakata::net {

struct ClientTlsFiles {  // as of HttpCall; each may be empty
  std::string ca, certificate, key;
};

struct TlsWords {
  std::string what;    // "its certificate has expired"; `it` is who was called
  std::string remedy;  // "renew it"; empty where there is none to name
};

// From the sentence of a call that failed, which has libcurl's and OpenSSL's words in it. Nothing:
// it is not TLS that failed. Looks whether the files can be read.
std::optional<TlsWords> tls_words(const ClientTlsFiles& files, std::string_view why);

}  // namespace utakata::net

// Who is asking, and may he: the Host and Origin of a request, its token, its address. Pure but for
// the hash of a token.
//
// From this machine nobody needs a token to read and to place. "This machine" is not: a page of
// another site in a browser here (its Origin tells), a name of somebody else's that resolves here
// (its Host tells: DNS rebinding), or whoever a proxy here forwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/model/stack.h"
#include "net/http_server.h"

namespace utakata {

// Another controller of the stack asks for somebody, and says for whom in X-Utakata-Caller: it has
// looked at that one's token, Origin and rate.
enum class Caller : std::uint8_t { stranger, placer, admin, bad_token };

class Gate {
 public:
  struct Hashes {  // of tokens: wire::sha256_hex; an empty one: there is no such token
    std::string admin, place, peer;
  };
  Gate(const ApiSpec& api, Hashes hashes);

  // A loopback listener is asked for by this machine's names only.
  bool is_host_ours(const net::HttpRequest& request) const;
  bool is_cross_site(const net::HttpRequest& request) const;  // its Origin is another than its Host
  bool may_place_from(std::string_view origin) const;  // ApiSpec::origins; an empty origin may
  bool allows_any_origin() const { return origins_.empty(); }

  // With a known token: what it gives. Without: a placer from this machine, else a stranger.
  Caller caller(const net::HttpRequest& request);
  bool is_peer(const net::HttpRequest& request);                    // another controller
  static std::string_view bearer(const net::HttpRequest& request);  // empty: none
  // Whom a stranger's rate is counted for: behind a proxy of this machine, whom the proxy names
  // last.
  static std::string_view address(const net::HttpRequest& request);

 private:
  bool is_name_ours(std::string_view host) const;

  const bool listens_on_loopback_;
  std::vector<std::string> names_;  // small letters, without brackets
  std::vector<std::string> origins_;
  const Hashes hashes_;
  // The last good token: hashing is a third of a placement's cost.
  std::string known_token_, known_peer_;
  Caller known_caller_ = Caller::stranger;
};

}  // namespace utakata

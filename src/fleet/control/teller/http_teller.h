// Tells instances by HTTP: `drain: { tell: "POST /drain" }`, with a JSON body that says what is
// wanted.
#pragma once

#include "fleet/control/control.h"
#include "net/curl/http_client.h"

namespace utakata {

class HttpTeller final : public Teller {
 public:
  explicit HttpTeller(net::HttpClient& client) : client_(client) {}
  // Body: {"state":"draining","deadline_ms":30000} or {"state":"serving"}; any 2xx is a yes.
  void tell(const Message& message, std::function<void(Expected<void>)> done) override;
  // `PUT /lease?ms=30000`.
  void lend(const Address& address, const std::string& token, Duration time) override;

 private:
  net::HttpClient& client_;
};

}  // namespace utakata

// Does a program still accept? A connection of ours that says nothing: the kernel tells whether it
// was taken out of the backlog, whatever protocol is spoken there.
#pragma once

#include <optional>

#include "fleet/model/instance.h"
#include "net/descriptor.h"
#include "net/socket_end.h"

namespace utakata {

class Knock {
 public:
  explicit Knock(const Address& address);  // does not block; names are not knocked at
  ~Knock();                                // by a reset, so that it is no client any more
  Knock(Knock&&) = default;
  Knock& operator=(Knock&&) = delete;
  // None: it could not be dialled. To be left out of counts, and looked up in the table.
  const std::optional<net::OwnConnection>& connection() const { return connection_; }

 private:
  net::Descriptor socket_;
  std::optional<net::OwnConnection> connection_;
};

}  // namespace utakata

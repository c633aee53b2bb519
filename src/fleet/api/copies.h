// Copies of others' ledgers, so that who takes a cluster over goes on with the seats and keys that
// its former owner gave: a stream (ledger_stream.h) from the owner of each cluster that is not
// ours. API loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/api/ledger_stream.h"
#include "fleet/api/takeovers.h"
#include "fleet/owner/owners.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class Copies {
 public:
  struct Options {
    std::string stack, token;
    std::string ca{};  // PEM file of whom we trust at https; empty: the system's
  };
  // `changed`: a stream has ended.
  Copies(net::Loop& loop, const Owners& owners, Options options, std::function<void()> changed);
  ~Copies();

  void turn();  // owners may have changed
  // A cluster's owner has told us itself, which may be before we hear of it from elsewhere.
  void owned_by(const std::string& cluster, const std::string& url) { owned_by_[cluster] = url; }
  // What the former owner of a cluster that is ours now left. Its last word may not come: it stands
  // still, say. Its kernel goes on sending what it had said, and acknowledges that we are there:
  // who was not heard for a second from such a host has nothing more on its way.
  using Told = Takeovers::Told;
  Told told(std::string_view cluster, std::int64_t tenure) const;
  std::string teller(std::string_view cluster) const;  // its url; empty: nobody tells, or any more
  void replay(std::string_view cluster, PlaceLog& to) const;
  void forget(std::string_view cluster);

 private:
  struct Stream;
  void begin(const std::string& cluster, const std::string& url);
  void hear(const std::shared_ptr<Stream>& stream, std::string_view bytes);
  void ended(const std::shared_ptr<Stream>& stream);

  net::Loop& loop_;
  const Owners& owners_;
  const Options options_;
  const std::function<void()> changed_;
  net::HttpClient client_;
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> streams_;   // by cluster
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> attempts_;  // not told all yet
  std::map<std::string, std::string> owned_by_;  // urls, as their owners said
  net::Loop::TimerId timer_ = 0;
};

}  // namespace utakata

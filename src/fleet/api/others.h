// The other controllers of the stack, as the API asks them: a request for a cluster that is
// another's is sent on to its owner, whose answer is handed back. While there is no owner the
// request waits. API loop only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fleet/api/peer_link.h"
#include "fleet/api/silence.h"
#include "fleet/owner/owners.h"
#include "net/curl/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace utakata {

// A request that outlives its connection's buffer.
class KeptRequest final : public net::HttpRequest {
 public:
  explicit KeptRequest(const net::HttpRequest& request);
  KeptRequest(const KeptRequest&) = delete;  // its views are of its own texts
  std::string_view header(std::string_view name) const override;
  std::string target() const;

 private:
  std::string method_, path_, query_, body_, peer_;
  std::vector<std::pair<std::string, std::string>> headers_;  // those that the API reads
};

class Others {
 public:
  struct Options {
    std::string token;  // of ours, for them
    std::string ca{};   // PEM file of whom we trust at https; empty: the system's
    Duration patience{Silence::patience};
    std::size_t waiting_max = 10'000;
  };
  struct Here {  // ourselves
    std::function<bool(std::string_view cluster)> can_answer;
    std::function<void(const net::HttpRequest&, net::HttpReply)> take;
  };
  Others(net::Loop& loop, const Owners& owners, Options options, Here here);
  ~Others();

  struct Passage {
    std::string cluster;
    std::string caller{};      // whom we ask for: "admin", "placer" or "stranger"
    bool is_by_token = false;  // of an instance: the owner looks at it itself
    bool is_repeatable = true;
    std::string headers{};  // of the answer: CORS
  };
  // To the owner of a cluster, or it waits for one.
  void send_on(const net::HttpRequest& request, net::HttpReply reply, Passage passage);
  // To the former owner of a cluster that is ours now: it gives nothing any more. It may not know
  // yet, and may stand still.
  void tell(const std::string& url, const std::string& target, const std::string& body);
  // A cluster's owner has told us itself, which may be before we hear of it from elsewhere.
  void told(const std::string& cluster, const std::string& url);
  // To each that is there now; `done` with all of them.
  struct Answer {
    Controller from;
    Expected<net::HttpResult> result;
  };
  void ask_each(const std::string& method, const std::string& target, const std::string& body,
                std::function<void(std::vector<Answer>)> done);
  void turn();  // owners, or what we can answer ourselves, may have changed

 private:
  struct Waiting;
  void try_again();
  Ownership owner_of(const std::string& cluster) const;
  void send(std::shared_ptr<Waiting> one, const std::string& url);
  void answered(const std::shared_ptr<Waiting>& one, const std::string& url,
                const Expected<PeerAnswer>& answer);
  void drop_links();
  void wait(std::shared_ptr<Waiting> one);
  net::HttpCall call_of(const std::string& method, std::string url, std::string body,
                        const std::string& caller) const;

  net::Loop& loop_;
  const Owners& owners_;
  const Options options_;
  const Here here_;
  net::HttpClient client_;                                  // to ask each
  std::map<std::string, std::unique_ptr<PeerLink>> links_;  // by url
  std::map<std::string, std::string> told_;                 // clusters' owners' urls
  std::deque<std::shared_ptr<Waiting>> waiting_;
  net::Loop::TimerId timer_ = 0;  // while somebody waits
  Silence silence_;
};

}  // namespace utakata

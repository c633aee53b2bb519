// One cluster's placements over HTTP: a ledger, and its grants and refusals as answers. API loop
// only.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "fleet/api/place_body.h"
#include "fleet/plan/place.h"
#include "net/http_server.h"

namespace utakata {

// Wall times as RFC 3339 text, the second's part kept from call to call: about 10 ns.
class ExpiryText {
 public:
  std::string_view of(WallTime at);

 private:
  std::int64_t second_ = -1;
  char text_[24];  // 2026-11-22T02:14:33.120Z
};

class Places {
 public:
  Places(std::string stack, std::string cluster, PlacementLedger::Options options);

  const std::string& cluster() const { return cluster_; }
  const std::string& path() const { return path_; }  // of its placements, as it stands in a request
  PlacementLedger& ledger() { return ledger_; }
  // From now on what happens to the ledger is told to it, until it is removed.
  PlaceTee& logs();
  // Then ledger().apply_more() until it is done.
  void apply_begin(const std::shared_ptr<const PlacementView>& view, Instant now);
  bool is_applying = false;            // somebody is at it
  PlacementLedger::Telling retelling;  // to the journal

  struct Wish {
    const PlaceBody& body;
    bool stranger = false;
    bool as_endpoint = false;  // the url in a header too
    std::string_view headers;  // of the answer: CORS
  };
  void place(net::HttpReply& reply, const Wish& wish, Instant now, Duration wall_offset);
  void release(net::HttpReply& reply, std::string_view id, Instant now, std::string_view headers);
  void release_key(net::HttpReply& reply, std::string_view key, std::string_view headers);
  // By the instance that has this token. `of`: whether it names a ticket or a placement.
  void confirm(net::HttpReply& reply, PlaceName of, std::string_view text, std::string_view token,
               Instant now);

 private:
  struct Prepared {  // the fixed parts of an instance's answers
    std::shared_ptr<const Placeable::Identity> identity;  // from which they were made
    std::string instance;                                 // `","instance":"game-1","url":"`
    std::vector<std::string> url_pieces;                  // escaped; the ticket stands between them
  };
  const Prepared& prepared(std::uint32_t slot);
  void grant(net::HttpReply& reply, const Wish& wish, const Grant& grant, Instant now,
             Duration wall_offset);
  void refuse(net::HttpReply& reply, const Wish& wish, const Refusal& refusal);

  const std::string stack_, cluster_, path_;
  PlaceSecret secret_;
  PlacementLedger ledger_;
  PlaceTee logs_;
  bool is_logged_ = false;
  ExpiryText expiry_;
  std::vector<Prepared> prepared_;  // by slot
  std::unordered_map<std::string, std::string> instance_by_token_;
  std::vector<std::shared_ptr<const Placeable::Identity>> in_view_;  // the last one, in its order
  std::string body_, lines_;  // of the answer being made; kept for their memory
};

}  // namespace utakata

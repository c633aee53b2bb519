// A ledger on its way to another controller: all that it holds, then everything that happens to it,
// so that the other one can go on with the same seats and keys. Bytes; pure.
//
//   head (tenure, the sender's clock), what is held, `whole`, what happens ..., `end`
//
// What happens while it is told what is held stands between.
// Each record is told before the placement that made it is answered: what a client knows, the
// other controller has, unless the network between the two was cut.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "fleet/model/byte_codec.h"
#include "fleet/plan/place_log.h"

namespace utakata {

enum class LedgerRecord : std::uint8_t;

class LedgerWriter final : public PlaceLog {
 public:
  explicit LedgerWriter(std::function<void(std::string_view record)> out) : out_(std::move(out)) {}
  void head(std::int64_t tenure, Instant now);
  void whole();  // all that was held has been told
  void end();    // nothing happens to it here any more

  void instance(std::uint32_t number, std::string_view id) override;
  void granted(const HoldRecord& hold) override;
  void ended(std::uint64_t placement) override;
  void arrived(std::uint64_t placement) override;
  void key_bound(const RoomRecord& room, std::string_view key) override;
  void key_ended(std::uint32_t room) override;

 private:
  void begin(LedgerRecord kind);
  void out();  // the record, and its length before it

  std::function<void(std::string_view)> out_;
  ByteWriter record_;
  std::string framed_;
};

// Keeps what it is fed until it is asked for it. Foreign bytes that are no stream of ours leave it
// broken, and then nothing is known.
class LedgerCopy {
 public:
  void feed(std::string_view bytes, Instant now);
  bool is_whole() const { return is_whole_ && !is_broken_; }
  bool has_ended() const { return has_ended_; }
  std::int64_t tenure() const { return tenure_; }
  std::size_t bytes() const { return bytes_.size(); }
  void replay(PlaceLog& to) const;  // in order; times are this host's

 private:
  std::string bytes_;
  std::size_t read_ = 0;  // whole records
  std::int64_t tenure_ = 0;
  Duration ahead_{};  // our clock's
  bool has_head_ = false, is_whole_ = false, has_ended_ = false, is_broken_ = false;
};

}  // namespace utakata

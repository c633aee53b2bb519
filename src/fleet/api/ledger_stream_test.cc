// A ledger told to another controller: whatever happens here is so there.
#include "fleet/api/ledger_stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "fleet/plan/place.h"

namespace utakata {
namespace {

// Everything as text.
class Words final : public PlaceLog {
 public:
  void instance(std::uint32_t number, std::string_view id) override { say("i", number, id); }
  void granted(const HoldRecord& hold) override {
    say("g", hold.number, std::to_string((hold.expires - Instant{}).count()));
    holds.push_back(hold);
  }
  void ended(std::uint64_t placement) override { say("e", placement, ""); }
  void arrived(std::uint64_t placement) override { say("a", placement, ""); }
  void key_bound(const RoomRecord& room, std::string_view key) override {
    say("k", room.number, key);
    rooms.push_back(room);
  }
  void key_ended(std::uint32_t room) override { say("x", room, ""); }
  std::string text;
  std::vector<HoldRecord> holds;
  std::vector<RoomRecord> rooms;

 private:
  void say(const char* what, std::uint64_t number, std::string_view more) {
    text += what + std::to_string(number) + " " + std::string(more) + "; ";
  }
};

const Instant there{1000h}, here{3h};  // two machines' clocks at one moment

RC_GTEST_PROP(LedgerStream, all_records_come_out_as_they_went_in_however_they_are_chopped, ()) {
  const auto hold = HoldRecord{.number = *rc::gen::arbitrary<std::uint64_t>(),
                               .granted = there - 1s,
                               .expires = there + 59s,
                               .instance = *rc::gen::arbitrary<std::uint32_t>(),
                               .room = *rc::gen::arbitrary<std::uint32_t>(),
                               .seats = *rc::gen::arbitrary<std::uint32_t>(),
                               .stranger = *rc::gen::arbitrary<bool>(),
                               .arrived = *rc::gen::arbitrary<bool>(),
                               .retold = *rc::gen::arbitrary<bool>()};
  const auto key = *rc::gen::arbitrary<std::string>();
  std::string bytes;
  LedgerWriter writer([&](std::string_view record) { bytes += record; });
  writer.head(7, there);
  const auto tell = [&](PlaceLog& to, Duration ahead) {
    HoldRecord moved = hold;
    moved.granted += ahead, moved.expires += ahead;
    to.instance(1, "game-1");
    to.key_bound({.number = 9, .instance = 1, .total = 4, .reserved_until = there + ahead}, key);
    to.granted(moved);
    to.arrived(5);
    to.ended(6);
    to.key_ended(9);
  };
  tell(writer, {});
  writer.whole();
  writer.end();
  LedgerCopy copy;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto step = *rc::gen::inRange<std::size_t>(1, 40);
    copy.feed(std::string_view(bytes).substr(at, step), here);
    at += step;
  }
  RC_ASSERT(copy.is_whole() && copy.has_ended() && copy.tenure() == 7);
  Words told, meant;
  copy.replay(told);
  tell(meant, here - there);
  RC_ASSERT(told.text == meant.text);
  RC_ASSERT(told.holds == meant.holds);
  RC_ASSERT(told.rooms == meant.rooms);
}

// Told in pieces while clients come, go and give back: who takes over knows what the owner does.
RC_GTEST_PROP(LedgerStream, what_happens_while_it_is_told_is_known_as_well, ()) {
  const PlacementLedger::Options options{.seed = 3, .secret = {1, 2}};
  PlacementLedger owner(options);
  PlacementView view;
  view.cluster = "game", view.version = 1, view.capacity = 1000, view.seats_per_key = 4,
  view.hold = 1h;
  for (int i = 0; i < 4; ++i) {
    Placeable instance;
    instance.identity = placeable_identity("game-" + std::to_string(i), "ws://127.0.0.1:1");
    instance.open = instance.honours_keys = instance.count_known = true;
    view.instances.push_back(instance);
  }
  Instant now = there;
  owner.apply(view, now);
  std::vector<std::uint64_t> placed;
  const auto happens = [&] {
    now += 1ms;
    const auto key = std::to_string(*rc::gen::inRange(0, 8));
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        if (const auto grant = owner.place({}, now)) placed.push_back(grant->number);
        break;
      case 1:
      case 2:
        if (const auto grant = owner.place({.key = key}, now)) placed.push_back(grant->number);
        break;
      case 3:
        if (!placed.empty()) (void)owner.release(*rc::gen::elementOf(placed), now);
        break;
      default:
        (void)owner.release_key(key);
    }
  };
  for (int i = *rc::gen::inRange(0, 60); i-- > 0;) happens();
  std::string bytes;
  LedgerWriter writer([&](std::string_view record) { bytes += record; });
  owner.log_to(&writer);
  writer.head(1, now);
  PlacementLedger::Telling telling;
  while (owner.tell(writer, telling, *rc::gen::inRange(1, 6))) happens();
  writer.whole();
  for (int i = *rc::gen::inRange(0, 20); i-- > 0;) happens();
  LedgerCopy copy;
  copy.feed(bytes, here);
  RC_ASSERT(copy.is_whole());
  PlacementLedger next(options);
  {
    const auto replay = next.replay(here);
    copy.replay(*replay);
  }
  const auto known = [](const PlacementLedger& ledger) {
    Words words;
    ledger.dump(words);
    std::vector<std::string> lines;
    for (const HoldRecord& hold : words.holds)
      lines.push_back("hold " + std::to_string(hold.number) + " of " + std::to_string(hold.seats) +
                      " in " + std::to_string(hold.room) + (hold.arrived ? " there" : ""));
    for (const RoomRecord& room : words.rooms)
      lines.push_back("room " + std::to_string(room.number) + " on " +
                      std::to_string(room.instance) + " of " + std::to_string(room.total) +
                      " reserves " + std::to_string(room.reserved));
    std::ranges::sort(lines);
    return lines;
  };
  RC_ASSERT(known(next) == known(owner));
  RC_ASSERT(next.seats_held() == owner.seats_held());
}

TEST(LedgerStream, what_is_no_ledger_is_never_whole) {
  for (const std::string bytes : {"HTTP/1.1 200 OK", "\x01\x00\x00\x00\x08", "\xff\xff\xff\xff"}) {
    LedgerCopy copy;
    copy.feed(bytes + std::string(64, '\0'), here);
    EXPECT_FALSE(copy.is_whole());
    Words none;
    copy.replay(none);
  }
}

}  // namespace
}  // namespace utakata

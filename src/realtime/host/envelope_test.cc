#include "realtime/host/envelope.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>
#include <vector>

namespace utakata::realtime {
namespace {

using Kind = Envelope::Kind;

struct Owned {  // an envelope whose strings live on
  Kind kind;
  std::uint64_t number, offset, serial;
  std::string tenant, channel, text, epoch;
  std::optional<std::pair<std::size_t, Duration>> keeps;
  bool operator==(const Owned&) const = default;
};

Owned own(const Envelope& e) {
  Owned owned{e.kind,
              e.number,
              e.offset,
              e.serial,
              std::string(e.tenant),
              std::string(e.channel),
              std::string(e.text),
              std::string(e.epoch),
              std::nullopt};
  if (e.keeps) owned.keeps = {e.keeps->count, e.keeps->age};
  return owned;
}

Envelope view(const Owned& o) {
  Envelope envelope{.kind = o.kind,
                    .number = o.number,
                    .tenant = o.tenant,
                    .channel = o.channel,
                    .text = o.text,
                    .epoch = o.epoch,
                    .offset = o.offset,
                    .serial = o.serial};
  if (o.keeps) envelope.keeps = BusKeeps{o.keeps->first, o.keeps->second};
  return envelope;
}

// As a link does: whole frames, some of them in one datagram.
std::vector<std::string> datagrams(const std::string& frames, std::size_t bytes_max) {
  std::vector<std::string> all(1);
  for (std::size_t at = 0; at < frames.size();) {
    const std::size_t bytes = frame_bytes(frames, at);
    if (!all.back().empty() && all.back().size() + bytes > bytes_max) all.emplace_back();
    all.back() += frames.substr(at, bytes);
    at += bytes;
  }
  return all;
}

std::vector<Owned> read_all(EnvelopeReader& reader, const std::vector<std::string>& datagrams) {
  std::vector<Owned> all;
  for (const std::string& one : datagrams) {
    reader.feed(one);
    while (const auto envelope = reader.next()) all.push_back(own(*envelope));
  }
  return all;
}

Owned arbitrary_message() {
  Owned one;
  one.kind = Kind(*rc::gen::inRange<int>(0, int(Kind::answer) + 1));
  one.number = *rc::gen::arbitrary<std::uint64_t>();
  one.offset = *rc::gen::arbitrary<std::uint64_t>();
  one.serial = *rc::gen::arbitrary<std::uint64_t>();
  one.tenant = *rc::gen::arbitrary<std::string>();
  one.channel = *rc::gen::arbitrary<std::string>();
  one.text = *rc::gen::arbitrary<std::string>();
  if (*rc::gen::inRange(0, 10) == 0) {  // of more than one frame
    one.text.resize(*rc::gen::inRange<std::size_t>(datagram_bytes_max - 200, 400'000));
    for (std::size_t i = 0; i < one.text.size(); ++i) one.text[i] = char(i * 31 >> 3);
  }
  one.epoch = *rc::gen::arbitrary<std::string>();
  if (*rc::gen::arbitrary<bool>())
    one.keeps = {*rc::gen::arbitrary<std::size_t>(), Duration(*rc::gen::arbitrary<std::int64_t>())};
  return one;
}

TEST(Envelope, what_is_encoded_is_read_again_however_frames_share_datagrams) {
  EXPECT_TRUE(rc::check([] {
    std::vector<Owned> said;
    std::string frames;
    for (int i = 0, count = *rc::gen::inRange(0, 12); i < count; ++i) {
      said.push_back(arbitrary_message());
      frames += *encode(view(said.back()));
    }
    const auto cut = datagrams(frames, *rc::gen::element<std::size_t>(1, 500, datagram_bytes_max));
    for (const std::string& one : cut) RC_ASSERT(one.size() <= datagram_bytes_max);
    EnvelopeReader reader;
    RC_ASSERT(read_all(reader, cut) == said);
    RC_ASSERT(reader.dropped() == 0u);
  }));
}

TEST(Envelope, nonsense_is_dropped_and_what_comes_in_the_next_datagram_is_read) {
  EXPECT_TRUE(rc::check([] {
    const Owned good = arbitrary_message();
    const std::string frames = *encode(view(good));
    EnvelopeReader reader;
    for (int i = 0, count = *rc::gen::inRange(0, 20); i < count; ++i) {
      std::string bad;
      if (*rc::gen::arbitrary<bool>()) {
        bad = *rc::gen::arbitrary<std::string>();
      } else {
        bad = *encode(view({.kind = Kind::word, .text = std::string(20, 'x')}));
        bad.resize(*rc::gen::inRange<std::size_t>(0, bad.size()));  // cut short
      }
      read_all(reader, {bad});
    }
    // An unfinished message may swallow the end of the next: never more than that one.
    read_all(reader, datagrams(*encode({.kind = Kind::join}), 1));
    RC_ASSERT(read_all(reader, datagrams(frames, 1)) == std::vector{good});
  }));
}

TEST(Envelope, one_byte_changed_then_it_is_read_as_something_or_dropped_but_never_beyond_its_end) {
  const std::string good = *encode({.kind = Kind::word,
                                    .tenant = "t",
                                    .channel = "c",
                                    .text = "hello",
                                    .epoch = "e",
                                    .offset = 1});
  std::size_t dropped = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[at] = char(bad[at] ^ (1 << bit));
      EnvelopeReader reader;
      for (const Owned& one : read_all(reader, {bad}))
        EXPECT_LE(one.tenant.size() + one.channel.size() + one.text.size() + one.epoch.size(), 8u);
      dropped += reader.dropped();
    }
  EXPECT_GT(dropped, 0u);
}

TEST(Envelope, too_large_then_it_is_not_encoded_and_parts_of_such_are_skipped) {
  const std::string large(envelope_bytes_max, 'x');
  EXPECT_EQ(encode({.text = large}), nullptr);
  const std::string_view nearly(large.data(), large.size() - 1000);
  const auto frames = encode({.kind = Kind::word, .text = nearly});
  ASSERT_NE(frames, nullptr);
  EnvelopeReader reader;
  EXPECT_EQ(read_all(reader, datagrams(*frames, 1)).at(0).text.size(), nearly.size());

  auto endless = datagrams(*frames, 1);
  endless.pop_back();  // the part that says it is the last
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(read_all(reader, endless).empty());
    EXPECT_LE(reader.held(), envelope_bytes_max);
  }
  EXPECT_TRUE(read_all(reader, {*encode({.kind = Kind::join})}).empty())
      << "it is taken as the end";
  EXPECT_EQ(reader.dropped(), 1u);
  EXPECT_EQ(read_all(reader, {*encode({.kind = Kind::ask, .text = "?"})}).at(0).text, "?");
}

}  // namespace
}  // namespace utakata::realtime

#include "load/client/source_ranges.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace utakata::load {
namespace {

std::vector<net::TcpAddress> interfaces(const std::string& name) {
  if (name != "eth0") return {};
  return {*net::numeric_address("192.0.2.7", 0), *net::numeric_address("2001:db8::7", 0)};
}

// "first-last" of each.
std::string read(std::string_view text) {
  const auto ranges = read_sources(text, interfaces);
  if (!ranges) return ranges.error().what;
  std::string all;
  for (const auto& range : *ranges)
    all += fmt::format("{}{}-{}", all.empty() ? "" : " ", to_text(address_at(range, 0)),
                       to_text(address_at(range, range.count - 1)));
  return all;
}

TEST(SourceRanges, every_form_is_understood) {
  const struct {
    const char* text;
    const char* addresses;
  } rows[] = {
      {"10.0.0.1", "10.0.0.1-10.0.0.1"},
      {"10.0.0.1,10.0.0.2", "10.0.0.1-10.0.0.1 10.0.0.2-10.0.0.2"},
      {" 10.0.0.1 , ::1", "10.0.0.1-10.0.0.1 ::1-::1"},
      {"127.0.0.0/8", "127.0.0.1-127.255.255.254"},
      {"10.0.0.77/30", "10.0.0.77-10.0.0.78"},
      {"10.0.0.77/31", "10.0.0.76-10.0.0.77"},
      {"10.0.0.77/32", "10.0.0.77-10.0.0.77"},
      {"fd00::ff/120", "fd00::1-fd00::ff"},
      {"fd00::1:2:3:4:5/64", "fd00:0:0:1::1-fd00::1:0:0:ffff:ffff"},
      {"fdff:ffff:ffff:ffff:ffff::/9", "fd80::1-fd80::ffff:ffff"},
      {"fd00::5/128", "fd00::5-fd00::5"},
      {"eth0", "192.0.2.7-192.0.2.7 2001:db8::7-2001:db8::7"},
      {"eth0,10.0.0.1", "192.0.2.7-192.0.2.7 2001:db8::7-2001:db8::7 10.0.0.1-10.0.0.1"},
  };
  for (const auto& [text, addresses] : rows) EXPECT_EQ(read(text), addresses) << text;
}

TEST(SourceRanges, what_is_none_is_named) {
  const char* const here = "is neither an address, a network (10.0.0.0/24) nor an interface here";
  const struct {
    const char* text;
    std::string what;
  } rows[] = {
      {"eth1", fmt::format("the source `eth1` {}", here)},
      {"10.0.0.1,10.0.0.256", fmt::format("the source `10.0.0.256` {}", here)},
      {"10.0.0.1-10.0.0.9", fmt::format("the source `10.0.0.1-10.0.0.9` {}", here)},
      {"", "the source `` is no address: one stands on each side of a comma"},
      {"10.0.0.1,", "the source `` is no address: one stands on each side of a comma"},
      {"eth0/8", "the source `eth0/8` is no network: it must begin with an address"},
      {"10.0.0.0/7", "the source `10.0.0.0/7` is no network: its length must be 8 to 32"},
      {"10.0.0.0/33", "the source `10.0.0.0/33` is no network: its length must be 8 to 32"},
      {"10.0.0.0/", "the source `10.0.0.0/` is no network: its length must be 8 to 32"},
      {"10.0.0.0/24x", "the source `10.0.0.0/24x` is no network: its length must be 8 to 32"},
      {"fd00::/129", "the source `fd00::/129` is no network: its length must be 8 to 128"},
  };
  for (const auto& [text, what] : rows) EXPECT_EQ(read(text), what) << text;
  std::string many = "10.0.0.1";
  for (int i = 0; i < 10'000; ++i) many += ",10.0.0.1";
  EXPECT_NE(read(many).find("is one too many"), std::string::npos);
}

TEST(SourceRanges, loopback_is_told_apart) {
  for (const char* text : {"127.0.0.1", "127.255.255.254", "::1"})
    EXPECT_TRUE(is_loopback(*net::numeric_address(text, 0))) << text;
  for (const char* text : {"126.255.255.255", "128.0.0.1", "::2", "fe80::1"})
    EXPECT_FALSE(is_loopback(*net::numeric_address(text, 0))) << text;
}

TEST(SourceRanges, fewer_addresses_than_workers_then_each_has_one) {
  const auto ranges = *read_sources("10.0.0.1,10.0.0.2", interfaces);
  std::string all;
  for (int worker = 0; worker < 5; ++worker) {
    const SourcePart part(ranges, {.worker = worker, .workers = 5});
    EXPECT_EQ(part.size(), 1u);
    all += to_text(part.at(0)) + " ";
  }
  EXPECT_EQ(all, "10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2 10.0.0.1 ");
  EXPECT_EQ(SourcePart({}, {}).size(), 0u);
}

// All addresses, and none twice.
TEST(SourceRangesLaws, the_parts_of_all_workers_are_the_whole) {
  EXPECT_TRUE(rc::check([] {
    std::string text;
    std::size_t total = 0;
    for (int nth = *rc::gen::inRange(1, 5); nth > 0; --nth) {
      const int host_bits = *rc::gen::inRange(0, 7);
      const bool is_v4 = *rc::gen::arbitrary<bool>();
      text += fmt::format("{}{}", text.empty() ? "" : ",",
                          is_v4 ? fmt::format("10.0.{}.0/{}", nth, 32 - host_bits)
                                : fmt::format("fd00:{}::/{}", nth, 128 - host_bits));
      total += (std::size_t{1} << host_bits) - (host_bits < 2 ? 0 : is_v4 ? 2 : 1);
    }
    const auto workers = *rc::gen::inRange<std::int64_t>(1, std::int64_t(total) + 1);
    std::set<std::string> all;
    std::size_t size = 0;
    for (std::int64_t worker = 0; worker < workers; ++worker) {
      const SourcePart part(*read_sources(text, interfaces),
                            {.worker = worker, .workers = workers});
      size += part.size();
      for (std::uint64_t nth = 0; nth < part.size(); ++nth) all.insert(to_text(part.at(nth)));
    }
    RC_ASSERT(size == total);
    RC_ASSERT(all.size() == total);
  }));
}

}  // namespace
}  // namespace utakata::load

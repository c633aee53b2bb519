// Any bytes as HAProxy's answers: servers or a refusal, never more; and whatever stands in a
// backend, one round of commands brings it into step. The first line seeds the wishes.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fleet/publish/haproxy/haproxy_words.h"

namespace {

using namespace utakata;

constexpr std::string_view prefix = "utakata:show:";

// One wish for each letter of the seed: some are of servers that stand there.
std::vector<HaproxyWish> wishes_from(std::string_view seed,
                                     const std::vector<HaproxyServer>& standing) {
  std::map<std::string, HaproxyWish> wishes;
  for (const char c : seed.substr(0, 16)) {
    const auto byte = static_cast<unsigned char>(c);
    HaproxyWish wish{.name = std::string(prefix) + haproxy_name(std::string(1, c)),
                     .address = byte % 2 ? "10.0.0.1" : "::1",
                     .port = byte,
                     .be = HaproxyWish::Be(byte % 3),
                     .weight = haproxy_weight(byte, 255)};
    if (byte % 5 == 0 && !standing.empty()) {
      const auto& one = standing[byte % standing.size()];
      if (!one.name.starts_with(prefix)) continue;
      wish.name = one.name;
      wish.address = one.address;
      wish.port = one.port;
    }
    wishes.emplace(wish.name, wish);
  }
  std::vector<HaproxyWish> all;
  for (auto& [name, wish] : wishes) all.push_back(std::move(wish));
  return all;
}

// What a HAProxy without any connection does with a command.
void obey(std::string_view command, std::vector<HaproxyServer>& servers) {
  const auto take = [&] {
    const auto end = std::min(command.find(' '), command.size());
    const auto word = command.substr(0, end);
    command.remove_prefix(std::min(end + 1, command.size()));
    return std::string(word);
  };
  const auto verb = take();
  check(take() == "server", "commands are about servers");
  const auto place = take();
  check(place.starts_with("game/utakata:show:"), "others are left alone");
  const auto name = place.substr(5);
  const auto is_it = [&](const HaproxyServer& one) { return one.name == name; };
  if (verb == "add") {
    check(std::ranges::none_of(servers, is_it), "nobody is added twice");
    const auto at = take();
    const auto colon = at.rfind(':');
    auto host = at.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    take();
    servers.push_back({.name = name,
                       .address = host,
                       .port = std::uint16_t(std::stoi(at.substr(colon + 1))),
                       .is_maint = true,
                       .weight = std::stoi(take())});
    return;
  }
  const auto one = std::ranges::find_if(servers, is_it);
  check(one != servers.end(), "only who is there is told anything");
  if (verb == "del") {
    check(one->is_maint, "who is removed takes no clients");
    servers.erase(one);
    return;
  }
  if (take() == "weight") {
    one->weight = std::stoi(take());
    check(one->weight >= 1 && one->weight <= haproxy_weight_max, "HAProxy takes the weight");
    return;
  }
  const auto state = take();
  one->is_maint = state == "maint";
  one->is_drained = state == "drain";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto cut = std::min(bytes.find('\n'), bytes.size());
  const auto answer = bytes.substr(std::min(cut + 1, bytes.size()));
  if (const auto refusal = haproxy_refusal(answer, "game"))
    check(std::ranges::all_of(*refusal, [](char c) { return c >= ' ' && c <= '~'; }),
          "what is said is fit to be said");
  auto servers = haproxy_servers(answer, "game");
  if (!servers) return 0;
  // HAProxy has no name twice.
  std::ranges::sort(*servers, {}, &HaproxyServer::name);
  const auto twice = std::ranges::unique(*servers, {}, &HaproxyServer::name);
  servers->erase(twice.begin(), twice.end());

  const auto wishes = wishes_from(bytes.substr(0, cut), *servers);
  const auto commands = haproxy_steps("game", prefix, wishes, *servers);
  std::string all;
  for (const auto& line : haproxy_lines(commands, 200)) {
    check(line.ends_with('\n') && line.find('\n') == line.size() - 1, "a line is one line");
    all += line;
  }
  std::ranges::replace(all, ';', '\n');
  std::string one_by_one;
  for (const auto& command : commands) one_by_one += command + "\n";
  check(all == one_by_one, "lines hold all commands in their order");

  for (const auto& command : commands) obey(command, *servers);
  // Who had moved was removed, and is added anew at the next look.
  for (const auto& command : haproxy_steps("game", prefix, wishes, *servers))
    obey(command, *servers);
  check(haproxy_steps("game", prefix, wishes, *servers).empty(), "two rounds bring it into step");
  return 0;
}

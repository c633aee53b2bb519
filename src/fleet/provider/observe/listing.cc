#include "fleet/provider/observe/listing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "fleet/model/address.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kListedMax = 10'000;
constexpr std::size_t kIdMax = 200;

std::string handle_of(const Address& address) {
  return fmt::format("{}:{}", address.host, address.port);
}

std::optional<Listed> listed_from(const Json& item) {
  if (item.is_string()) {
    const auto address = address_from(item.get_ref<const std::string&>());
    return address ? std::optional(Listed{handle_of(*address), *address}) : std::nullopt;
  }
  if (!item.is_object()) return std::nullopt;
  const auto host = item.find("host"), port = item.find("port"), id = item.find("id");
  if (host == item.end() || !host->is_string() || port == item.end() ||
      !port->is_number_unsigned() || *port < 1 || *port > 65535)
    return std::nullopt;
  Listed listed{{}, {host->get<std::string>(), port->get<std::uint16_t>()}};
  if (!is_host(listed.address.host)) return std::nullopt;
  listed.handle = handle_of(listed.address);
  if (id == item.end() || id->is_null()) return listed;
  if (!id->is_string()) return std::nullopt;
  listed.handle = id->get<std::string>();
  if (listed.handle.empty() || listed.handle.size() > kIdMax) return std::nullopt;
  return listed;
}

std::unexpected<Problem> invalid(std::string what) {
  return problem(Problem::Kind::invalid, std::move(what));
}

}  // namespace

const Listed* same_address(const std::vector<Listed>& all) {
  std::set<std::string> seen;
  for (const Listed& one : all)
    if (!seen.insert(handle_of(one.address)).second) return &one;
  return nullptr;
}

Expected<std::vector<Listed>> read_listing(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array())
    return invalid(
        fmt::format("not a JSON list such as [{{\"host\": \"10.0.0.5\", \"port\": "
                    "3000}}], but {}",
                    text.empty()          ? "nothing at all"
                    : json.is_discarded() ? "no JSON"
                                          : json.type_name()));
  if (json.size() > kListedMax)
    return invalid(fmt::format("{} instances are more than {}", json.size(), kListedMax));
  std::vector<Listed> all;
  std::set<std::string> handles;
  for (std::size_t i = 0; i < json.size(); ++i) {
    auto listed = listed_from(json[i]);
    if (!listed)
      return invalid(
          fmt::format("number {} of the list has no `host` and `port` that can be read", i + 1));
    if (!handles.insert(listed->handle).second)
      return invalid(fmt::format("number {} of the list is there twice", i + 1));
    all.push_back(std::move(*listed));
  }
  return all;
}

}  // namespace utakata

#include "realtime/host/merged.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace utakata::realtime {

using Json = nlohmann::ordered_json;

std::string former_stats(const std::string& text) {
  Json stats = Json::parse(text, nullptr, false);
  if (!stats.is_object()) return "{}";
  for (auto& [key, value] : stats.items())
    if (value.is_boolean()) value = false;
  if (stats.contains("connections")) stats["connections"] = 0;
  return stats.dump();
}

std::string merged_stats(std::span<const std::string> texts) {
  Json all = Json::object();
  for (const std::string& text : texts) {
    const Json one = Json::parse(text, nullptr, false);
    if (!one.is_object()) continue;
    for (const auto& [key, value] : one.items()) {
      Json& sum = all[key];
      if (value.is_number_integer())
        sum = (sum.is_number() ? sum.get<std::int64_t>() : 0) + value.get<std::int64_t>();
      else if (value.is_boolean())
        sum = (sum.is_boolean() && sum.get<bool>()) || value.get<bool>();
      else if (sum.is_null())
        sum = value;
    }
  }
  return all.dump();
}

std::string merged_metrics(std::span<const std::string> texts) {
  std::vector<std::string> lines;  // comments as they are; of samples name and labels
  std::map<std::string, std::int64_t, std::less<>> values;
  std::map<std::string, bool, std::less<>> known;
  for (const std::string& text : texts) {
    auto at = lines.end() - lines.begin();
    for (std::string_view left = text; !left.empty();) {
      const std::string_view line = left.substr(0, left.find('\n'));
      left.remove_prefix(std::min(left.size(), line.size() + 1));
      const std::size_t space = line.rfind(' ');
      if (line.empty() || (line[0] != '#' && space == line.npos)) continue;
      const std::string key(line[0] == '#' ? line : line.substr(0, space));
      if (!known.try_emplace(key, true).second) {
        at = std::ranges::find(lines, key) - lines.begin() + 1;
      } else {
        lines.insert(lines.begin() + at, key);
        ++at;
      }
      if (line[0] == '#') continue;
      std::int64_t value = 0;
      std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
      std::int64_t& sum = values[key];
      const bool is_largest = key == "realtime_draining" || key == "realtime_peers";
      sum = is_largest ? std::max(sum, value) : sum + value;
    }
  }
  std::string all;
  for (const std::string& line : lines)
    all += line[0] == '#' ? line + "\n" : fmt::format("{} {}\n", line, values[line]);
  return all;
}

}  // namespace utakata::realtime

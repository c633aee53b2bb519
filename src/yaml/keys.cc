#include "yaml/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace utakata {
namespace {

std::string names_of(const std::vector<KeyFacts>& keys) {
  std::string all;
  for (const auto& key : keys)
    if (key.mark == Mark::now) all += fmt::format("{}`{}`", all.empty() ? "" : ", ", key.name);
  return all;
}

void note_unknown(YamlReader& reader, const Yaml& item, const std::vector<KeyFacts>& keys) {
  std::vector<std::string_view> known;
  for (const auto& key : keys) known.push_back(key.name);
  const auto guess = did_you_mean(item.key, known);
  reader.mistake_at_key(
      item, fmt::format("{} is not a key here{}", in_ticks(item.key),
                        guess.empty() ? fmt::format(": known are {}.", names_of(keys)) : guess));
}

}  // namespace

std::vector<int> match_keys(YamlReader& reader, const Yaml& y, const std::vector<KeyFacts>& keys) {
  if (y.kind == Yaml::Kind::refused) return {};
  if (y.kind != Yaml::Kind::map) {
    const std::string what =
        fmt::format("{} must be keys and values: {}.", called(y), names_of(keys));
    y.kind == Yaml::Kind::nothing ? reader.mistake_at_key(y, what) : reader.mistake(y, what);
    return {};
  }
  std::vector<int> rows;
  for (const Yaml& item : y.items) {
    const auto key = std::ranges::find(keys, item.key, &KeyFacts::name);
    rows.push_back(-1);
    if (key == keys.end()) {
      note_unknown(reader, item, keys);
    } else if (key->mark == Mark::later) {
      reader.mistake_at_key(
          item, fmt::format("`{}` is not yet supported by this version: remove it.", key->name));
    } else {
      rows.back() = int(key - keys.begin());
    }
  }
  for (const auto& key : keys)
    if (key.is_required && !y.find(key.name))
      reader.mistake_at_key(
          y, fmt::format("{} needs the key `{}`: {}", y.key.empty() ? "the file" : in_ticks(y.key),
                         key.name, key.about));
  return rows;
}

}  // namespace utakata

// What a series is called: a metric's name and tags, and both as one text, such as
// `http_req_duration{method=GET,status=200}`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata::load {

struct Tag {
  std::string name, value;
  auto operator<=>(const Tag&) const = default;
};
using Tags = std::vector<Tag>;  // rising by name, no name twice

struct SeriesName {
  std::string metric;
  Tags tags;
  bool operator==(const SeriesName&) const = default;

  bool has(std::span<const Tag> tags) const;  // all of these
};

// Sorts the tags and checks all: names of metrics and tags have 1 to 128 bytes, values of tags up
// to 512, at most 20 tags; all are UTF-8 without control characters, and names have none of
// `{},=:"\` and no space at an end. `invalid` names what is wrong.
Expected<SeriesName> series_name(std::string_view metric, std::span<const Tag> tags);

// `name{tag=value,...}`, `name` without tags; `\`, `,` and `}` of a value get a `\` before them.
std::string key_of(const SeriesName& name);
// Back again: what key_of() wrote, to the letter.
Expected<SeriesName> series_of_key(std::string_view key);
// As people write it: `:` for `=` as in k6, spaces around names and values, any order.
Expected<SeriesName> series_as_written(std::string_view text);

}  // namespace utakata::load

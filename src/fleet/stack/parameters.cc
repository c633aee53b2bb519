#include "fleet/stack/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace utakata {
namespace {

struct ParameterDraft {
  const Yaml* fallback = nullptr;
  const Yaml* type = nullptr;
};

const Key<ParameterDraft> parameter_keys[] = {
    {{"default", Mark::now, "scalar",
      "The value without `-p`; a parameter without a default must be given."},
     [](Reader&, const Yaml& y, ParameterDraft& d) { d.fallback = &y; }},
    {{"type", Mark::now, "parameter_type",
      "integer, number, string, boolean or duration; string by default."},
     [](Reader&, const Yaml& y, ParameterDraft& d) { d.type = &y; }},
    {{"description", Mark::now, "text", "What it is for."},
     [](Reader&, const Yaml&, ParameterDraft&) {}},
};

constexpr std::array<std::string_view, 5> types = {"integer", "number", "string", "boolean",
                                                   "duration"};

template <class Number>
bool is_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool fits(std::string_view type, std::string_view value) {
  if (type == "integer") return is_number<std::int64_t>(value);
  if (type == "number") return is_number<double>(value);
  if (type == "boolean") return value == "true" || value == "false";
  if (type == "duration") return duration_from(value).has_value();
  return true;
}

std::string type_of(Reader& r, const ParameterDraft& d) {
  if (!d.type) return "string";
  if (d.type->kind == Yaml::Kind::text && std::ranges::find(types, d.type->text) != types.end())
    return d.type->text;
  r.mistake(*d.type,
            fmt::format("`type` must be integer, number, string, boolean or duration, not {}{}",
                        in_ticks(d.type->text), [&] {
                          auto g = did_you_mean(d.type->text, types);
                          return g.empty() ? std::string(".") : g;
                        }()));
  return "string";
}

// The value in force, or nothing where a mistake was noted.
std::optional<std::string> value_of(Reader& r, const Yaml& y, const ParameterDraft& d,
                                    const std::string& type,
                                    const std::map<std::string, std::string>& given) {
  const bool is_one_value =
      d.fallback && d.fallback->kind != Yaml::Kind::list && d.fallback->kind != Yaml::Kind::map;
  if (d.fallback && !is_one_value) r.mistake(*d.fallback, "`default` must be one value.");
  const bool is_good = is_one_value && fits(type, d.fallback->text);
  if (is_one_value && !is_good)
    r.mistake(*d.fallback, fmt::format("The default {} of {} is no {}.", in_ticks(d.fallback->text),
                                       in_ticks(y.key), type));
  if (const auto told = given.find(y.key); told != given.end()) {
    if (fits(type, told->second)) return told->second;
    r.mistake(0, 0,
              fmt::format("-p {}={}: the value must be of type {}.", y.key, told->second, type));
    return std::nullopt;
  }
  if (!d.fallback && y.kind == Yaml::Kind::map)
    r.mistake_at_key(y, fmt::format("The parameter {} has no default: give it with `-p {}=...`.",
                                    in_ticks(y.key), y.key));
  return is_good ? std::optional(d.fallback->text) : std::nullopt;
}

void read_one(Reader& r, const Yaml& y, const std::map<std::string, std::string>& given) {
  ParameterDraft d;
  read_map<ParameterDraft>(r, y, parameter_keys, d);
  r.parameters[y.key] = value_of(r, y, d, type_of(r, d), given);
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() && name.size() <= 60 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace

void read_parameters(Reader& reader, const Yaml* y,
                     const std::map<std::string, std::string>& given) {
  if (y && y->kind != Yaml::Kind::map && y->kind != Yaml::Kind::refused)
    reader.mistake_at_key(*y,
                          "`parameters` must be names with keys below, such as `size: { default: "
                          "4, type: integer }`.");
  static const std::vector<Yaml> none;
  for (const Yaml& item : y && y->kind == Yaml::Kind::map ? y->items : none) {
    if (!is_parameter_name(item.key) || is_reserved_name(item.key)) {
      reader.mistake_at_key(item, fmt::format("{} cannot name a parameter: use letters, digits, "
                                              "`_` and `-`, and none of port, host, "
                                              "instance, ticket, clusters, secrets.",
                                              in_ticks(item.key)));
      continue;
    }
    read_one(reader, item, given);
  }
  std::vector<std::string_view> known;
  for (const auto& [name, value] : reader.parameters) known.push_back(name);
  for (const auto& [name, value] : given) {
    if (reader.parameters.contains(name)) continue;
    const auto guess = did_you_mean(name, known);
    reader.mistake(0, 0,
                   fmt::format("-p {}: the file has no parameter of that name{}", name,
                               guess.empty() ? "." : guess));
  }
}

Section parameter_section() { return section_of<ParameterDraft>("parameter", parameter_keys); }

}  // namespace utakata

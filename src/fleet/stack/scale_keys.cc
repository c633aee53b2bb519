#include "fleet/stack/scale_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/stack/expression.h"

namespace utakata {
namespace {

struct RuleDraft {
  std::string name;
  const Yaml *headroom = nullptr, *when = nullptr, *sustained = nullptr, *add = nullptr,
             *remove = nullptr, *pause = nullptr;
  std::optional<Amount> headroom_amount;
  WhenRule rule;
};

void read_headroom(Reader& r, const Yaml& y, RuleDraft& d) {
  d.headroom = &y;
  if (y.kind == Yaml::Kind::text && y.text == "auto")
    return r.mistake(y,
                     "`headroom: auto` is not yet supported by this version: say a percentage such "
                     "as `30%` or a number of seats.");
  r.amount(y, d.headroom_amount);
}

const Key<RuleDraft> rule_keys[] = {
    {{"name", Mark::now, "text", "What `explain` calls the rule."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { r.text(y, d.name); }},
    {{"headroom", Mark::now, "amount",
      "Free seats there should always be: `30%` of the present clients, or a number."},
     read_headroom},
    {{"when", Mark::now, "text", "A condition such as `avg(connections) > 400`."},
     [](Reader&, const Yaml& y, RuleDraft& d) { d.when = &y; }},
    {{"for", Mark::now, "duration", "Of `when`: how long it must hold; at once without it."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.sustained = &y, r.duration(y, 0s, 24h * 7, d.rule.sustained);
     }},
    {{"add", Mark::now, "amount",
      "Of `when`: how many instances more, or what share of those serving."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.add = &y, r.amount(y, d.rule.add); }},
    {{"remove", Mark::now, "amount",
      "Of `when`: how many instances less, or what share of those serving."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.remove = &y, r.amount(y, d.rule.remove); }},
    {{"pause", Mark::now, "duration", "Of `when`: between two steps of this rule; 3m by default."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.pause = &y, r.duration(y, 0s, 24h * 7, d.rule.pause);
     }},
    {{"at", Mark::later, "", ""}},
    {{"to", Mark::later, "", ""}},
    {{"target", Mark::later, "", ""}},
    {{"function", Mark::later, "", ""}},
};

// A rule of a kind that is still to come: one word about it, none about its other keys.
bool later_kind(Reader& r, const Yaml& y) {
  for (const auto& key : rule_keys) {
    const Yaml* found = key.mark == Mark::later ? y.find(key.name) : nullptr;
    if (!found) continue;
    r.mistake_at_key(*found, fmt::format("`{}` is not yet supported by this version: remove the "
                                         "rule, or scale by `headroom` or `when`.",
                                         key.name));
    return true;
  }
  return false;
}

void read_condition(Reader& r, RuleDraft& d, ClusterSpec& cluster) {
  const auto text = r.text(*d.when);
  if (!text) return;
  auto parsed = parse_expression(*text, cluster.metrics);
  if (parsed) {
    d.rule.condition = std::move(*parsed);
    return;
  }
  const auto& [at, what, caret_text] = parsed.error();
  // Byte for byte as in the file only where nothing was filled in and it stands on one line.
  const bool is_as_written = *text == d.when->text && text->find('\n') == text->npos;
  const int shift = is_as_written ? int(at) + (d.when->is_quoted ? 1 : 0) : 0;
  r.mistake(d.when->line, d.when->column + shift,
            fmt::format("In `when`: {}\n{}", what, caret_text));
}

bool rule_check(Reader& r, const Yaml& y, const RuleDraft& d) {
  if ((d.headroom != nullptr) == (d.when != nullptr)) {
    r.mistake(y, "A rule needs exactly one of `headroom` and `when`.");
    return false;
  }
  if (d.headroom) {
    for (const Yaml* each : {d.sustained, d.add, d.remove, d.pause})
      if (each)
        r.mistake_at_key(*each, fmt::format("{} belongs to `when`, not to `headroom`: remove it.",
                                            in_ticks(each->key)));
    return d.headroom_amount.has_value();
  }
  if ((d.add != nullptr) == (d.remove != nullptr)) {
    r.mistake(y, "A `when` rule needs exactly one of `add` and `remove`, such as `add: 2`.");
    return false;
  }
  return true;
}

std::string rule_name(const RuleDraft& d, std::size_t place, const std::vector<Rule>& before) {
  if (!d.name.empty()) return d.name;
  if (d.when) return fmt::format("when-{}", place);
  const bool is_first = std::ranges::find(before, "headroom", &Rule::name) == before.end();
  return is_first ? "headroom" : fmt::format("headroom-{}", place);
}

}  // namespace

void read_scale(Reader& reader, const Yaml& y, ClusterSpec& into) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::list)
    return reader.mistake_at_key(y, "`scale` must be a list of rules, such as `- headroom: 30%`.");
  std::size_t place = 0;
  for (const Yaml& item : y.items) {
    ++place;
    if (later_kind(reader, item)) continue;
    RuleDraft d;
    read_map<RuleDraft>(reader, item, rule_keys, d);
    if (item.kind != Yaml::Kind::map) continue;
    if (d.when) read_condition(reader, d, into);
    if (!rule_check(reader, item, d)) continue;
    Rule rule{.name = rule_name(d, place, into.scale), .kind = d.rule};
    if (d.headroom) rule.kind = HeadroomRule{*d.headroom_amount};
    if (std::ranges::find(into.scale, rule.name, &Rule::name) != into.scale.end())
      reader.mistake(item, fmt::format("Two rules are named {}: give one of them another `name`.",
                                       in_ticks(rule.name)));
    into.scale.push_back(std::move(rule));
  }
}

Section scale_section() { return section_of<RuleDraft>("rule", rule_keys); }

}  // namespace utakata

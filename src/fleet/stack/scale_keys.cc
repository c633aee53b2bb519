#include "fleet/stack/scale_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/stack/expression.h"

namespace utakata {
namespace {

struct RuleDraft {
  std::string name;
  const Yaml *headroom = nullptr, *target = nullptr, *of = nullptr, *when = nullptr,
             *sustained = nullptr, *add = nullptr, *remove = nullptr, *to = nullptr,
             *pause = nullptr, *at = nullptr, *until = nullptr, *zone = nullptr, *min = nullptr,
             *function = nullptr, *stale = nullptr;
  bool is_auto = false;
  FunctionRule function_rule;
  std::optional<Amount> headroom_amount;
  std::optional<double> target_each;
  std::optional<Calendar> begins;
  ScheduleRule schedule;
  WhenRule rule;
};

void read_headroom(Reader& r, const Yaml& y, RuleDraft& d) {
  d.headroom = &y;
  d.is_auto = y.kind == Yaml::Kind::text && y.text == "auto";
  if (!d.is_auto) r.amount(y, d.headroom_amount);
}

const Key<RuleDraft> rule_keys[] = {
    {{"name", Mark::now, "text", "What `explain` calls the rule."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { r.text(y, d.name); }},
    {{"headroom", Mark::now, "amount_or_auto",
      "Free seats there should always be: `30%` of the present clients, a number, or `auto`: as "
      "many as come while an instance boots."},
     read_headroom},
    {{"target", Mark::now, "number",
      "Connections, or so much `of` another number, on each instance."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.target = &y, r.number(y, 1e12, d.target_each);
     }},
    {{"of", Mark::now, "text",
      "Of `target`: the number that instances tell; connections by default."},
     [](Reader&, const Yaml& y, RuleDraft& d) { d.of = &y; }},
    {{"when", Mark::now, "text", "A condition such as `avg(connections) > 400`."},
     [](Reader&, const Yaml& y, RuleDraft& d) { d.when = &y; }},
    {{"for", Mark::now, "duration",
      "Of `when`: how long it must hold; at once without it. Of `at`: how long it lasts."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.sustained = &y, r.duration(y, 0s, 24h * 7, d.rule.sustained);
     }},
    {{"add", Mark::now, "amount",
      "Of `when`: how many instances more, or what share of those serving."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.add = &y, r.amount(y, d.rule.add); }},
    {{"remove", Mark::now, "amount",
      "Of `when`: how many instances less, or what share of those serving."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.remove = &y, r.amount(y, d.rule.remove); }},
    {{"to", Mark::now, "text",
      "How many instances, such as `ceil(sum(players) / 100)`: always, or while `when` holds."},
     [](Reader&, const Yaml& y, RuleDraft& d) { d.to = &y; }},
    {{"pause", Mark::now, "duration", "Of `when`: between two steps of this rule; 3m by default."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.pause = &y, r.duration(y, 0s, 24h * 7, d.rule.pause);
     }},
    {{"at", Mark::now, "text",
      "A time from which `min` is wanted: `2026-12-31 20:00`, `Sat 18:30`, or cron's five fields."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.at = &y, r.calendar(y, d.begins); }},
    {{"until", Mark::now, "text", "Of `at`: when it ends, the first such time after it; or `for`."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.until = &y, r.calendar(y, d.schedule.until); }},
    {{"zone", Mark::now, "text", "Of `at`: the time zone, such as `Asia/Tokyo`; UTC by default."},
     [](Reader& r, const Yaml& y, RuleDraft& d) { d.zone = &y, r.zone(y, d.schedule.zone); }},
    {{"min", Mark::now, "count_from_1", "Of `at`: at least so many instances."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.min = &y, r.integer(y, 1, 1'000'000, d.schedule.min);
     }},
    {{"function", Mark::now, "text",
      "The number that a program of yours last sent under this name: so many instances."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.function = &y, r.text(y, d.function_rule.function);
     }},
    {{"stale", Mark::now, "duration",
      "Of `function`: an answer older than this does not count; 5m by default."},
     [](Reader& r, const Yaml& y, RuleDraft& d) {
       d.stale = &y, r.duration(y, 1s, 24h * 7, d.function_rule.stale);
     }},
};

std::optional<Expression> read_expression(Reader& r, const Yaml& y, ExpressionType type,
                                          ClusterSpec& cluster) {
  const auto text = r.text(y);
  if (!text) return std::nullopt;
  auto parsed = parse_expression(*text, cluster.metrics, type);
  if (parsed) return std::move(*parsed);
  const auto& [at, what, caret_text] = parsed.error();
  // Byte for byte as in the file only where nothing was filled in and it stands on one line.
  const bool is_as_written = *text == y.text && text->find('\n') == text->npos;
  const int shift = is_as_written ? int(at) + (y.is_quoted ? 1 : 0) : 0;
  r.mistake(y.line, y.column + shift, fmt::format("In `{}`: {}\n{}", y.key, what, caret_text));
  return std::nullopt;
}

// The index of a number that instances tell, by its name.
std::optional<std::uint16_t> read_metric(Reader& r, const Yaml& y, ClusterSpec& cluster) {
  const auto name = r.text(y);
  if (!name) return std::nullopt;
  // Its grammar is the expression's.
  auto metrics = cluster.metrics;
  const auto parsed =
      parse_expression(fmt::format("sum({})", *name), metrics, ExpressionType::number);
  if (!parsed || parsed->nodes.size() != 1) {
    r.mistake(y, fmt::format("{} must be the name of a number that instances tell, such as "
                             "`players`, not {}.",
                             called(y), in_ticks(*name)));
    return std::nullopt;
  }
  cluster.metrics = std::move(metrics);
  return parsed->nodes[0].metric;
}

bool rule_check(Reader& r, const Yaml& y, const RuleDraft& d) {
  const bool is_size = d.to && !d.when;  // `to` alone: always
  const int kinds = int(d.headroom != nullptr) + int(d.target != nullptr) + int(d.when != nullptr) +
                    int(d.at != nullptr) + int(is_size) + int(d.function != nullptr);
  if (kinds != 1) {
    r.mistake(
        y, "A rule needs exactly one of `headroom`, `target`, `when`, `to`, `at` and `function`.");
    return false;
  }
  bool fits = true;
  const auto belongs = [&](const Yaml* key, bool is_there, std::string_view to) {
    if (!key || is_there) return;
    fits = false;
    r.mistake_at_key(*key, fmt::format("{} belongs to `{}`: remove it.", in_ticks(key->key), to));
  };
  belongs(d.of, d.target, "target");
  for (const Yaml* each : {d.add, d.remove, d.pause}) belongs(each, d.when, "when");
  belongs(d.sustained, d.when || d.at, "when");
  for (const Yaml* each : {d.until, d.zone, d.min}) belongs(each, d.at, "at");
  belongs(d.to, d.when || is_size, "when");
  belongs(d.stale, d.function, "function");
  belongs(d.pause, !d.to, "add` and `remove");
  if (d.when && int(d.add != nullptr) + int(d.remove != nullptr) + int(d.to != nullptr) != 1) {
    r.mistake(y, "A `when` rule needs exactly one of `add`, `remove` and `to`, such as `add: 2`.");
    return false;
  }
  if (d.at && ((d.until != nullptr) == (d.sustained != nullptr) || !d.min)) {
    r.mistake(y,
              "An `at` rule needs `min`, and exactly one of `until` and `for`, such as "
              "`until: \"Sat 21:30\"`.");
    return false;
  }
  return fits;
}

std::string rule_name(const RuleDraft& d, std::size_t place, const std::vector<Rule>& before) {
  if (!d.name.empty()) return d.name;
  if (d.when) return fmt::format("when-{}", place);
  if (d.function) return d.function_rule.function;
  const std::string kind = d.headroom ? "headroom" : d.target ? "target" : d.at ? "at" : "to";
  const bool is_first = std::ranges::find(before, kind, &Rule::name) == before.end();
  return is_first ? kind : fmt::format("{}-{}", kind, place);
}

// What it says, in the rule's own kind; none: a mistake was noted.
std::optional<decltype(Rule::kind)> rule_kind(Reader& r, RuleDraft& d, ClusterSpec& cluster) {
  if (d.function) {
    if (!r.name(d.function->line, d.function->column, d.function_rule.function, "function"))
      return std::nullopt;
    return d.function_rule;
  }
  if (d.headroom && d.is_auto) return HeadroomRule{.amount = {}, .is_auto = true};
  if (d.headroom) {
    if (!d.headroom_amount) return std::nullopt;
    return HeadroomRule{*d.headroom_amount};
  }
  if (d.target) {
    TargetRule target{.each = d.target_each.value_or(0)};
    if (d.of) {
      const auto metric = read_metric(r, *d.of, cluster);
      if (!metric) return std::nullopt;
      target.metric = *metric;
    }
    if (target.each <= 0) return std::nullopt;
    return target;
  }
  if (d.at) {
    if (!d.begins || (d.until && !d.schedule.until)) return std::nullopt;
    d.schedule.at = std::move(*d.begins);
    d.schedule.lasts = d.rule.sustained;
    const auto& until = d.schedule.until;
    if (d.schedule.at.once && until && until->once && *until->once <= *d.schedule.at.once) {
      r.mistake(*d.until, "`until` is not after `at`.");
      return std::nullopt;
    }
    return d.schedule;
  }
  if (d.when) {
    auto condition = read_expression(r, *d.when, ExpressionType::truth, cluster);
    if (!condition) return std::nullopt;
    d.rule.condition = std::move(*condition);
  }
  if (d.to) {
    d.rule.to = read_expression(r, *d.to, ExpressionType::number, cluster);
    if (!d.rule.to) return std::nullopt;
  }
  return d.rule;
}

}  // namespace

void read_scale(Reader& reader, const Yaml& y, ClusterSpec& into) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::list)
    return reader.mistake_at_key(y, "`scale` must be a list of rules, such as `- headroom: 30%`.");
  std::size_t place = 0;
  for (const Yaml& item : y.items) {
    ++place;
    RuleDraft d;
    read_map<RuleDraft>(reader, item, rule_keys, d);
    if (item.kind != Yaml::Kind::map) continue;
    if (!rule_check(reader, item, d)) continue;
    auto kind = rule_kind(reader, d, into);
    if (!kind) continue;
    Rule rule{.name = rule_name(d, place, into.scale), .kind = std::move(*kind)};
    if (std::ranges::find(into.scale, rule.name, &Rule::name) != into.scale.end())
      reader.mistake(item, fmt::format("Two rules are named {}: give one of them another `name`.",
                                       in_ticks(rule.name)));
    into.scale.push_back(std::move(rule));
  }
}

Section scale_section() { return section_of<RuleDraft>("rule", rule_keys); }

}  // namespace utakata

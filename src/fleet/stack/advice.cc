#include "fleet/stack/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "yaml/yaml.h"

namespace utakata {
namespace {

// True of a condition that no further instance can make untrue: every aggregate in it is one of
// connections that stays when empty instances are added.
bool winds_up(const Expression& condition) {
  using Aggregate = Expression::Aggregate;
  bool has_any = false;
  for (const Expression::Node& node : condition.nodes) {
    if (node.op != Expression::Op::aggregate) continue;
    has_any = true;
    const bool stays = node.aggregate == Aggregate::max || node.aggregate == Aggregate::sum;
    if (node.metric != 0 || !stays) return false;
  }
  return has_any;
}

std::string lower(std::string_view text) {
  std::string word(text);
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return word;
}

// What a number that instances would have to tell under that name was probably meant to be.
std::optional<std::string> meant_instead(const CountSpec& count, const std::string& name) {
  // Short names are near to anything.
  constexpr std::size_t kLong = 6;
  std::vector<std::string_view> known;
  for (const std::string_view each :
       {std::string_view("connections"), std::string_view(count.connections),
        std::string_view(count.accepted)}) {
    if (name == each) return std::nullopt;
    if (each.size() >= kLong) known.push_back(each);
  }
  const std::string word = lower(name);
  if (word == "count") return "`count()` for how many serve, or `avg(connections)`";
  if (word == "sum" || word == "avg" || word == "min" || word == "max")
    return fmt::format("`{}(connections)`", word);
  for (const auto each : known)
    if (word == lower(each)) return in_ticks(each);
  if (name.size() > 40) return std::nullopt;  // the distance costs the product of both lengths
  const auto near = nearest(name, known);
  return near ? std::optional(in_ticks(*near)) : std::nullopt;
}

// Why a rule of `at`, or a show, does nothing, or does not stop.
template <class Timed>
std::optional<std::string> wrong_with(const Timed& rule, WallTime now) {
  const auto begun = latest(rule.at, rule.zone, now);
  const bool comes = next(rule.at, rule.zone, now).has_value();
  if (!begun) return std::nullopt;  // what never comes is a mistake (calendar_text.h)
  const auto end = rule.until ? next(*rule.until, rule.zone, *begun)
                              : *begun + std::chrono::floor<std::chrono::milliseconds>(rule.lasts);
  if (!end)
    return fmt::format("does not end: `until` {} is over. Give it a time that comes again.",
                       in_ticks(rule.until->text));
  if (!comes && *end <= now)
    return fmt::format("is over: {} does not come again. Remove it, or correct the date.",
                       in_ticks(rule.at.text));
  return std::nullopt;
}

void advise_on_numbers(const ClusterSpec& cluster, std::vector<std::string>& advice) {
  for (std::size_t i = 1; i < cluster.metrics.size(); ++i)
    if (const auto instead = meant_instead(cluster.count, cluster.metrics[i]))
      advice.push_back(
          fmt::format("{}: {} is a number that every instance must tell under this very name. Did "
                      "you mean {}?",
                      cluster.name, in_ticks(cluster.metrics[i]), *instead));
}

void advise_on_show(const ClusterSpec& cluster, const ShowRule& show, WallTime now,
                    std::vector<std::string>& advice) {
  if (const auto what = wrong_with(show, now))
    advice.push_back(fmt::format("{}: the show {} {}", cluster.name, in_ticks(show.show), *what));
  const std::int64_t most = std::int64_t{cluster.instances_max} * cluster.capacity;
  if (show.people > most)
    advice.push_back(fmt::format(
        "{}: the show {} expects {} people, and {} fit at most, {} on each of {}: raise "
        "`instances.max` or `capacity`.",
        cluster.name, in_ticks(show.show), show.people, most, cluster.capacity,
        cluster.instances_max));
}

void advise_on_rule(const ClusterSpec& cluster, const Rule& rule, WallTime now,
                    std::vector<std::string>& advice) {
  if (const auto* when = std::get_if<WhenRule>(&rule.kind);
      when && when->add && winds_up(when->condition))
    advice.push_back(fmt::format(
        "{}: the rule {} winds up to `max`: {} does not fall when instances are added, because "
        "sockets stay where they are. Say avg(connections), `headroom` or `target` instead.",
        cluster.name, in_ticks(rule.name), in_ticks(when->condition.text)));
  if (const auto* schedule = std::get_if<ScheduleRule>(&rule.kind))
    if (const auto what = wrong_with(*schedule, now))
      advice.push_back(fmt::format("{}: the rule {} {}", cluster.name, in_ticks(rule.name), *what));
  if (const auto* show = std::get_if<ShowRule>(&rule.kind))
    advise_on_show(cluster, *show, now, advice);
}

void advise_on_ports(const Stack& stack, std::vector<std::string>& advice) {
  if (stack.provider == ProviderKind::observe) return;  // it gives none
  int wanted = 0;
  for (const ClusterSpec& cluster : stack.clusters) wanted += instances_total_max(cluster);
  const int there = stack.api.ports_last - stack.api.ports_first + 1;
  if (wanted <= there) return;
  advice.push_back(fmt::format(
      "`api.ports` has {}, and with those that drain or are replaced {} may be needed: a "
      "substitute is launched when the former one's port is free.",
      there, wanted));
}

}  // namespace

std::vector<std::string> advice_on(const Stack& stack, WallTime now) {
  std::vector<std::string> advice;
  advise_on_ports(stack, advice);
  for (const ClusterSpec& cluster : stack.clusters) {
    advise_on_numbers(cluster, advice);
    for (const Rule& rule : cluster.scale) advise_on_rule(cluster, rule, now, advice);
  }
  return advice;
}

}  // namespace utakata

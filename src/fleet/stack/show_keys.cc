#include "fleet/stack/show_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

struct PeopleDraft {
  int connections = 0;
};

const Key<PeopleDraft> people_keys[] = {
    {{"connections", Mark::now, "count_from_1", "How many are expected at once.", true},
     [](Reader& r, const Yaml& y, PeopleDraft& d) {
       r.integer(y, 1, 1'000'000'000, d.connections);
     }},
};

void read_people(Reader& r, const Yaml& y, ShowDraft& d) {
  d.clusters = &y;
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map || y.items.empty())
    return r.mistake_at_key(
        y, "`clusters` of a show must name at least one, such as `lobby: { connections: 5000 }`.");
  for (const Yaml& cluster : y.items) {
    PeopleDraft people;
    read_map<PeopleDraft>(r, cluster, people_keys, people);
    if (people.connections > 0) d.people.emplace_back(&cluster, people.connections);
  }
}

const Key<ShowDraft> show_keys[] = {
    {{"at", Mark::now, "text", "When it begins: `2026-12-31 20:00`, `Sat 20:00`, or cron's fields.",
      true},
     [](Reader& r, const Yaml& y, ShowDraft& d) { d.begin = &y, r.calendar(y, d.begins); }},
    {{"until", Mark::now, "text", "When it ends, the first such time after `at`; or `for`."},
     [](Reader& r, const Yaml& y, ShowDraft& d) { d.until = &y, r.calendar(y, d.rule.until); }},
    {{"for", Mark::now, "duration", "How long it lasts; or `until`."},
     [](Reader& r, const Yaml& y, ShowDraft& d) {
       d.lasts = &y, r.duration(y, 1min, 24h * 7, d.rule.lasts);
     }},
    {{"zone", Mark::now, "text", "Its time zone, such as `Asia/Tokyo`; UTC by default."},
     [](Reader& r, const Yaml& y, ShowDraft& d) { r.zone(y, d.rule.zone); }},
    {{"ready_by", Mark::now, "duration",
      "So long before it begins everything serves; launches begin as much earlier as boots take."},
     [](Reader& r, const Yaml& y, ShowDraft& d) { r.duration(y, 0s, 24h * 7, d.rule.ready_by); }},
    {{"freeze", Mark::now, "yes_or_no",
      "On air nothing is rolled out, scaled in, rebalanced or changed; false by default."},
     [](Reader& r, const Yaml& y, ShowDraft& d) { r.flag(y, d.rule.freeze); }},
    {{"clusters", Mark::now, "show_clusters", "Who is expected where.", true}, read_people},
};

void check_show(Reader& r, const Yaml& y, const ShowDraft& d) {
  if ((d.until != nullptr) == (d.lasts != nullptr))
    r.mistake(y, "A show needs exactly one of `until` and `for`, such as `until: \"23:00\"`.");
  const auto &at = d.rule.at, &until = d.rule.until.value_or(Calendar{});
  if (at.once && until.once && *until.once <= *at.once)
    r.mistake(*d.until, "`until` is not after `at`.");
}

}  // namespace

void read_shows(Reader& reader, const Yaml& y, std::vector<ShowDraft>& into) {
  if (y.kind == Yaml::Kind::refused) return;
  if (y.kind != Yaml::Kind::map)
    return reader.mistake_at_key(y, "`shows` must hold shows: a name with `at` below it.");
  if (y.items.size() > 100)
    return reader.mistake_at_key(y, "A stack has at most 100 shows: remove those that are over.");
  for (const Yaml& item : y.items) {
    ShowDraft d;
    d.at = &item;
    d.rule.show = item.key;
    if (!reader.name(item.line, item.column, item.key, "show")) continue;
    read_map<ShowDraft>(reader, item, show_keys, d);
    if (item.kind != Yaml::Kind::map) continue;
    if (d.begins) d.rule.at = *d.begins;
    check_show(reader, item, d);
    if (d.begins) into.push_back(std::move(d));
  }
}

void add_shows(Reader& reader, std::span<const ShowDraft> shows, std::span<ClusterDraft> clusters) {
  std::vector<std::string_view> names;
  for (const ClusterDraft& cluster : clusters) names.push_back(cluster.spec.name);
  for (const ShowDraft& show : shows)
    for (const auto& [place, people] : show.people) {
      const auto found = std::ranges::find(names, place->key);
      if (found == names.end()) {
        reader.mistake_at_key(
            *place,
            fmt::format(
                "The show {} expects people in {}, which is no cluster here{}", show.rule.show,
                in_ticks(place->key),
                did_you_mean(place->key, names).empty() ? "." : did_you_mean(place->key, names)));
        continue;
      }
      ClusterSpec& cluster = clusters[std::size_t(found - names.begin())].spec;
      Rule rule{.name = "show " + show.rule.show, .kind = show.rule};
      std::get<ShowRule>(rule.kind).people = people;
      cluster.scale.push_back(std::move(rule));
    }
}

std::vector<Section> show_sections() {
  return {section_of<ShowDraft>("show", show_keys),
          section_of<PeopleDraft>("show_people", people_keys)};
}

}  // namespace utakata

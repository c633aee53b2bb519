// `shows:` at the top of a stack file: planned peaks, each of which becomes a rule of its clusters.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fleet/model/rule.h"
#include "fleet/stack/cluster_keys.h"
#include "fleet/stack/keys.h"

namespace utakata {

struct ShowDraft {
  ShowRule rule;  // without its `people`, which are each cluster's
  const Yaml *at = nullptr, *begin = nullptr, *until = nullptr, *lasts = nullptr,
             *clusters = nullptr;
  std::optional<Calendar> begins;
  std::vector<std::pair<const Yaml*, int>> people;  // a cluster's place, and how many
};

void read_shows(Reader& reader, const Yaml& y, std::vector<ShowDraft>& into);
// When all clusters are read: a rule for each.
void add_shows(Reader& reader, std::span<const ShowDraft> shows, std::span<ClusterDraft> clusters);

std::vector<Section> show_sections();

}  // namespace utakata

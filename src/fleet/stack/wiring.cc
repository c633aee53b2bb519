#include "fleet/stack/wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "fleet/model/template.h"

namespace utakata {
namespace {

class Wiring {
 public:
  Wiring(Reader& reader, const std::vector<ClusterDraft>& clusters)
      : reader_(reader), clusters_(clusters) {
    for (const auto& cluster : clusters) {
      by_name_.emplace(cluster.spec.name, &cluster);
      names_.push_back(cluster.spec.name);
    }
  }

  void check_all() {
    for (const auto& cluster : clusters_) check_needs(cluster);
    check_circles();
    for (const auto& cluster : clusters_) check_references(cluster);
  }

 private:
  void check_needs(const ClusterDraft& cluster) {
    for (std::size_t i = 0; i < cluster.spec.needs.size(); ++i) {
      const std::string& need = cluster.spec.needs[i];
      const Yaml& at = need_at(cluster, i);
      if (need == cluster.spec.name)
        reader_.mistake(at, fmt::format("{} needs itself: remove that.", in_ticks(need)));
      else if (!by_name_.contains(need))
        reader_.mistake(
            at, fmt::format("{} is no cluster of this stack{}", in_ticks(need), guess(need)));
    }
  }

  const Yaml& need_at(const ClusterDraft& cluster, std::size_t i) const {
    const Yaml& needs =
        *cluster.needs;  // an item that was refused leaves a gap: then the list itself is the place
    return needs.kind == Yaml::Kind::list && needs.items.size() == cluster.spec.needs.size()
               ? needs.items[i]
               : needs;
  }

  std::string guess(std::string_view word) const {
    const auto text = did_you_mean(word, names_);
    return text.empty() ? "." : text;
  }

  // Everything that `name` needs, by any number of steps.
  std::set<std::string> reach(const std::string& name) const {
    std::set<std::string> seen;
    std::vector<std::string> open = {name};
    while (!open.empty()) {
      const auto found = by_name_.find(open.back());
      open.pop_back();
      if (found == by_name_.end()) continue;
      for (const auto& need : found->second->spec.needs)
        if (seen.insert(need).second) open.push_back(need);
    }
    return seen;
  }

  void check_circles() {
    std::set<std::string> told;  // one word about a circle, not one for each of its members
    for (const auto& cluster : clusters_) {
      const std::string& name = cluster.spec.name;
      const auto& needs = cluster.spec.needs;
      if (told.contains(name) || std::ranges::find(needs, name) != needs.end() ||
          !reach(name).contains(name))
        continue;
      std::string members;
      for (const auto& other : clusters_) {
        const bool is_member =
            reach(name).contains(other.spec.name) && reach(other.spec.name).contains(name);
        if (!is_member) continue;
        told.insert(other.spec.name);
        members += fmt::format("{}{}", members.empty() ? "" : ", ", in_ticks(other.spec.name));
      }
      reader_.mistake(
          *cluster.needs,
          fmt::format(
              "{} need one another in a circle: none could start first. Remove one `needs`.",
              members));
    }
  }

  void check_references(const ClusterDraft& cluster) {
    const auto needed = reach(cluster.spec.name);
    if (cluster.run) check_template(cluster, needed, *cluster.run, cluster.spec.run, false);
    if (cluster.url) check_template(cluster, needed, *cluster.url, cluster.spec.url, true);
    for (std::size_t i = 0; i < cluster.env.size(); ++i)
      check_template(cluster, needed, *cluster.env[i], cluster.spec.env[i].second, false);
  }

  void check_template(const ClusterDraft& cluster, const std::set<std::string>& needed,
                      const Yaml& at, const Template& text, bool is_url) {
    for (const auto& reference : references(text.text)) {
      const std::string_view name = reference.name;
      if (name.starts_with("secrets")) {
        reader_.mistake(at,
                        "`${secrets...}` is not yet supported by this version: use a parameter.");
      } else if (name == "ticket" && !is_url) {
        reader_.mistake(at, "`${ticket}` is made for each client: only `url` may carry it.");
      } else if (name.starts_with("clusters")) {
        check_cluster_reference(cluster, needed, at, name);
      }
    }
  }

  void check_cluster_reference(const ClusterDraft& cluster, const std::set<std::string>& needed,
                               const Yaml& at, std::string_view name) {
    const std::size_t first = name.find('.'), last = name.rfind('.');
    const std::string_view field = last == name.npos ? "" : name.substr(last + 1);
    if (first == last || (field != "host" && field != "port" && field != "url"))
      return reader_.mistake(
          at, fmt::format("`${{{}}}` must be `${{clusters.NAME.host}}`, `.port` or `.url`.", name));
    const std::string other(name.substr(first + 1, last - first - 1));
    if (!by_name_.contains(other))
      return reader_.mistake(at, fmt::format("`${{{}}}`: {} is no cluster of this stack{}", name,
                                             in_ticks(other), guess(other)));
    if (!needed.contains(other))
      reader_.mistake(
          at, fmt::format("`${{{}}}` is known only once {} serves: add `needs: [{}]` to {}.", name,
                          in_ticks(other), other, in_ticks(cluster.spec.name)));
  }

  Reader& reader_;
  const std::vector<ClusterDraft>& clusters_;
  std::map<std::string, const ClusterDraft*, std::less<>> by_name_;
  std::vector<std::string_view> names_;
};

}  // namespace

void check_wiring(Reader& reader, const std::vector<ClusterDraft>& clusters) {
  Wiring(reader, clusters).check_all();
}

std::vector<ClusterSpec> in_order_of_needs(std::vector<ClusterSpec> clusters) {
  std::vector<ClusterSpec> done;
  const auto is_done = [&](const std::string& name) {
    return std::ranges::find(done, name, &ClusterSpec::name) != done.end();
  };
  while (!clusters.empty()) {
    auto next = std::ranges::find_if(
        clusters, [&](const ClusterSpec& c) { return std::ranges::all_of(c.needs, is_done); });
    if (next == clusters.end()) next = clusters.begin();  // a circle: noted as a mistake already
    done.push_back(std::move(*next));
    clusters.erase(next);
  }
  return done;
}

}  // namespace utakata

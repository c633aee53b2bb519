#include "fleet/control/difference.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

class Lines {
 public:
  explicit Lines(std::string cluster) : cluster_(std::move(cluster)) {}
  template <class T>
  void number(const char* key, const T& before, const T& after) {
    if (before != after)
      lines_.push_back(fmt::format("{}: {} {} -> {}", cluster_, key, before, after));
  }
  void duration(const char* key, Duration before, Duration after) {
    number(key, to_text(before), to_text(after));
  }
  template <class T>
  void changed(const char* key, const T& before, const T& after) {
    if (!(before == after)) lines_.push_back(fmt::format("{}: {} changed", cluster_, key));
  }
  std::vector<std::string> lines_;

 private:
  std::string cluster_;
};

std::vector<std::string> cluster_difference(const ClusterSpec& a, const ClusterSpec& b) {
  Lines d(b.name);
  if (a.version != b.version)
    d.lines_.push_back(b.name + ": rolled out anew (app, install, run, env or limits changed)");
  d.number("instances.min", a.instances_min, b.instances_min);
  d.number("instances.max", a.instances_max, b.instances_max);
  d.number("capacity", a.capacity, b.capacity);
  d.number("accept (a second)", a.accept_per_second, b.accept_per_second);
  d.duration("settle", a.settle, b.settle);
  d.duration("hold", a.hold, b.hold);
  d.number("step", a.step, b.step);
  d.number("seats", a.seats_per_key, b.seats_per_key);
  d.changed("url", a.url, b.url);
  d.changed("ready", a.ready, b.ready);
  d.changed("verify", a.verify, b.verify);
  d.changed("count", a.count, b.count);
  d.changed("observe", a.observe, b.observe);
  d.changed("scale", a.scale, b.scale);
  d.changed("drain", a.drain, b.drain);
  d.changed("heal", a.heal, b.heal);
  d.changed("rebalance", a.rebalance, b.rebalance);
  d.changed("reconnects", a.reconnects, b.reconnects);
  d.changed("place", a.place, b.place);
  d.changed("spread", a.spread, b.spread);
  d.changed("needs", a.needs, b.needs);
  d.duration("every", a.every, b.every);
  return std::move(d.lines_);
}

}  // namespace

std::string words_of(const Powers& powers) {
  std::string words = "observe";
  if (powers.place) words += ", place";
  if (powers.launch) words += ", launch";
  if (powers.drain) words += ", drain";
  if (powers.heal) words += ", heal";
  return words;
}

std::vector<std::string> difference(const Stack& before, const Stack& after) {
  std::vector<std::string> lines;
  if (before.powers != after.powers)
    lines.push_back(
        fmt::format("powers: {} -> {}", words_of(before.powers), words_of(after.powers)));
  if (before.price != after.price) lines.push_back("price: changed");
  // Others hold on to the Engine that they were started with.
  if (after.provider == ProviderKind::observe && before.docker != after.docker)
    lines.push_back("docker: changed");
  for (const ClusterSpec& b : after.clusters) {
    const auto a = std::ranges::find(before.clusters, b.name, &ClusterSpec::name);
    if (a == before.clusters.end())
      lines.push_back(b.name + ": added");
    else
      std::ranges::move(cluster_difference(*a, b), std::back_inserter(lines));
  }
  for (const ClusterSpec& a : before.clusters)
    if (std::ranges::find(after.clusters, a.name, &ClusterSpec::name) == after.clusters.end())
      lines.push_back(a.name + ": removed, its instances drain");
  return lines;
}

}  // namespace utakata

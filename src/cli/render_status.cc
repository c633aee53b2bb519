#include <fmt/format.h>

#include "base/text.h"
#include "cli/lenient_json.h"
#include "cli/render.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

std::string number_text(const Json& json, const char* name) {
  const auto number = number_in(json, name);
  return number ? fmt::format("{}", *number) : "-";
}

// Where the controller does not sum up itself, its instances are summed up here.
long long sum_of(const Json& cluster, const char* name) {
  if (const auto told = number_in(cluster, name)) return *told;
  long long sum = 0;
  for (const auto& instance : list_in(cluster, "instances"))
    sum += number_in(instance, name).value_or(0);
  return sum;
}

std::string age_text(long long ms) {
  return to_text(std::chrono::milliseconds(ms >= 1000 ? ms / 1000 * 1000 : ms));
}

Colour colour_of(const std::string& lifecycle, bool is_suspect) {
  if (is_suspect) return Colour::bad;
  if (lifecycle == "serving") return Colour::good;
  return lifecycle == "starting" || lifecycle == "draining" ? Colour::warn : Colour::dim;
}

std::string note_of(const Json& instance) {
  std::string note;
  const auto add = [&](const std::string& text) { note += (note.empty() ? "" : "; ") + text; };
  if (instance.contains("drain") && instance["drain"].is_object()) {
    const Json& drain = instance["drain"];
    const auto left = number_in(drain, "deadline_left_ms");
    add(fmt::format("{}, {}", text_in(drain, "cause"),
                    left ? age_text(*left) + " left" : "no deadline"));
    if (const auto empty = number_in(drain, "empty_within_ms"))
      add("empty in " + age_text(*empty) + " (p90)");
  }
  if (flag_in(instance, "suspect")) add("suspect");
  if (const auto misses = number_in(instance, "misses").value_or(0); misses > 0)
    add(fmt::format("{} probe{} unanswered", misses, misses == 1 ? "" : "s"));
  return note;
}

void add_cluster(Table& table, const Json& cluster, bool has_owners) {
  std::string because = text_in(cluster, "winner");
  if (const auto why = text_in(cluster, "because"); !why.empty())
    because += (because.empty() ? "" : ": ") + why;
  if (const auto held = text_in(cluster, "held_back"); !held.empty())
    because += fmt::format(" (held back: {})", held);
  if (flag_in(cluster, "braked")) because = "BRAKE ON, nothing is given up; " + because;
  const auto serving = number_in(cluster, "serving").value_or(0);
  const auto waiting = number_in(cluster, "waiting").value_or(0);
  std::vector<Cell> cells = {{text_in(cluster, "name")}};
  if (has_owners) {
    const std::string owner = text_in(cluster, "owner");
    cells.push_back({owner.empty() ? "nobody" : owner, owner.empty() ? Colour::bad : Colour::none});
  }
  const std::vector<Cell> rest = {
      {fmt::format("{}..{}", number_text(cluster, "min"), number_text(cluster, "max"))},
      {number_text(cluster, "want")},
      {number_text(cluster, "serving"),
       serving < number_in(cluster, "min").value_or(0) ? Colour::bad : Colour::good},
      {number_text(cluster, "starting")},
      {number_text(cluster, "draining")},
      {fmt::format("{}", sum_of(cluster, "connections"))},
      {fmt::format("{}", sum_of(cluster, "seats_held"))},
      {number_text(cluster, "waiting"), waiting > 0 ? Colour::warn : Colour::none},
      {because, flag_in(cluster, "braked") ? Colour::bad : Colour::none}};
  cells.insert(cells.end(), rest.begin(), rest.end());
  table.add(std::move(cells));
}

// Of providers with several hosts, or zones.
struct PlaceColumn {
  bool has_hosts = false, has_zones = false;
  std::string heading() const {
    if (!has_hosts) return has_zones ? "ZONE" : "";
    return has_zones ? "HOST/ZONE" : "HOST";
  }
  std::string of(const Json& instance) const {
    const std::string host = text_in(instance, "host"), zone = text_in(instance, "zone");
    if (!has_hosts || !has_zones) return host + zone;
    return host + (zone.empty() ? "" : "/" + zone);
  }
};

PlaceColumn place_column(const Json& status) {
  PlaceColumn column;
  for (const auto& cluster : list_in(status, "clusters"))
    for (const auto& instance : list_in(cluster, "instances")) {
      column.has_hosts |= !text_in(instance, "host").empty();
      column.has_zones |= !text_in(instance, "zone").empty();
    }
  return column;
}

void add_instance(Table& table, const Json& instance, const std::string& capacity,
                  const PlaceColumn& places) {
  const std::string lifecycle = text_in(instance, "lifecycle");
  const bool is_suspect = flag_in(instance, "suspect");
  std::vector<Cell> cells = {{text_in(instance, "id")},
                             {lifecycle, colour_of(lifecycle, is_suspect)},
                             {number_text(instance, "connections") + "/" + capacity},
                             {number_text(instance, "seats_held")},
                             {number_text(instance, "keys")},
                             {age_text(number_in(instance, "age_ms").value_or(0))},
                             {number_text(instance, "pid")}};
  if (!places.heading().empty()) cells.push_back({places.of(instance)});
  const std::vector<Cell> rest = {
      {text_in(instance, "url").empty() ? text_in(instance, "address") : text_in(instance, "url")},
      {text_in(instance, "version").substr(0, 8)},
      {note_of(instance), is_suspect ? Colour::bad : Colour::warn}};
  cells.insert(cells.end(), rest.begin(), rest.end());
  table.add(std::move(cells));
}

}  // namespace

std::string render_status(const std::string& text, const Style& style) {
  const Json json = json_from(text);
  // With several controllers each cluster has an owner, or none for the moment.
  const bool has_owners = json.contains("others");
  std::vector<std::string> heads = {"CLUSTER"};
  if (has_owners) heads.push_back("OWNER");
  heads.insert(heads.end(), {"SIZE", "WANT>", "SERVING>", "STARTING>", "DRAINING>", "CLIENTS>",
                             "HELD>", "WAITING>", "BECAUSE"});
  Table clusters(std::move(heads));
  const PlaceColumn places = place_column(json);
  heads = {"INSTANCE", "STATE", "CLIENTS>", "HELD>", "KEYS>", "AGE>", "PID>"};
  if (!places.heading().empty()) heads.push_back(places.heading());
  heads.insert(heads.end(), {"URL", "VERSION", ""});
  Table instances(std::move(heads));
  for (const auto& cluster : list_in(json, "clusters")) {
    add_cluster(clusters, cluster, has_owners);
    for (const auto& instance : list_in(cluster, "instances"))
      add_instance(instances, instance, number_text(cluster, "capacity"), places);
  }
  const Json& controller = object_in(json, "controller");
  std::string out = fmt::format("stack {}", printable(text_in(json, "stack")));
  if (const auto pid = number_in(controller, "pid")) out += fmt::format(", controller {}", *pid);
  if (const auto up = number_in(controller, "uptime_ms")) out += ", up " + age_text(*up);
  out += "\n\n" + clusters.to_text(style);
  if (!instances.is_empty()) out += "\n" + instances.to_text(style);
  for (const auto& other : list_in(json, "others"))
    if (const auto why = text_in(other, "problem"); !why.empty())
      out += fmt::format("\nThe controller {} at {} does not answer: {}\n",
                         printable(text_in(other, "name")), printable(text_in(other, "url")),
                         printable(why));
  return out;
}

std::string render_left(const std::string& text) {
  std::string out;
  const Json json = json_from(text);
  for (const auto& cluster : list_in(json, "clusters")) {
    long long serving = 0, draining = 0, others = 0, clients = 0;
    for (const auto& instance : list_in(cluster, "instances")) {
      const std::string lifecycle = text_in(instance, "lifecycle");
      ++(lifecycle == "serving" ? serving : lifecycle == "draining" ? draining : others);
      clients += number_in(instance, "connections").value_or(0);
    }
    std::string parts;
    const auto add = [&](long long n, const char* what) {
      if (n > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", n, what);
    };
    add(serving, "serving"), add(draining, "draining"), add(others, "stopping");
    if (clients > 0) parts += fmt::format(" ({})", plural(clients, "client"));
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", printable(text_in(cluster, "name")),
                       parts.empty() ? "gone" : parts);
  }
  return out;
}

}  // namespace utakata

#include "fleet/store/etcd/row_text.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wire/base64.h"
#include "wire/utf8.h"

namespace utakata::etcd {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array lifecycles = {Lifecycle::starting, Lifecycle::serving, Lifecycle::draining,
                                   Lifecycle::stopping, Lifecycle::gone};
constexpr std::array causes = {DrainCause::scale_in, DrainCause::rollout, DrainCause::by_hand,
                               DrainCause::healing, DrainCause::shutdown};
constexpr std::array phases = {Activity::Phase::intent, Activity::Phase::outcome};

// JSON has no place for bytes that are no text.
Json json_of(std::string_view text) {
  if (wire::is_utf8(text)) return Json(text);
  return {{"base64", wire::base64_of(text)}};
}

void put(Json& row, const char* name, std::string_view text) {
  if (!text.empty()) row[name] = json_of(text);
}
void put(Json& row, const char* name, bool flag) {
  if (flag) row[name] = true;
}

class Row {
 public:
  explicit Row(std::string_view text) : json_(Json::parse(text, nullptr, false)) {
    is_bad_ = !json_.is_object();
    if (is_bad_) json_ = Json::object();
  }
  explicit Row(const Json& json) : json_(json) {
    is_bad_ = !json_.is_object();
    if (is_bad_) json_ = Json::object();
  }
  bool has(const char* name) const { return json_.contains(name) && !json_[name].is_null(); }
  std::string text(const char* name) {
    if (!has(name)) return {};
    const Json& one = json_[name];
    if (one.is_string()) return one.get<std::string>();
    if (one.is_object() && one.contains("base64") && one["base64"].is_string())
      if (auto bytes = wire::bytes_of_base64(one["base64"].get_ref<const std::string&>()))
        return std::move(*bytes);
    is_bad_ = true;
    return {};
  }
  std::int64_t number(const char* name, std::int64_t lowest, std::int64_t highest) {
    if (!has(name)) return std::clamp<std::int64_t>(0, lowest, highest);
    const Json& one = json_[name];
    const bool is_fit = one.is_number_integer() &&
                        !(one.is_number_unsigned() && one.get<std::uint64_t>() > largest);
    const auto number = is_fit ? one.get<std::int64_t>() : 0;
    is_bad_ = is_bad_ || !is_fit || number < lowest || number > highest;
    return is_bad_ ? lowest : number;
  }
  std::int64_t number(const char* name) { return number(name, 0, largest); }
  int integer(const char* name) { return int(number(name, 0, std::numeric_limits<int>::max())); }
  bool flag(const char* name) {
    is_bad_ = is_bad_ || (has(name) && !json_[name].is_boolean());
    return has(name) && !is_bad_ && json_[name].get<bool>();
  }
  Duration milliseconds(const char* name) {  // as many as a Duration holds
    return std::chrono::milliseconds{number(name, -9'000'000'000'000, 9'000'000'000'000)};
  }
  template <class Enum, std::size_t N>
  Enum word(const char* name, const std::array<Enum, N>& all) {
    const auto word = text(name);
    const auto found = std::ranges::find_if(all, [&](Enum e) { return word == to_text(e); });
    is_bad_ = is_bad_ || found == all.end();
    return found == all.end() ? all[0] : *found;
  }
  const Json& object(const char* name) const { return json_[name]; }  // has() it
  void list(const char* name, auto each) {
    if (!has(name)) return;
    is_bad_ = is_bad_ || !json_[name].is_array();
    if (json_[name].is_array())
      for (const Json& one : json_[name]) each(one);
  }
  void spoil() { is_bad_ = true; }
  template <class T>
  std::optional<T> whole(T value) const {
    return is_bad_ ? std::nullopt : std::optional<T>(std::move(value));
  }

 private:
  static constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  Json json_;
  bool is_bad_ = false;
};

}  // namespace

std::string format_text(std::string_view stack) {
  return Json{{"format", format_newest}, {"stack", stack}, {"program", "utakata"}}.dump();
}

std::optional<Format> format_from(std::string_view text) {
  Row row(text);
  Format format{.format = row.number("format"), .stack = row.text("stack")};
  if (row.text("program") != "utakata" || format.format < 1) row.spoil();
  return row.whole(std::move(format));
}

std::string row_text(const Instance& one) {
  Json row = {{"lifecycle", to_text(one.lifecycle)}};
  put(row, "version", one.version);
  put(row, "handle", one.handle);
  put(row, "host", one.address.host);
  if (one.address.port) row["port"] = one.address.port;
  put(row, "runs_on", one.host);
  put(row, "zone", one.zone);
  put(row, "url", one.url);
  put(row, "token_hash", one.token_hash);
  if (one.drain_cause) row["drain_cause"] = to_text(*one.drain_cause);
  if (one.drain_left) row["drain_left_ms"] = to_ms(*one.drain_left);
  put(row, "closes_begun", one.closes_begun);
  return row.dump();
}

std::optional<Instance> instance_from(std::string_view id, std::string_view text) {
  Row row(text);
  Instance one;
  one.id = {std::string(id)};
  one.lifecycle = row.word("lifecycle", lifecycles);
  one.version = row.text("version");
  one.handle = row.text("handle");
  one.address = {row.text("host"), std::uint16_t(row.number("port", 0, 65535))};
  one.host = row.text("runs_on");
  one.zone = row.text("zone");
  one.url = row.text("url");
  one.token_hash = row.text("token_hash");
  if (row.has("drain_cause")) one.drain_cause = row.word("drain_cause", causes);
  if (row.has("drain_left_ms")) one.drain_left = row.milliseconds("drain_left_ms");
  one.closes_begun = row.flag("closes_begun");
  return row.whole(std::move(one));
}

std::string row_text(const Batch::ClusterRow& cluster) {
  const Desired& desired = cluster.desired;
  Json row = {{"next_number", cluster.next_number}};
  if (desired.by_hand) row["by_hand"] = *desired.by_hand;
  put(row, "shutting_down", desired.shutting_down);
  put(row, "down_now", desired.down_now);
  if (desired.down_deadline) row["down_deadline_ms"] = to_ms(*desired.down_deadline);
  if (desired.restarts) row["restarts"] = desired.restarts;
  return row.dump();
}

std::optional<Batch::ClusterRow> cluster_from(std::string_view name, std::string_view text) {
  Row row(text);
  Batch::ClusterRow cluster{.cluster = std::string(name), .desired = {}};
  cluster.next_number = row.integer("next_number");
  if (row.has("by_hand")) cluster.desired.by_hand = row.integer("by_hand");
  cluster.desired.shutting_down = row.flag("shutting_down");
  cluster.desired.down_now = row.flag("down_now");
  if (row.has("down_deadline_ms"))
    cluster.desired.down_deadline = row.milliseconds("down_deadline_ms");
  cluster.desired.restarts = row.integer("restarts");
  return row.whole(std::move(cluster));
}

std::string row_text(const Activity& activity, std::string_view controller) {
  Json row = {{"at", to_text(activity.at)}, {"at_ms", to_ms(activity.at)}};
  put(row, "cluster", activity.cluster);
  put(row, "instance", activity.instance);
  row["phase"] = to_text(activity.phase);
  put(row, "kind", activity.kind);
  put(row, "because", activity.because);
  put(row, "limited_by", activity.limited_by);
  put(row, "by", activity.by);
  put(row, "controller", controller);
  if (activity.cut) row["cut"] = *activity.cut;
  return row.dump();
}

std::optional<Activity> activity_from(std::int64_t number, std::string_view text) {
  Row row(text);
  Activity one;
  one.number = number;
  one.at = WallTime{std::chrono::milliseconds{row.number("at_ms")}};
  one.cluster = row.text("cluster");
  one.instance = row.text("instance");
  one.phase = row.word("phase", phases);
  one.kind = row.text("kind");
  one.because = row.text("because");
  one.limited_by = row.text("limited_by");
  one.by = row.text("by");
  if (row.has("cut")) one.cut = row.integer("cut");
  return row.whole(std::move(one));
}

std::string row_text(const Counter& counter) {
  Json row = {{"number", counter.number}, {"recent", Json::array()}};
  for (const auto& [token, first] : counter.recent)
    row["recent"].push_back({{"token", token}, {"first", first}});
  if (const auto& s = counter.spreading)
    row["spreading"] = {{"token", s->token}, {"first", s->first}, {"parts", s->parts}};
  return row.dump();
}

std::optional<Counter> counter_from(std::string_view text) {
  Row row(text);
  Counter counter{.number = row.number("number")};
  row.list("recent", [&](const Json& json) {
    Row one(json);
    const auto token = one.text("token");
    const auto whole = one.whole(std::pair(token, one.number("first")));
    if (whole)
      counter.recent.push_back(*whole);
    else
      row.spoil();
  });
  if (row.has("spreading")) {
    Row one(row.object("spreading"));
    Counter::Spread spread{.token = one.text("token"), .first = one.number("first")};
    spread.parts = one.integer("parts");
    counter.spreading = one.whole(std::move(spread));
    if (!counter.spreading) row.spoil();
  }
  return row.whole(std::move(counter));
}

std::string part_text(const Part& part) {
  Json writes = Json::array();
  for (const auto& [key, value] : part.writes) {
    Json one = Json::object();
    put(one, "key", key);
    if (value) one["value"] = json_of(*value);
    writes.push_back(std::move(one));
  }
  return Json{{"activities_before", part.activities_before}, {"writes", std::move(writes)}}.dump();
}

std::optional<Part> part_from(std::string_view text) {
  Row row(text);
  Part part{.activities_before = row.number("activities_before")};
  row.list("writes", [&](const Json& json) {
    Row one(json);
    Write write{.key = one.text("key"), .value = {}};
    if (one.has("value")) write.value = one.text("value");
    if (const auto whole = one.whole(write); whole && (whole->value || !whole->key.empty()))
      part.writes.push_back(*whole);
    else
      row.spoil();
  });
  return row.whole(std::move(part));
}

}  // namespace utakata::etcd

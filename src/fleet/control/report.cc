#include "fleet/control/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fleet/control/difference.h"
#include "fleet/plan/apply.h"
#include "fleet/plan/scale.h"

namespace utakata {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json instance_json(const Planner& planner, const Instance& i, const std::string& run_folder,
                   Instant now) {
  Json json = {
      {"id", i.id.text},
      {"lifecycle", to_text(i.lifecycle)},
      {"suspect", i.suspect},
      {"address", i.address.port ? fmt::format("{}:{}", i.address.host, i.address.port) : ""},
      {"url", i.url},
      {"host", i.host},
      {"zone", i.zone},
      {"handle", i.handle},
      {"version", i.version},
      {"connections", i.count ? Json(i.count->connections) : Json(nullptr)},
      {"count_age_ms", i.count ? Json(to_ms(now - i.count->at)) : Json(nullptr)},
      {"seats_held", i.seats_held},
      {"keys", i.keys},
      {"age_ms", to_ms(now - i.launched_at)},
      {"misses", i.misses},
      {"log", fmt::format("{}/logs/{}.log", run_folder, i.id.text)}};
  // "pid 812 started 93112"
  int pid = 0;
  if (std::sscanf(i.handle.c_str(), "pid %d", &pid) == 1) json["pid"] = pid;
  if (i.lifecycle == Lifecycle::draining && i.drain_cause) {
    Json left = nullptr;
    if (i.drain_left) left = std::max<std::int64_t>(0, to_ms(*i.drain_left - (now - i.since)));
    const auto empty = planner.empty_within(i);
    json["drain"] = {{"cause", to_text(*i.drain_cause)},
                     {"deadline_left_ms", left},
                     {"closes", i.closes_begun},
                     {"empty_within_ms", empty ? Json(to_ms(*empty)) : Json(nullptr)}};
  }
  return json;
}

Json shows_json(const Plan& plan) {
  Json shows = Json::array();
  for (const ShowState& show : plan.shows)
    shows.push_back({{"show", show.show},
                     {"phase", to_text(show.phase)},
                     {"go", show.is_go},
                     {"line", show.line}});
  return shows;
}

// Where launches may go, and why they do not.
Json hosts_json(const Planner& planner, Instant now) {
  const Ladder& ladder = planner.ladder();
  Json hosts = Json::array();
  for (const Host& host : ladder.hosts()) {
    const auto there = std::ranges::count_if(
        planner.fleet().instances, [&](const Instance& i) { return ladder.host_of(i) == &host; });
    hosts.push_back({{"host", host.name},
                     {"zone", host.zone},
                     {"up", host.is_up},
                     {"open", host.is_open},
                     {"instances", there},
                     {"passed_over", ladder.passed_over(host, now)}});
  }
  return hosts;
}

Json actions_json(const std::vector<Action>& actions) {
  Json list = Json::array();
  for (const Action& a : actions)
    list.push_back(fmt::format("{} {}: {}", kind_of(a), id_of(a).text, because_of(a)));
  return list;
}

Json cluster_json(const ClusterReport& report, const std::string& run_folder, Instant now) {
  const ClusterSpec& spec = report.planner.fleet().spec;
  const Standing stands = standing(report.planner.fleet(), report.plan.braked);
  Json instances = Json::array();
  long long connections = 0, seats = 0;
  for (const Instance& i : report.planner.fleet().instances) {
    if (i.count) connections += i.count->connections;
    seats += i.seats_held;
    instances.push_back(instance_json(report.planner, i, run_folder, now));
  }
  return {{"name", spec.name},
          {"owner", report.owner},
          {"ours", report.is_ours},
          {"min", spec.instances_min},
          {"max", spec.instances_max},
          {"want", report.plan.want.instances},
          {"winner", report.plan.want.winner},
          {"because", report.plan.want.because},
          {"held_back", report.plan.held_back},
          {"frozen", report.plan.frozen},
          {"shows", shows_json(report.plan)},
          {"by_hand", or_null(report.planner.fleet().desired.by_hand)},
          {"shutting_down", report.planner.fleet().desired.shutting_down},
          {"capacity", spec.capacity},
          {"serving", stands.serving},
          {"starting", stands.starting},
          {"silent", stands.silent},
          {"draining", stands.draining},
          {"stopping", stands.stopping},
          {"connections", connections},
          {"seats_held", seats},
          {"waiting", report.seats.waiting},
          {"granted", report.seats.granted},
          {"refused", report.seats.refused},
          {"braked", report.plan.braked},
          {"version", spec.version},
          {"instances", std::move(instances)}};
}

}  // namespace

std::string report_status(const Stack& stack, const std::vector<ClusterReport>& clusters,
                          const std::string& run_folder, Instant now) {
  Json list = Json::array();
  for (const ClusterReport& cluster : clusters)
    list.push_back(cluster_json(cluster, run_folder, now));
  return Json{{"stack", stack.name},
              {"controller", {{"pid", getpid()}, {"store", stack.store}}},
              {"provider", to_text(stack.provider)},
              {"powers", words_of(stack.powers)},
              {"clusters", std::move(list)}}
      .dump();
}

std::string report_explain(const ClusterReport& report, WallTime at, Instant now) {
  Json proposals = Json::array();
  for (const Proposal& p : report.plan.proposals)
    proposals.push_back({{"rule", p.rule}, {"want", or_null(p.want)}, {"because", p.because}});
  const Want& want = report.plan.want;
  return Json{{"cluster", report.planner.fleet().spec.name},
              {"at", to_text(at)},
              {"proposals", std::move(proposals)},
              {"want",
               {{"instances", want.instances},
                {"winner", want.winner},
                {"because", want.because},
                {"limited_by", want.limited_by}}},
              {"held_back", report.plan.held_back},
              {"braked", report.plan.braked},
              {"frozen", report.plan.frozen},
              {"shows", shows_json(report.plan)},
              {"disconnect_budget",
               {{"lost", report.planner.budget().lost()},
                {"placed", report.planner.budget().placed()},
                {"share", report.planner.fleet().spec.drain.budget}}},
              {"spread", to_text(report.planner.fleet().spec.spread)},
              {"hosts", hosts_json(report.planner, now)},
              {"withheld", actions_json(report.plan.withheld)},
              {"actions", actions_json(report.plan.actions)}}
      .dump();
}

std::string report_activities(const std::vector<Activity>& activities) {
  Json list = Json::array();
  for (const Activity& a : activities)
    list.push_back({{"number", a.number},
                    {"at", to_text(a.at)},
                    {"cluster", a.cluster},
                    {"instance", a.instance},
                    {"phase", to_text(a.phase)},
                    {"kind", a.kind},
                    {"because", a.because},
                    {"limited_by", a.limited_by},
                    {"by", a.by},
                    {"cut", or_null(a.cut)}});
  return Json{{"activities", std::move(list)}}.dump();
}

}  // namespace utakata

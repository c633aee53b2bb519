#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/replay_report.h"
#include "sim/report_json.h"

namespace utakata {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<Duration>& time) {
  return time ? Json(to_ms(*time)) : Json(nullptr);
}

Json happened_json(const RecordedCluster& had) {
  Json ends = Json::array();
  for (const RecordedEnd& end : had.ends)
    ends.push_back({{"at", to_text(end.at)},
                    {"instance", end.instance},
                    {"how", to_text(end.how)},
                    {"cut", end.cut}});
  return {{"instance_hours", had.instance_hours},
          {"idle_hours", had.idle_hours},
          {"instances_most", had.there_most},
          {"cut", had.cut},
          {"hot_minutes", had.hot_minutes},
          {"waiting_most", had.waiting_most},
          {"refused", nullptr},
          {"boot_ms", or_null(had.boot)},
          {"session_ms", or_null(had.session)},
          {"ends", std::move(ends)}};
}

Json day_json(const ReplayedCluster& day) {
  return {{"instance_hours", day.instance_hours},
          {"idle_hours", day.idle_hours},
          {"instances_most", day.there_most},
          {"scale_ins", day.scale_ins},
          {"cut", day.cut},
          {"refused", day.refused},
          {"boot_ms", to_ms(day.boot)},
          {"session_ms", to_ms(day.session)},
          {"broken", day.day.broken}};
}

Json minutes_json(const ReplayReport::Cluster& cluster) {
  const RecordedCluster& had = cluster.happened;
  Json minutes = Json::array();
  for (std::size_t i = 0; i < had.minutes.size(); ++i) {
    const RecordedMinute& minute = had.minutes[i];
    Json would = Json::array();
    for (const ReplayedCluster& day : cluster.days)
      would.push_back({{"instances", day.minutes[i].there}, {"why", day.minutes[i].why}});
    minutes.push_back(
        {{"at", to_text(had.began + std::chrono::floor<std::chrono::milliseconds>(minute.at))},
         {"seen_ms", to_ms(minute.seen)},
         {"had", minute.there},
         {"needed", minute.needed},
         {"clients", minute.clients},
         {"waiting", minute.waiting},
         {"cut", minute.cut},
         {"hot", minute.is_hot},
         {"would", std::move(would)}});
  }
  return minutes;
}

}  // namespace

std::string replay_json(const ReplayReport& report) {
  Json clusters = Json::array();
  for (const ReplayReport::Cluster& cluster : report.clusters) {
    Json days = Json::array();
    for (const ReplayedCluster& day : cluster.days) days.push_back(day_json(day));
    clusters.push_back({{"name", cluster.happened.name},
                        {"began", to_text(cluster.happened.began)},
                        {"length_ms", to_ms(cluster.happened.length)},
                        {"unseen_ms", to_ms(cluster.happened.unseen)},
                        {"happened", happened_json(cluster.happened)},
                        {"would", std::move(days)},
                        {"minutes", minutes_json(cluster)}});
  }
  return Json{{"stack", report.stack},
              {"names", report.names},
              {"damaged", report.damaged},
              {"clusters", std::move(clusters)}}
             .dump(1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace utakata

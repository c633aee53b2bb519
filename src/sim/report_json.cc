#include "sim/report_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace utakata {
namespace {

using Json = nlohmann::ordered_json;

Json sample_json(const SimSample& sample) {
  return {{"at_ms", to_ms(sample.at)},         {"wanted", sample.wanted},
          {"starting", sample.starting},       {"serving", sample.serving},
          {"draining", sample.draining},       {"wishing", sample.wishing},
          {"connections", sample.connections}, {"capacity", sample.capacity},
          {"refused", sample.refused},         {"cut", sample.cut}};
}

Json cluster_json(const SimCluster& cluster, bool has_price) {
  Json samples = Json::array();
  for (const SimSample& sample : cluster.samples) samples.push_back(sample_json(sample));
  return {{"name", cluster.name},
          {"arrivals", cluster.arrivals},
          {"placements", cluster.placements},
          {"refused", cluster.refused},
          {"waited_p50_ms", to_ms(cluster.waited_p50)},
          {"waited_p99_ms", to_ms(cluster.waited_p99)},
          {"waited_most_ms", to_ms(cluster.waited_most)},
          {"cuts",
           {{"by_faults", cluster.cuts.by_faults},
            {"by_healing", cluster.cuts.by_healing},
            {"by_deadline", cluster.cuts.by_deadline},
            {"by_scaling", cluster.cuts.by_scaling}}},
          {"launches", cluster.launches},
          {"drains", cluster.drains},
          {"heals", cluster.heals},
          {"serving_most", cluster.serving_most},
          {"sent_elsewhere", cluster.sent_away},
          {"instance_hours", cluster.instance_hours},
          {"cost", has_price ? Json(cluster.cost) : Json()},
          {"samples", std::move(samples)}};
}

// The same keys as the API's GET /v1/activities, and when it was on the axis of the charts.
Json activity_json(const Activity& activity, WallTime began) {
  return {{"number", activity.number},
          {"at", to_text(activity.at)},
          {"at_ms", to_ms(activity.at) - to_ms(began)},
          {"cluster", activity.cluster},
          {"instance", activity.instance},
          {"phase", to_text(activity.phase)},
          {"kind", activity.kind},
          {"because", activity.because},
          {"limited_by", activity.limited_by},
          {"by", activity.by},
          {"cut", activity.cut ? Json(*activity.cut) : Json()}};
}

}  // namespace

std::string to_json(const SimResult& result) {
  const bool has_price = !result.currency.empty();
  Json clusters = Json::array(), activities = Json::array(), faults = Json::array();
  for (const SimCluster& cluster : result.clusters)
    clusters.push_back(cluster_json(cluster, has_price));
  for (const Activity& activity : result.activities)
    activities.push_back(activity_json(activity, result.began));
  for (const SimFault& fault : result.faults)
    faults.push_back(Json{{"at_ms", to_ms(fault.at)}, {"what", fault.what}});
  const Json json = {{"stack", result.stack},
                     {"load", result.load},
                     {"seed", result.seed},
                     {"began", to_text(result.began)},
                     {"length_ms", to_ms(result.length)},
                     {"took_s", result.took_seconds},
                     {"currency", has_price ? Json(result.currency) : Json()},
                     {"broken", result.broken},
                     {"faults", std::move(faults)},
                     {"clusters", std::move(clusters)},
                     {"activities", std::move(activities)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace utakata

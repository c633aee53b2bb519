#include "fleet/provider/observe/pm2_listing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "fleet/provider/observe/json_parts.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

// The list is one line, and the last that is any: what PM2 says of itself comes before it.
Json list_in(std::string_view text) {
  while (!text.empty()) {
    const auto before = text.rfind('\n');
    const auto line = before == text.npos ? text : text.substr(before + 1);
    if (line.starts_with('['))
      if (Json json = Json::parse(line, nullptr, false); json.is_array()) return json;
    text = before == text.npos ? std::string_view() : text.substr(0, before);
  }
  return Json(Json::value_t::discarded);
}

std::optional<std::uint16_t> port_of(const Json& pm2_env, const Pm2App& app) {
  const auto* const env = part_of(pm2_env, "env");
  const auto first = app.port ? app.port : env ? number_of(*env, "PORT").value_or(0) : 0;
  const auto further = app.port ? number_of(pm2_env, "NODE_APP_INSTANCE").value_or(0) : 0;
  if (further < 0 || further > 65535) return std::nullopt;
  const auto port = first + further;
  if (port < 1 || port > 65535) return std::nullopt;
  return std::uint16_t(port);
}

}  // namespace

Expected<std::vector<Listed>> read_pm2(std::string_view text, const Pm2App& app) {
  const Json list = list_in(text);
  if (!list.is_array())
    return problem(Problem::Kind::invalid, "`pm2 jlist` printed no list of processes");
  std::vector<Listed> all;
  for (const Json& one : list) {
    if (text_of(one, "name") != app.name) continue;
    const auto* const found = part_of(one, "pm2_env");
    const Json env = found ? *found : Json();
    if (text_of(env, "status") != "online") continue;
    const auto id = number_of(one, "pm_id"), pid = number_of(one, "pid"),
               started = number_of(env, "pm_uptime");
    if (!id || !pid || !started)
      return problem(Problem::Kind::invalid,
                     fmt::format("`pm2 jlist` tells no pm_id, pid and pm_uptime of a process of {}",
                                 app.name));
    const auto port = port_of(env, app);
    if (!port)
      return problem(
          Problem::Kind::invalid,
          fmt::format("PM2's process {} of {} has no port that can be known: set PORT in its "
                      "`env`, or `port` beside `pm2`",
                      *id, app.name));
    all.push_back(
        {fmt::format("pm2 {} pid {} started {}", *id, *pid, *started), {app.host, *port}});
  }
  if (const auto twice = same_address(all))
    return problem(
        Problem::Kind::invalid,
        fmt::format("PM2's processes of {} share port {}: each must be reached by itself, in "
                    "`exec_mode: fork` with `increment_var: \"PORT\"`",
                    app.name, twice->address.port));
  return all;
}

}  // namespace utakata

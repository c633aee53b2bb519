#include "realtime/pusher/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace utakata::realtime {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kBatchMax = 10;

ApiAnswer refused(int status, std::string why) {
  return {.status = status, .body = std::move(why) + "\n", .type = "text/plain"};
}

ApiAnswer refused(const Problem& problem) {
  if (problem.kind == Problem::Kind::unavailable) return refused(503, problem.what);
  return refused(problem.kind == Problem::Kind::refused ? 413 : 400, problem.what);
}

bool asks_for(const std::string& info, std::string_view what) {
  std::string_view left = info;
  while (!left.empty()) {
    const std::string_view one = left.substr(0, left.find(','));
    if (one == what) return true;
    left.remove_prefix(std::min(left.size(), one.size() + 1));
  }
  return false;
}

// What was asked to be told of a channel.
Json shown(const PusherApp& app, const std::string& channel, const std::string& info, Instant now) {
  Json told = Json::object();
  const bool is_presence = channel_kind(channel).access == ChannelAccess::presence;
  if (asks_for(info, "user_count") && is_presence)
    told["user_count"] = app.channels().members(channel).size();
  if (asks_for(info, "subscription_count"))
    told["subscription_count"] = app.channels().readers_count(channel);
  if (!asks_for(info, "cache")) return told;
  const MessagePtr cached = app.channels().cached(channel, now);
  told["cache"] = cached ? Json{{"data", Json::parse(cached->data, nullptr, false)}} : Json();
  return told;
}

std::string text_of(const Json& from, const char* key) {
  const auto known = from.find(key);
  return known != from.end() && known->is_string() ? known->get<std::string>() : std::string();
}

// Of events and of each of batch_events. A sentence: what is wrong with it.
std::expected<PusherApp::Publication, std::string> publication_of(const Json& from) {
  if (!from.is_object()) return std::unexpected("An event must be a JSON object.");
  if (text_of(from, "name").empty()) return std::unexpected("An event needs a text `name`.");
  if (!from.contains("data") || !from["data"].is_string())
    return std::unexpected("An event needs `data`, a text: JSON in it is written as a text.");
  PusherApp::Publication made{.event = text_of(from, "name"),
                              .data = from["data"].dump(),
                              .channels = {},
                              .but_socket_id = text_of(from, "socket_id")};
  if (const std::string one = text_of(from, "channel"); !one.empty()) made.channels.push_back(one);
  if (const auto many = from.find("channels"); many != from.end()) {
    if (!many->is_array()) return std::unexpected("`channels` must be a list of texts.");
    for (const Json& one : *many) {
      if (!one.is_string()) return std::unexpected("`channels` must be a list of texts.");
      made.channels.push_back(one.get<std::string>());
    }
  }
  return made;
}

class Call {
 public:
  Call(PusherApp& app, const ApiRequest& request, Instant now)
      : app_(app), request_(request), now_(now) {}

  ApiAnswer events() {
    const auto body = parsed();
    if (!body) return refused(400, body.error());
    auto made = publication_of(*body);
    if (!made) return refused(400, made.error());
    if (const auto done = app_.publish(*made); !done) return refused(done.error());
    const std::string info = text_of(*body, "info");
    Json told = Json::object();
    for (const std::string& channel : made->channels)
      if (!info.empty()) told[channel] = shown(app_, channel, info, now_);
    return {.body = told.empty() ? "{}" : Json{{"channels", told}}.dump()};
  }

  ApiAnswer batch() {
    const auto body = parsed();
    if (!body) return refused(400, body.error());
    if (!body->is_object() || !body->contains("batch") || !(*body)["batch"].is_array())
      return refused(400, "A batch needs a list `batch`.");
    const Json& batch = (*body)["batch"];
    if (batch.size() > kBatchMax)
      return refused(400, fmt::format("A batch has {} events at most.", kBatchMax));
    std::vector<PusherApp::Publication> all;
    for (const Json& one : batch) {
      auto made = publication_of(one);
      if (!made) return refused(400, made.error());
      if (const auto fault = app_.fault_of(*made)) return refused(*fault);
      all.push_back(std::move(*made));
    }
    Json told = Json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (const auto done = app_.publish(all[i]); !done) return refused(done.error());
      told.push_back(shown(app_, all[i].channels.front(), text_of(batch[i], "info"), now_));
    }
    const bool says_anything =
        std::ranges::any_of(told, [](const Json& one) { return !one.empty(); });
    return {.body = says_anything ? Json{{"batch", told}}.dump() : "{}"};
  }

  ApiAnswer channels() {
    const std::string prefix = api_parameter(request_.query, "filter_by_prefix");
    const std::string info = api_parameter(request_.query, "info");
    if (asks_for(info, "user_count") && !prefix.starts_with("presence-"))
      return refused(400, "user_count may only be asked for with filter_by_prefix=presence-...");
    Json told = Json::object();
    app_.channels().each_occupied([&](const std::string& channel, std::size_t) {
      if (channel.starts_with(prefix)) told[channel] = shown(app_, channel, info, now_);
    });
    return {.body = Json{{"channels", told}}.dump()};
  }

  ApiAnswer channel(const std::string& name) {
    const std::string info = api_parameter(request_.query, "info");
    if (asks_for(info, "user_count") && channel_kind(name).access != ChannelAccess::presence)
      return refused(400, "user_count may only be asked for of presence channels.");
    Json told = shown(app_, name, info, now_);
    told["occupied"] = app_.channels().readers_count(name) > 0;
    return {.body = told.dump()};
  }

  ApiAnswer users(const std::string& name) {
    if (channel_kind(name).access != ChannelAccess::presence)
      return refused(400, "Users may only be asked for of presence channels.");
    Json told = Json::array();
    for (const Member& member : app_.channels().members(name))
      told.push_back({{"id", member.user}});
    return {.body = Json{{"users", told}}.dump()};
  }

  ApiAnswer timeline(const std::string& name) {
    if (!is_channel_name(name)) return refused(400, "That is no name of a channel.");
    const auto word = [&](const char* of) { return api_parameter(request_.query, of); };
    const auto asked =
        page_asked({.limit = word("limit"), .before = word("before"), .after = word("after")});
    if (!asked) return refused(asked.error());
    const auto page = app_.channels().page(name, *asked, now_);
    if (!page) return refused(page.error());
    return {.body = "{" + page_fields(*page) + "}"};
  }

 private:
  std::expected<Json, std::string> parsed() const {
    auto json = Json::parse(request_.body, nullptr, false);
    if (json.is_discarded()) return std::unexpected("The body is not JSON.");
    return json;
  }
  PusherApp& app_;
  const ApiRequest& request_;
  Instant now_;
};

// "/channels/NAME", "/channels/NAME/users" and so on: the name between.
std::optional<std::string> between(std::string_view path, std::string_view before,
                                   std::string_view behind) {
  if (!path.starts_with(before) || !path.ends_with(behind) ||
      path.size() <= before.size() + behind.size())
    return std::nullopt;
  path.remove_prefix(before.size());
  path.remove_suffix(behind.size());
  if (path.contains('/')) return std::nullopt;
  return api_decoded(path);
}

}  // namespace

ApiAnswer api_answer(PusherApp& app, const ApiRequest& request, std::string_view path,
                     std::int64_t now_s, Instant now) {
  if (const auto refusal = api_refusal(request, app.spec().key, now_s))
    return refused(refusal->status, refusal->why);
  if (!app.spec().is_enabled) return refused(403, "This app is disabled.");
  Call call(app, request, now);
  const auto only = [&](std::string_view method, auto answer) {
    return request.method == method ? answer()
                                    : refused(405, fmt::format("Only {} is known here.", method));
  };
  if (path == "/events") return only("POST", [&] { return call.events(); });
  if (path == "/batch_events") return only("POST", [&] { return call.batch(); });
  if (path == "/channels") return only("GET", [&] { return call.channels(); });
  if (const auto name = between(path, "/channels/", "/users"))
    return only("GET", [&] { return call.users(*name); });
  if (const auto name = between(path, "/channels/", "/timeline"))
    return only("GET", [&] { return call.timeline(*name); });
  if (const auto name = between(path, "/channels/", ""))
    return only("GET", [&] { return call.channel(*name); });
  if (const auto user = between(path, "/users/", "/terminate_connections"))
    return only("POST", [&] { return app.terminate_user(*user), ApiAnswer{}; });
  return refused(404, "There is no such path.");
}

}  // namespace utakata::realtime

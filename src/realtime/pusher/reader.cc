#include <fmt/format.h>

#include <utility>

#include "realtime/pusher/events.h"
#include "realtime/pusher/json_source.h"
#include "realtime/pusher/json_walk.h"

namespace utakata::realtime {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::unexpected<Problem> invalid(std::string what) {
  return problem(Problem::Kind::invalid, std::move(what));
}

bool is_client_event(std::string_view name) { return name.starts_with("client-"); }

PusherSays::Kind kind_of(std::string_view event) {
  using Kind = PusherSays::Kind;
  if (event == "pusher:ping") return Kind::ping;
  if (event == "pusher:pong") return Kind::pong;
  if (event == "pusher:subscribe") return Kind::subscribe;
  if (event == "pusher:unsubscribe") return Kind::unsubscribe;
  if (event == "pusher:signin") return Kind::sign_in;
  if (event == history_event_name) return Kind::history;
  return is_client_event(event) ? Kind::event : Kind::unknown;
}

// An id may be written as a number.
std::optional<std::string> id_of(const element& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS)
    return text.empty() ? std::nullopt : std::optional(std::string(text));
  if (!value.is_int64() && !value.is_uint64()) return std::nullopt;
  return simdjson::minify(value);
}

}  // namespace

struct PusherReader::Parser : JsonSource {
  simdjson::dom::parser inner;

  std::optional<std::string> id_in(std::string_view from, std::string_view key, object& top) {
    element root, id;
    if (parse(from).get(root) || root.get(top) || top[key].get(id)) return std::nullopt;
    return id_of(id);
  }
};

PusherReader::PusherReader() : parser_(std::make_unique<Parser>()) {}
PusherReader::~PusherReader() = default;

namespace {

void read_subscription(const object& data, PusherSays& says) {
  says.channel = JsonSource::text_of(data, "channel");
  says.auth = JsonSource::text_of(data, "auth");
  says.channel_data = JsonSource::text_of(data, "channel_data");
  says.user_data = JsonSource::text_of(data, "user_data");
  element recover;
  if (data["recover"].get(recover) != simdjson::SUCCESS) return;
  says.wants_recovery = true;
  object at;
  std::uint64_t offset = 0;
  if (recover.get(at) == simdjson::SUCCESS && at["offset"].get(offset) == simdjson::SUCCESS)
    says.since = Position{JsonSource::text_of(at, "epoch"), offset};
}

void read_history(const object& data, PusherSays& says) {
  if (std::string channel = JsonSource::text_of(data, "channel"); !channel.empty())
    says.channel = std::move(channel);
  says.page = {.limit = JsonSource::json_of(data, "limit"),
               .before = JsonSource::json_of(data, "before"),
               .after = JsonSource::json_of(data, "after")};
}

}  // namespace

std::optional<ClientEvent> client_event_in(std::string_view text) {
  JsonWalk walk(text);
  ClientEvent event;
  if (!walk.sign('{')) return std::nullopt;
  do {
    std::string_view key, part;
    if (!walk.text(key) || !walk.sign(':')) return std::nullopt;
    std::string_view* const to = key == "event"     ? &event.name
                                 : key == "channel" ? &event.channel
                                 : key == "data"    ? &event.data
                                                    : nullptr;
    if (!to || !to->empty()) return std::nullopt;
    if (to == &event.data ? !walk.value(part) : !walk.text(part)) return std::nullopt;
    if (part.empty() || (to == &event.name && !is_client_event(part))) return std::nullopt;
    *to = part;
  } while (walk.sign(','));
  if (!walk.sign('}') || !walk.end() || event.name.empty()) return std::nullopt;
  if (!walk.is_ascii() && !simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  return event;
}

Expected<PusherSays> PusherReader::read(std::string_view text) {
  element root;
  object top;
  if (parser_->parse(text).get(root) != simdjson::SUCCESS) return invalid("It is not JSON.");
  if (root.get(top) != simdjson::SUCCESS) return invalid("It is not a JSON object.");
  std::string_view event;
  if (top["event"].get(event) != simdjson::SUCCESS) return invalid("It has no text `event`.");
  PusherSays says{.kind = kind_of(event), .event = std::string(event)};
  says.channel = JsonSource::text_of(top, "channel");
  if (says.kind == PusherSays::Kind::event) {
    simdjson::ondemand::document document;
    simdjson::ondemand::value value;
    if (!parser_->again().get(document) && !document["data"].get(value))
      says.data = JsonSource::as_written(value);
    return says;
  }
  element data;
  if (top["data"].get(data) != simdjson::SUCCESS) return says;
  std::string_view nested;  // some clients send it as a text that has JSON in it
  element unpacked;
  if (data.get(nested) == simdjson::SUCCESS &&
      parser_->inner.parse(nested.data(), nested.size()).get(unpacked) == simdjson::SUCCESS)
    data = unpacked;
  object fields;
  if (data.get(fields) != simdjson::SUCCESS) return says;
  if (says.kind == PusherSays::Kind::history)
    read_history(fields, says);
  else
    read_subscription(fields, says);
  return says;
}

Expected<Member> PusherReader::read_member(std::string_view channel_data) {
  object top;
  const auto user = parser_->id_in(channel_data, "user_id", top);
  if (!user)
    return invalid("`channel_data` must be a JSON object with a `user_id`: a text or whole.");
  element info;
  Member member{.user = *user, .info = {}};
  if (top["user_info"].get(info) == simdjson::SUCCESS) member.info = simdjson::minify(info);
  return member;
}

Expected<std::string> PusherReader::read_user(std::string_view user_data) {
  object top;
  const auto user = parser_->id_in(user_data, "id", top);
  if (!user) return invalid("`user_data` must be a JSON object with an `id`: a text or whole.");
  return *user;
}

Expected<std::vector<std::pair<std::string, std::string>>> PusherReader::read_fields(
    std::string_view object_text, std::size_t most) {
  element root;
  if (parser_->parse(object_text).get(root) != simdjson::SUCCESS || !root.is_object())
    return invalid("It must be an object: keys with their values.");
  std::vector<std::pair<std::string, std::string>> fields;
  simdjson::ondemand::document document;
  simdjson::ondemand::object top;
  if (parser_->again().get(document) || document.get_object().get(top))
    return invalid("It is not JSON.");
  for (auto each : top) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (std::move(each).get(field) || field.unescaped_key().get(key))
      return invalid("It is not JSON.");
    if (fields.size() == most)
      return problem(Problem::Kind::refused, fmt::format("At most {} keys at a time.", most));
    std::string name(key);
    fields.emplace_back(std::move(name), JsonSource::as_written(field.value()));
  }
  return fields;
}

}  // namespace utakata::realtime

#include "realtime/socketio/node_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "realtime/socketio/packet.h"

namespace utakata::realtime {
namespace {

using Json = nlohmann::ordered_json;  // keys stay in the order in which they were said

constexpr int depth_max = 64;

std::unexpected<Problem> wrong(std::string_view what) {
  return problem(Problem::Kind::invalid, fmt::format("node cluster: {}", what));
}

// Reads without keeping anything: the library's own reader of MessagePack calls itself for what is
// in one another, so that hostile bytes must not get there.
struct DepthCheck final : nlohmann::json_sax<Json> {
  int depth = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth <= depth_max; }
  bool start_array(std::size_t) override { return ++depth <= depth_max; }
  bool end_object() override { return --depth >= 0; }
  bool end_array() override { return --depth >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }
};

std::optional<Json> unpacked(std::string_view bytes) {
  DepthCheck check;
  if (!Json::sax_parse(bytes.begin(), bytes.end(), &check, Json::input_format_t::msgpack))
    return std::nullopt;
  auto value = Json::from_msgpack(bytes.begin(), bytes.end(), true, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::uint64_t number(const Json::binary_t& bytes, std::size_t from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = from; i < from + size; ++i) value = value << 8 | bytes[i];
  return value;
}

// MessagePack's timestamps, type -1: 4, 8 or 12 bytes. A year of JavaScript's Date has 4 digits
// here, or it is none.
std::optional<std::string> date(const Json::binary_t& bytes) {
  std::int64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (bytes.size() == 4) {
    seconds = std::int64_t(number(bytes, 0, 4));
  } else if (bytes.size() == 8) {
    nanoseconds = number(bytes, 0, 8) >> 34;
    seconds = std::int64_t(number(bytes, 0, 8) & 0x3ffffffff);
  } else if (bytes.size() == 12) {
    nanoseconds = number(bytes, 0, 4);
    seconds = std::int64_t(number(bytes, 4, 8));
  } else {
    return std::nullopt;
  }
  if (seconds < -62'135'596'800 || seconds > 253'402'300'799 || nanoseconds > 999'999'999)
    return std::nullopt;
  return to_text(
      WallTime{std::chrono::milliseconds{seconds * 1'000 + std::int64_t(nanoseconds / 1'000'000)}});
}

bool is_placeholder(const Json& value) {
  if (!value.is_object()) return false;
  const auto found = value.find("_placeholder");
  return found != value.end() && *found == true;
}

// Bytes out of a value, placeholders in; false: it cannot be said in a packet.
bool take_out(Json& value, std::vector<std::string>& attachments) {
  if (is_placeholder(value)) return false;
  if (value.is_structured()) {
    for (auto& part : value)
      if (!take_out(part, attachments)) return false;
    return true;
  }
  if (!value.is_binary()) return true;
  const auto& bytes = value.get_binary();
  if (bytes.has_subtype()) {
    const auto text = std::int8_t(bytes.subtype()) == -1 ? date(bytes) : std::nullopt;
    if (text) value = *text;
    return text.has_value();
  }
  if (attachments.size() == socketio_limit::attachments) return false;
  const auto place = attachments.size();
  attachments.emplace_back(bytes.begin(), bytes.end());
  value = Json{{"_placeholder", true}, {"num", place}};
  return true;
}

// And back; each is to be used once.
bool put_in(Json& value, std::vector<const std::string*>& attachments, int depth) {
  if (is_placeholder(value)) {
    const auto num = value.find("num");
    if (num == value.end() || !num->is_number_unsigned()) return false;
    const auto place = num->get<std::uint64_t>();
    if (place >= attachments.size() || !attachments[place]) return false;
    const auto& bytes = *std::exchange(attachments[place], nullptr);
    value = Json::binary(Json::binary_t::container_type(bytes.begin(), bytes.end()));
    return true;
  }
  if (!value.is_structured()) return true;
  if (depth == depth_max) return false;
  for (auto& part : value)
    if (!put_in(part, attachments, depth + 1)) return false;
  return true;
}

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// Names of rooms; none at all is an empty list. Numbers are rooms, too, in JavaScript.
bool take_names(const Json* from, std::vector<std::string>& names) {
  if (!from || from->is_null()) return true;
  if (!from->is_array()) return false;
  for (const auto& name : *from) {
    if (!name.is_string() && !name.is_number()) return false;
    const auto text = name.dump();  // throws where it is not UTF-8
    names.push_back(name.is_string() ? name.get<std::string>() : text);
  }
  return true;
}

bool take_rooms(const Json* options, NodeRooms& to) {
  return options && options->is_object() && take_names(member(*options, "rooms"), to.rooms) &&
         take_names(member(*options, "except"), to.except);
}

bool is_event(const Json& data) {
  return data.is_array() && !data.empty() && data[0].is_string() &&
         !is_reserved_event(data[0].get_ref<const std::string&>());
}

Expected<NodeBroadcast> broadcast_of(Json& message) {
  if (!message.is_array() || message.size() != 3 || !message[0].is_string())
    return wrong("a broadcast is an array of three, a uid first");
  auto& packet = message[1];
  const auto* type = member(packet, "type");
  const auto* space = member(packet, "nsp");
  const bool is_named = type && (*type == 2 || *type == 5) && packet.contains("data");
  if (!is_named || !is_event(packet["data"])) return wrong("a broadcast without an event");
  NodeBroadcast broadcast{.uid = message[0].get<std::string>()};
  if (space) {
    if (!space->is_string() || !space->get_ref<const std::string&>().starts_with('/'))
      return wrong("a namespace begins with a slash");
    (void)space->dump();
    broadcast.space = space->get<std::string>();
  }
  if (!take_rooms(&message[2], broadcast.to)) return wrong("rooms are an array of names");
  const auto* flags = member(message[2], "flags");
  const auto* is_volatile = flags ? member(*flags, "volatile") : nullptr;
  broadcast.is_volatile = is_volatile && *is_volatile == true;
  if (!take_out(packet["data"], broadcast.attachments))
    return wrong("an event has what cannot be said in a packet");
  broadcast.json = packet["data"].dump();
  return broadcast;
}

std::optional<std::string> text_of(const Json& object, const char* name) {
  const auto* value = member(object, name);
  return value && value->is_string() ? std::optional(value->get<std::string>()) : std::nullopt;
}

Expected<std::optional<NodeQuestion>> question_of(Json& json) {
  using Kind = NodeQuestion::Kind;
  const auto* type = member(json, "type");
  if (!type || !type->is_number_unsigned()) return wrong("a request has a type");
  const auto kind = type->get<std::uint64_t>();
  const auto id = text_of(json, "requestId");
  if (kind > 7 || (kind >= 2 && kind <= 4) || !id) return std::nullopt;
  NodeQuestion question{.kind = Kind(kind), .uid = text_of(json, "uid").value_or(""), .id = *id};
  (void)json["requestId"].dump();  // throws where it is not UTF-8
  if (question.kind == Kind::sids && !take_names(member(json, "rooms"), question.to.rooms))
    return wrong("rooms are an array of names");
  if (question.kind == Kind::sockets) {
    const auto* to = member(json, "opts");
    if (!take_rooms(to, question.to)) return wrong("rooms are an array of names");
  }
  if (question.kind == Kind::event_count) {
    auto message = Json::array({question.uid, json["packet"], json["opts"]});
    auto broadcast = broadcast_of(message);
    if (!broadcast) return std::unexpected(broadcast.error());
    question.broadcast = std::move(*broadcast);
  }
  return question;
}

std::string answer(const NodeQuestion& question, const char* name, Json value) {
  Json json{{"requestId", question.id}};
  json[name] = std::move(value);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string node_channel(std::string_view key, const NodeBroadcast& broadcast) {
  auto channel = fmt::format("{}#{}#", key, broadcast.space);
  if (broadcast.to.rooms.size() == 1) channel += broadcast.to.rooms[0] + '#';
  return channel;
}

std::string node_request_channel(std::string_view key, std::string_view space) {
  return fmt::format("{}-request#{}#", key, space);
}

std::string node_response_channel(std::string_view key, std::string_view space) {
  return fmt::format("{}-response#{}#", key, space);
}

std::string node_pattern(std::string_view key, std::string_view space) {
  std::string pattern;
  for (const char c : fmt::format("{}#{}#", key, space)) {
    if (std::string_view("*?[]^\\").contains(c)) pattern += '\\';
    pattern += c;
  }
  return pattern + '*';
}

Expected<std::string> node_bytes(const NodeBroadcast& broadcast) {
  auto data = Json::parse(broadcast.json, nullptr, false);
  if (!is_event(data)) return wrong("an event is an array, its name first");
  std::vector<const std::string*> attachments;
  for (const auto& bytes : broadcast.attachments) attachments.push_back(&bytes);
  if (!put_in(data, attachments, 0) ||
      std::ranges::any_of(attachments, [](auto* bytes) { return bytes != nullptr; }))
    return wrong("placeholders name each attachment once, and no other");
  Json flags = Json::object();
  if (broadcast.is_volatile) flags["volatile"] = true;
  const Json message = Json::array(
      {broadcast.uid, Json{{"type", 2}, {"data", std::move(data)}, {"nsp", broadcast.space}},
       Json{{"rooms", broadcast.to.rooms}, {"except", broadcast.to.except}, {"flags", flags}}});
  std::string bytes;
  Json::to_msgpack(message, bytes);
  return bytes;
}

std::string node_text(const NodeRequest& request) {
  Json json = Json::object();
  if (!request.uid.empty()) json["uid"] = request.uid;
  json["type"] = int(request.kind);
  json["opts"] = Json{{"rooms", request.to.rooms}, {"except", request.to.except}};
  if (request.kind == NodeRequest::Kind::disconnect)
    json["close"] = request.is_close;
  else
    json["rooms"] = request.rooms;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Expected<NodeBroadcast> node_broadcast(std::string_view bytes) {
  auto message = unpacked(bytes);
  if (!message) return wrong("a broadcast is not MessagePack, or too deep");
  try {
    return broadcast_of(*message);
  } catch (const Json::exception&) {
    return wrong("a text in a broadcast is not UTF-8");
  }
}

Expected<std::optional<NodeRequest>> node_request(std::string_view text) {
  if (!text.starts_with('{')) return std::nullopt;  // MessagePack: a broadcast that wants answers
  const auto json = Json::parse(text, nullptr, false);
  const auto* type = member(json, "type");
  if (!type || !type->is_number_unsigned()) return wrong("a request is not JSON with a type");
  const auto kind = type->get<std::uint64_t>();
  const auto* to = member(json, "opts");
  // Without `opts` it is about one socket by its id, as older adapters said it.
  if (kind < 2 || kind > 4 || !to) return std::nullopt;
  NodeRequest request{.kind = NodeRequest::Kind(kind)};
  if (const auto* uid = member(json, "uid"); uid && uid->is_string())
    request.uid = uid->get<std::string>();
  if (!take_rooms(to, request.to) || !take_names(member(json, "rooms"), request.rooms))
    return wrong("rooms are an array of names");
  if (const auto* close = member(json, "close")) request.is_close = *close == true;
  return request;
}

Expected<std::optional<NodeQuestion>> node_question(std::string_view bytes) {
  try {
    if (bytes.starts_with('{')) {
      auto json = Json::parse(bytes, nullptr, false);
      return question_of(json);
    }
    auto request = unpacked(bytes);
    if (!request) return wrong("a request is neither JSON nor MessagePack, or too deep");
    return question_of(*request);
  } catch (const Json::exception&) {
    return wrong("a text in a request is not UTF-8");
  }
}

std::string node_answer_rooms(const NodeQuestion& question, std::span<const std::string> rooms) {
  return answer(question, "rooms", Json(std::vector<std::string>(rooms.begin(), rooms.end())));
}

std::string node_answer_sockets(const NodeQuestion& question, std::span<const NodeSocket> sockets) {
  const Json none = Json::object();
  const Json handshake{{"headers", none},  {"time", ""},      {"address", ""},
                       {"xdomain", false}, {"secure", false}, {"issued", 0},
                       {"url", ""},        {"query", none},   {"auth", none}};
  Json all = Json::array();
  for (const auto& each : sockets)
    all.push_back(question.kind == NodeQuestion::Kind::sids ? Json(each.sid)
                                                            : Json{{"id", each.sid},
                                                                   {"handshake", handshake},
                                                                   {"rooms", each.rooms},
                                                                   {"data", none}});
  return answer(question, "sockets", std::move(all));
}

std::string node_answer_none(const NodeQuestion& question) {
  if (question.kind == NodeQuestion::Kind::event_count)
    return Json{{"type", 8}, {"requestId", question.id}, {"clientCount", 0}}.dump();
  return Json{{"type", 6}, {"requestId", question.id}, {"data", nullptr}}.dump();
}

Message node_message(const NodeBroadcast& broadcast) {
  const auto event = Json::parse(broadcast.json);
  return {.event = event[0].get<std::string>(),
          .data = event.size() > 1 ? event[1].dump() : "null"};
}

}  // namespace utakata::realtime

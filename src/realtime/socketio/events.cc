#include "realtime/socketio/events.h"

#include <fmt/format.h>

#include "realtime/pusher/events.h"
#include "realtime/pusher/json_source.h"

namespace utakata::realtime {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

SocketIoSays::Kind kind_of(std::string_view event) {
  using Kind = SocketIoSays::Kind;
  if (event == "subscribe") return Kind::subscribe;
  if (event == "unsubscribe") return Kind::unsubscribe;
  if (event == "history") return Kind::history;
  if (event == "signin") return Kind::sign_in;
  return event.starts_with("client-") ? Kind::client_event : Kind::unknown;
}

}  // namespace

struct SocketIoReader::Parser : JsonSource {
  // An element of the array at the top, as it was written; empty: there is none.
  std::string raw_at(std::size_t index) {
    simdjson::ondemand::document document;
    simdjson::ondemand::array top;
    simdjson::ondemand::value value;
    if (again().get(document) || document.get_array().get(top) || top.at(index).get(value))
      return {};
    return as_written(value);
  }
};

SocketIoReader::SocketIoReader() : parser_(std::make_unique<Parser>()) {}
SocketIoReader::~SocketIoReader() = default;

SocketIoSays SocketIoReader::read(std::string_view event_json) {
  SocketIoSays says;
  element root;
  array arguments;
  std::string_view text;
  if (parser_->parse(event_json).get(root) || root.get(arguments)) return says;
  if (arguments.at(0).get(text) == simdjson::SUCCESS) says.event = text;
  if (arguments.at(1).get(text) == simdjson::SUCCESS) says.channel = text;
  says.kind = kind_of(says.event);
  object fields;
  if (says.kind == SocketIoSays::Kind::client_event) {
    if (std::string data = parser_->raw_at(2); !data.empty()) says.data = std::move(data);
  } else if (arguments.at(says.kind == SocketIoSays::Kind::sign_in ? 1 : 2).get(fields) !=
             simdjson::SUCCESS) {
    return says;
  } else if (says.kind == SocketIoSays::Kind::history) {
    says.page = {.limit = JsonSource::json_of(fields, "limit"),
                 .before = JsonSource::json_of(fields, "before"),
                 .after = JsonSource::json_of(fields, "after")};
  } else {
    says.auth = JsonSource::text_of(fields, "auth");
    says.channel_data = JsonSource::text_of(fields, "channel_data");
    says.user_data = JsonSource::text_of(fields, "user_data");
  }
  return says;
}

SocketIoAsks SocketIoReader::read_connect(std::string_view json) {
  SocketIoAsks asks;
  element root;
  object fields;
  std::string_view offset;
  if (json.empty() || parser_->parse(json).get(root) || root.get(fields)) return asks;
  asks.pid = JsonSource::text_of(fields, "pid");
  if (fields["offset"].get(offset) == simdjson::SUCCESS) asks.offset = offset;
  return asks;
}

std::string SocketIoReader::unpacked(const std::string& json_text) {
  simdjson::dom::element value, inner;
  std::string_view text;
  if (parser_->parse(json_text).get(value) || value.get(text)) return json_text;
  const std::string kept(text);
  return parser_->parse(kept).get(inner) ? json_text : kept;
}

std::string socketio_arguments(std::string_view channel, const Message& message,
                               std::string_view offset) {
  std::string json = fmt::format(R"([{},{},{{"channel":{})", json_text(message.event), message.data,
                                 json_text(channel));
  if (message.user) json.append(R"(,"user_id":)").append(json_text(*message.user));
  json += '}';
  if (!offset.empty()) json.append(",").append(json_text(offset));
  return json + ']';
}

std::string socketio_event(std::string_view space, std::string_view channel, const Message& message,
                           std::string_view offset, std::size_t attachments) {
  return socketio_text({.type = attachments > 0 ? SocketIoType::binary_event : SocketIoType::event,
                        .space = std::string(space),
                        .json = socketio_arguments(channel, message, offset),
                        .attachments = attachments});
}

std::string socketio_user_event(std::string_view space, const Message& message) {
  return socketio_text(
      {.type = SocketIoType::event,
       .space = std::string(space),
       .json = fmt::format(R"([{},{},{{"user":true}}])", json_text(message.event), message.data)});
}

std::string socketio_connected(std::string_view space, std::string_view sid, std::string_view pid) {
  const std::string own = pid.empty() ? "" : fmt::format(R"(,"pid":{})", json_text(pid));
  return socketio_text({.type = SocketIoType::connect,
                        .space = std::string(space),
                        .json = fmt::format(R"({{"sid":{}{}}})", json_text(sid), own)});
}

std::string socketio_refused(std::string_view space, std::string_view message) {
  return socketio_text({.type = SocketIoType::connect_error,
                        .space = std::string(space),
                        .json = fmt::format(R"({{"message":{}}})", json_text(message))});
}

std::string socketio_done(const SocketIoPacket& asked, std::span<const Member> members) {
  std::string json = R"([{"ok":true)";
  for (std::size_t i = 0; i < members.size(); ++i)
    json.append(i == 0 ? R"(,"members":[)" : ",").append(member_json(members[i]));
  json += members.empty() ? "}]" : "]}]";
  return socketio_text(
      {.type = SocketIoType::ack, .space = asked.space, .ack = asked.ack, .json = json});
}

std::string socketio_page(const SocketIoPacket& asked, const Page& page) {
  return socketio_text({.type = SocketIoType::ack,
                        .space = asked.space,
                        .ack = asked.ack,
                        .json = R"([{"ok":true,)" + page_fields(page) + "}]"});
}

std::string socketio_failed(const SocketIoPacket& asked, std::string_view error) {
  return socketio_text({.type = SocketIoType::ack,
                        .space = asked.space,
                        .ack = asked.ack,
                        .json = fmt::format(R"([{{"ok":false,"error":{}}}])", json_text(error))});
}

std::string member_json(const Member& member) {
  std::string json = fmt::format(R"({{"user_id":{})", json_text(member.user));
  if (!member.info.empty()) json.append(R"(,"user_info":)").append(member.info);
  return json += '}';
}

}  // namespace utakata::realtime

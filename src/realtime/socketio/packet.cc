#include "realtime/socketio/packet.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace utakata::realtime {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::unexpected<Problem> invalid(std::string what) {
  return problem(Problem::Kind::invalid, std::move(what));
}

bool is_binary(SocketIoType type) {
  return type == SocketIoType::binary_event || type == SocketIoType::binary_ack;
}

// Takes the digits in front, if there are any; nothing: more than `most`, or with a leading zero
// that would be another text when written again.
std::optional<std::uint64_t> take_number(std::string_view& text, std::uint64_t most) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 1 && text[0] == '0') return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text.substr(0, digits)) {
    number = number * 10 + std::uint64_t(c - '0');
    if (number > most) return std::nullopt;
  }
  text.remove_prefix(digits);
  return number;
}

bool begins_with_digit(std::string_view text) {
  return !text.empty() && text[0] >= '0' && text[0] <= '9';
}

Expected<void> read_attachments(std::string_view& text, SocketIoPacket& packet) {
  if (!is_binary(packet.type)) return {};
  const auto number =
      begins_with_digit(text) ? take_number(text, socketio_limit::attachments) : std::nullopt;
  if (!number || !text.starts_with('-'))
    return invalid(fmt::format("A binary packet says how many attachments it has: up to {}.",
                               socketio_limit::attachments));
  text.remove_prefix(1);
  packet.attachments = *number;
  return {};
}

Expected<void> read_namespace(std::string_view& text, SocketIoPacket& packet) {
  if (!text.starts_with('/')) return {};
  const auto end = std::min(text.find(','), text.size());
  if (end > socketio_limit::namespace_bytes)
    return invalid(
        fmt::format("A namespace has {} bytes at most.", socketio_limit::namespace_bytes));
  packet.space = text.substr(0, end);
  if (std::ranges::any_of(packet.space, [](unsigned char c) { return c < 0x20; }))
    return invalid("A namespace has no control characters.");
  text.remove_prefix(std::min(text.size(), end + 1));
  return {};
}

// Every {"_placeholder":true,"num":N} has an N below `attachments`.
bool are_placeholders_right(const element& value, std::size_t attachments) {
  array elements;
  if (value.get(elements) == simdjson::SUCCESS)
    return std::ranges::all_of(
        elements, [&](const element& each) { return are_placeholders_right(each, attachments); });
  object fields;
  if (value.get(fields) != simdjson::SUCCESS) return true;
  bool is_placeholder = false;
  if (fields["_placeholder"].get(is_placeholder) == simdjson::SUCCESS && is_placeholder) {
    std::uint64_t number = 0;
    return fields["num"].get(number) == simdjson::SUCCESS && number < attachments;
  }
  return std::ranges::all_of(
      fields, [&](const auto& each) { return are_placeholders_right(each.value, attachments); });
}

bool is_event_name(const element& value) {
  std::string_view name;
  if (value.get(name) == simdjson::SUCCESS) return !is_reserved_event(name);
  return value.is_number();
}

}  // namespace

struct SocketIoPacketReader::Parser {
  simdjson::dom::parser dom;
};

SocketIoPacketReader::SocketIoPacketReader() : parser_(std::make_unique<Parser>()) {}
SocketIoPacketReader::~SocketIoPacketReader() = default;

bool is_reserved_event(std::string_view name) {
  constexpr std::string_view names[] = {"connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener"};
  return std::ranges::find(names, name) != std::end(names);
}

std::string socketio_text(const SocketIoPacket& packet) {
  std::string text(1, char('0' + int(packet.type)));
  if (is_binary(packet.type)) text.append(std::to_string(packet.attachments)).append("-");
  if (packet.space != "/") text.append(packet.space).append(",");
  if (packet.ack) text += std::to_string(*packet.ack);
  return text += packet.json;
}

Expected<SocketIoPacket> SocketIoPacketReader::read(std::string_view text) {
  if (text.size() > socketio_limit::text_bytes)
    return invalid(fmt::format("A packet has {} bytes at most.", socketio_limit::text_bytes));
  if (text.empty() || text[0] < '0' || text[0] > '6')
    return invalid("A packet begins with a digit from 0 to 6.");
  SocketIoPacket packet{.type = SocketIoType(text[0] - '0')};
  text.remove_prefix(1);
  if (auto done = read_attachments(text, packet); !done) return std::unexpected(done.error());
  if (auto done = read_namespace(text, packet); !done) return std::unexpected(done.error());
  if (begins_with_digit(text)) {
    packet.ack = take_number(text, socketio_limit::ack);
    if (!packet.ack) return invalid("An ack id is a whole number of up to 53 bits.");
  }
  packet.json = text;
  if (auto done = check_json(packet); !done) return std::unexpected(done.error());
  return packet;
}

Expected<void> SocketIoPacketReader::check_json(const SocketIoPacket& packet) {
  using Type = SocketIoType;
  const bool wants_none = packet.type == Type::disconnect;
  if (packet.json.empty()) {
    if (wants_none || packet.type == Type::connect) return {};
    return invalid("The packet has no JSON.");
  }
  if (wants_none) return invalid("A disconnect has no JSON.");
  element root;
  if (parser_->dom.parse(packet.json).get(root) != simdjson::SUCCESS)
    return invalid("It is not JSON.");
  switch (packet.type) {
    case Type::connect:
    case Type::disconnect:
      if (!root.is_object()) return invalid("A connect has a JSON object, or none.");
      return {};
    case Type::connect_error:
      if (!root.is_object() && !root.is_string())
        return invalid("A connect_error has a JSON object or a text.");
      return {};
    case Type::event:
    case Type::ack:
    case Type::binary_event:
    case Type::binary_ack:
      break;
  }
  array elements;
  if (root.get(elements) != simdjson::SUCCESS) return invalid("Events have a JSON array.");
  const bool is_ack = packet.type == Type::ack || packet.type == Type::binary_ack;
  if (!is_ack && (elements.size() == 0 || !is_event_name(elements.at(0).value_unsafe())))
    return invalid("The first of an event is its name, and not one that is reserved.");
  if (is_ack && !packet.ack) return invalid("An ack has an id.");
  if (is_binary(packet.type) && !are_placeholders_right(root, packet.attachments))
    return invalid("A placeholder names an attachment that is not there.");
  return {};
}

Expected<std::optional<SocketIoWhole>> SocketIoAssembly::take(SocketIoPacket packet) {
  if (whole_) return invalid("A packet came while attachments were due.");
  SocketIoWhole whole{.packet = std::move(packet)};
  if (whole.packet.attachments == 0) return whole;
  whole_ = std::move(whole);
  return std::nullopt;
}

Expected<std::optional<SocketIoWhole>> SocketIoAssembly::take_bytes(std::string_view bytes,
                                                                    std::size_t kept_max) {
  if (!whole_) return invalid("An attachment came and none was due.");
  whole_->attached_bytes += bytes.size();
  if (whole_->attached_bytes > socketio_limit::attached_bytes)
    return invalid(fmt::format("Attachments have {} bytes at most, together.",
                               socketio_limit::attached_bytes));
  whole_->attachments.emplace_back(bytes);
  if (whole_->attached_bytes > kept_max)
    whole_->attachments.assign(whole_->attachments.size(), std::string());
  if (whole_->attachments.size() < whole_->packet.attachments) return std::nullopt;
  return std::exchange(whole_, std::nullopt);
}

}  // namespace utakata::realtime

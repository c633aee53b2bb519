#include "realtime/socketio/session.h"

#include <algorithm>
#include <utility>

#include "wire/utf8.h"

namespace utakata::realtime {

EngineSession::EngineSession(ClientSlot client, EngineOpen open, EngineTransport transport,
                             EngineLimits limits, EngineOut& out, Instant now)
    : client_(client),
      open_(std::move(open)),
      limits_(limits),
      out_(out),
      stage_(transport == EngineTransport::polling ? Stage::polling : Stage::upgraded),
      ping_at_(now + open_.ping_interval) {
  open_.has_upgrade = stage_ == Stage::polling;
}

std::optional<EngineRefusal> EngineSession::get() {
  if (stage_ == Stage::closed) return EngineRefusal{EngineFault::sid_unknown};
  if (stage_ == Stage::upgraded) return EngineRefusal{};
  if (is_getting_) {
    finish("two GETs at a time");
    return EngineRefusal{};
  }
  is_getting_ = true;
  if (stage_ == Stage::ending) {
    waiting_.push_back({.type = EngineType::close});
    flush();
    finish("closed by us");
  } else if (!waiting_.empty()) {
    flush();
  } else if (stage_ == Stage::probed) {
    answer({.type = EngineType::noop});  // so that the client stops to poll
  }
  return std::nullopt;
}

std::optional<EngineRefusal> EngineSession::begin_post() {
  if (stage_ == Stage::closed) return EngineRefusal{EngineFault::sid_unknown};
  if (stage_ == Stage::upgraded || stage_ == Stage::ending) return EngineRefusal{};
  if (is_posting_) {
    finish("two POSTs at a time");
    return EngineRefusal{};
  }
  is_posting_ = true;
  return std::nullopt;
}

std::optional<EngineRefusal> EngineSession::end_post(std::string_view body, Instant now) {
  // What began before an upgrade is still heard after it.
  if (!std::exchange(is_posting_, false) || stage_ == Stage::closed) return EngineRefusal{};
  if (body.size() > open_.payload_bytes_max)
    return EngineRefusal{.fault = EngineFault::bad_request, .status = 413};
  const auto packets = engine_packets(body);
  if (!packets || !wire::is_utf8(body)) {
    finish("a payload that is none");
    return EngineRefusal{};
  }
  for (const EnginePacket& packet : *packets) take(packet, now);
  return std::nullopt;
}

void EngineSession::request_breaks() {
  is_getting_ = is_posting_ = false;
  if (stage_ != Stage::closed && stage_ != Stage::upgraded) finish("a request broke");
}

std::optional<EngineRefusal> EngineSession::websocket_opens(Instant now) {
  if (stage_ == Stage::closed) return EngineRefusal{EngineFault::sid_unknown};
  if (stage_ != Stage::polling) return EngineRefusal{};
  stage_ = Stage::opened;
  probe_by_ = now + limits_.upgrade_timeout;
  return std::nullopt;
}

void EngineSession::websocket_says(std::string_view text, Instant now) {
  if (is_probing()) return probe(text);
  if (stage_ != Stage::upgraded) return;
  const auto packet = engine_packet(text);
  if (!packet) return finish("a packet that is none");
  take(*packet, now);
}

void EngineSession::websocket_says_bytes(std::string_view bytes, Instant now) {
  if (is_probing()) return end_probe();
  if (stage_ == Stage::upgraded) take({.is_binary = true, .data = std::string(bytes)}, now);
}

void EngineSession::websocket_closes() {
  if (is_probing()) stage_ = Stage::polling;
  if (stage_ != Stage::upgraded) return;
  stage_ = Stage::polling;  // there is none to be dropped
  finish("its WebSocket closed");
}

void EngineSession::probe(std::string_view text) {
  if (text == "2probe") {
    stage_ = Stage::probed;
    out_.write(client_, {.type = EngineType::pong, .data = "probe"});
    if (is_getting_) answer({.type = EngineType::noop});
  } else if (text == "5" && stage_ == Stage::probed) {
    upgrade();
  } else {
    end_probe();
  }
}

void EngineSession::upgrade() {
  stage_ = Stage::upgraded;
  if (is_getting_) answer({.type = EngineType::noop});
  waiting_bytes_ = 0;
  for (const EnginePacket& packet : std::exchange(waiting_, {}))
    if (stage_ == Stage::upgraded) out_.write(client_, packet);
}

void EngineSession::end_probe() {
  stage_ = Stage::polling;
  out_.drop_websocket(client_);
}

void EngineSession::take(const EnginePacket& packet, Instant now) {
  if (stage_ == Stage::closed || stage_ == Stage::ending) return;
  switch (packet.type) {
    case EngineType::message:
      return out_.heard(client_, packet);
    case EngineType::pong:
      if (std::exchange(pong_by_, std::nullopt)) ping_at_ = now + open_.ping_interval;
      return;
    case EngineType::close:
      return finish("closed by the client", EngineType::noop);
    case EngineType::ping:
      return finish("a ping of the client: it speaks protocol 3");
    case EngineType::open:
    case EngineType::upgrade:
    case EngineType::noop:
      return;
  }
}

void EngineSession::send(EnginePacket packet) {
  if (stage_ == Stage::closed || stage_ == Stage::ending) return;
  if (stage_ == Stage::upgraded) return out_.write(client_, packet);
  if (is_getting_) return answer(packet);
  waiting_bytes_ += payload_bytes(packet);
  if (waiting_bytes_ > limits_.waiting_bytes) return finish("too much waits for its next GET");
  waiting_.push_back(std::move(packet));
}

void EngineSession::flush() {
  std::string body;
  for (const EnginePacket& packet : std::exchange(waiting_, {})) append_to_payload(body, packet);
  waiting_bytes_ = 0;
  is_getting_ = false;
  out_.answer_get(client_, body);
}

void EngineSession::answer(const EnginePacket& packet) {
  std::string body;
  append_to_payload(body, packet);
  is_getting_ = false;
  out_.answer_get(client_, body);
}

void EngineSession::close(Instant now) {
  if (stage_ == Stage::closed || stage_ == Stage::ending) return;
  if (waiting_.empty() || stage_ == Stage::upgraded) return finish("closed by us");
  if (is_probing()) out_.drop_websocket(client_);
  stage_ = Stage::ending;
  end_by_ = now + open_.ping_timeout;
}

void EngineSession::finish(const char* why, EngineType farewell) {
  const bool has_websocket = is_probing() || stage_ == Stage::upgraded;
  stage_ = Stage::closed;
  waiting_.clear();
  if (is_getting_) answer({.type = farewell});
  if (has_websocket) out_.drop_websocket(client_);
  out_.closed(client_, why);
}

void EngineSession::tick(Instant now) {
  if (stage_ == Stage::closed) return;
  if (stage_ == Stage::ending) {
    if (now >= end_by_) finish("closed by us");
    return;
  }
  if (is_probing() && now >= probe_by_) end_probe();
  if (pong_by_) {
    if (now >= *pong_by_) finish("no pong");
  } else if (now >= ping_at_) {
    pong_by_ = now + open_.ping_timeout;
    send({.type = EngineType::ping});
  }
}

Instant EngineSession::due() const {
  if (stage_ == Stage::closed) return Instant::max();
  if (stage_ == Stage::ending) return end_by_;
  const Instant beat = pong_by_.value_or(ping_at_);
  return is_probing() ? std::min(beat, probe_by_) : beat;
}

}  // namespace utakata::realtime

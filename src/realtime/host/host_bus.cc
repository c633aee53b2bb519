#include "realtime/host/host_bus.h"

#include <utility>

#include "base/check.h"

namespace utakata::realtime {

using Kind = Envelope::Kind;

HostBus::HostBus(net::Loop& loop, net::Descriptor link, HostCalls calls, HostBusLimits limits)
    : loop_(loop),
      host_calls_(std::move(calls)),
      limits_(limits),
      link_(loop, std::move(link),
            {.received =
                 [this](const Envelope& envelope, net::Descriptor descriptor) {
                   received(envelope, std::move(descriptor));
                 },
             .ended = [this] { ended(); }},
            limits.link),
      self_(std::make_shared<HostBus*>(this)) {}

HostBus::~HostBus() {
  for (const auto& [number, asked] : asked_) loop_.cancel(asked.timer);
}

void HostBus::join(Calls calls) {
  check(!std::exchange(has_joined_, true), "a worker joins the bus once");
  calls_ = std::move(calls);
  send({.kind = Kind::join});
}

bool HostBus::publish(std::string_view tenant, std::string_view channel, std::string_view body,
                      const std::optional<BusKeeps>& keeps) {
  if (tenant.size() + channel.size() + body.size() > publication_bytes_max) return false;
  return send(
      {.kind = Kind::publish, .tenant = tenant, .channel = channel, .text = body, .keeps = keeps});
}

bool HostBus::hand_over(std::size_t worker, std::string_view bytes, net::Descriptor descriptor) {
  return send({.kind = Kind::hand_over, .number = worker, .text = bytes}, std::move(descriptor));
}

void HostBus::ask(std::string_view text,
                  std::function<void(std::optional<std::string_view>)> done) {
  const auto number = ++last_asked_;
  const bool is_sent = send({.kind = Kind::ask, .number = number, .text = text});
  const auto timer = loop_.after(is_sent ? limits_.answer_within : Duration{0},
                                 [this, number] { answered(number, std::nullopt); });
  asked_.emplace(number, Asked{std::move(done), timer});
}

bool HostBus::send(const Envelope& envelope, net::Descriptor descriptor) {
  if (is_parent_gone_) return false;
  Encoded frames = encode(envelope);
  return frames && link_.send({.frames = std::move(frames), .descriptor = std::move(descriptor)});
}

void HostBus::received(const Envelope& envelope, net::Descriptor descriptor) {
  switch (envelope.kind) {
    case Kind::word:
      return heard(envelope);
    case Kind::caught_up:
      if (has_joined_ && !std::exchange(reaches_, true)) calls_.reaches(true);
      return;
    case Kind::hand_over:
      if (descriptor && host_calls_.handed_over)
        host_calls_.handed_over(envelope.text, std::move(descriptor));
      return;
    case Kind::order:
      return ordered(envelope);
    case Kind::answer:
      return answered(envelope.number, envelope.text);
    case Kind::join:
    case Kind::publish:
    case Kind::ask:
      return;  // no parent says such a thing
  }
}

void HostBus::heard(const Envelope& envelope) {
  if (!has_joined_) return;
  calls_.heard({.tenant = envelope.tenant,
                .channel = envelope.channel,
                .body = envelope.text,
                .position = {std::string(envelope.epoch), envelope.offset},
                .serial = envelope.serial});
}

void HostBus::ordered(const Envelope& envelope) {
  if (!host_calls_.ordered) return;
  host_calls_.ordered(envelope.text, [weak = std::weak_ptr(self_),
                                      number = envelope.number](std::string_view text) {
    const auto self = weak.lock();
    if (self && number) (*self)->send({.kind = Kind::answer, .number = number, .text = text});
  });
}

void HostBus::answered(std::uint64_t number, std::optional<std::string_view> text) {
  const auto node = asked_.extract(number);
  if (!node) return;
  loop_.cancel(node.mapped().timer);
  node.mapped().answered(text);
}

void HostBus::ended() {
  is_parent_gone_ = true;
  if (std::exchange(reaches_, false)) calls_.reaches(false);
  if (host_calls_.parent_gone) std::function(host_calls_.parent_gone)();  // it may destroy us
}

}  // namespace utakata::realtime

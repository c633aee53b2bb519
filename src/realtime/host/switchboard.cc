#include "realtime/host/switchboard.h"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

namespace utakata::realtime {

using Kind = Envelope::Kind;

Switchboard::Switchboard(net::Loop& loop, std::function<std::string()> random, Calls calls,
                         SwitchboardLimits limits)
    : loop_(loop),
      calls_(std::move(calls)),
      limits_(limits),
      hub_(limits.hub, std::move(random)),
      expiry_(loop.every(10s, [this] { hub_.expire(loop_.now()); })),
      self_(std::make_shared<Switchboard*>(this)) {}

Switchboard::~Switchboard() {
  loop_.cancel(expiry_);
  for (const auto& [number, order] : orders_) loop_.cancel(order.timer);
}

void Switchboard::connect(Worker worker, net::Descriptor link) {
  drop(worker);
  Link::Calls calls{
      .received =
          [this, worker](const Envelope& envelope, net::Descriptor descriptor) {
            received(worker, envelope, std::move(descriptor));
          },
      .ended = [this, worker] { give_up(worker, "its link has ended", limits_.end_within); }};
  links_[worker] = {++last_life_,
                    std::make_unique<Link>(loop_, std::move(link), std::move(calls), limits_.link)};
}

void Switchboard::received(Worker worker, const Envelope& envelope, net::Descriptor descriptor) {
  switch (envelope.kind) {
    case Kind::join:
      return joined(worker);
    case Kind::publish:
      return published(envelope);
    case Kind::hand_over:
      return handed_over(worker, envelope, std::move(descriptor));
    case Kind::ask:
      return asked(worker, envelope);
    case Kind::answer:
      return answered(worker, envelope.number, envelope.text);
    case Kind::caught_up:
    case Kind::word:
    case Kind::order:
      return;  // no worker says such a thing
  }
}

void Switchboard::joined(Worker worker) {
  for (Encoded& frames : hub_.join(worker, loop_.now()))
    send(worker, {.frames = std::move(frames), .is_counted = false});
}

void Switchboard::published(const Envelope& envelope) {
  const Encoded word = hub_.publish({.tenant = envelope.tenant,
                                     .channel = envelope.channel,
                                     .body = envelope.text,
                                     .keeps = envelope.keeps},
                                    loop_.now());
  if (!word) return;
  const std::vector<Worker> all(hub_.workers().begin(), hub_.workers().end());
  for (const Worker worker : all) send(worker, {.frames = word});
}

void Switchboard::handed_over(Worker from, const Envelope& envelope, net::Descriptor descriptor) {
  if (!descriptor) return;
  Encoded frames = encode({.kind = Kind::hand_over, .number = from, .text = envelope.text});
  if (frames)
    send(envelope.number, {.frames = std::move(frames), .descriptor = std::move(descriptor)});
}

void Switchboard::asked(Worker worker, const Envelope& envelope) {
  if (!calls_.asked) return;
  const auto life = links_.at(worker).life;
  calls_.asked(
      worker, envelope.text,
      [weak = std::weak_ptr(self_), worker, life, number = envelope.number](std::string_view text) {
        const auto self = weak.lock();
        if (!self) return;
        const auto there = (*self)->links_.find(worker);
        if (there == (*self)->links_.end() || there->second.life != life) return;
        Encoded frames = encode({.kind = Kind::answer, .number = number, .text = text});
        if (frames) (*self)->send(worker, {.frames = std::move(frames)});
      });
}

// To one that is not there: nothing, and its descriptor is closed.
void Switchboard::send(Worker worker, Link::Parcel parcel) {
  const auto there = links_.find(worker);
  if (there == links_.end() || there->second.link->send(std::move(parcel))) return;
  give_up(worker, fmt::format("{} bytes wait that it does not read", there->second.link->waiting()),
          0s);
}

void Switchboard::give_up(Worker worker, const std::string& why, Duration grace) {
  drop(worker);
  if (calls_.gave_up) calls_.gave_up(worker, why, grace);
}

void Switchboard::drop(Worker worker) {
  hub_.leave(worker);
  links_.erase(worker);
  std::vector<std::uint64_t> done;
  for (auto& [number, order] : orders_)
    if (order.awaited.erase(worker) && order.awaited.empty()) done.push_back(number);
  for (const auto number : done) finish(number);
}

void Switchboard::order(std::string_view text) {
  const Encoded frames = encode({.kind = Kind::order, .text = text});
  if (!frames) return;
  std::vector<Worker> all;
  for (const auto& [worker, link] : links_) all.push_back(worker);
  for (const Worker worker : all) send(worker, {.frames = frames});
}

void Switchboard::order(std::string_view text, std::function<void(Answers)> gathered) {
  const auto number = ++last_order_;
  const Encoded frames = encode({.kind = Kind::order, .number = number, .text = text});
  Order& order = orders_[number];
  order.gathered = std::move(gathered);
  order.timer = loop_.after(limits_.answer_within, [this, number] { finish(number); });
  if (frames)
    for (const auto& [worker, link] : links_) order.awaited.insert(worker);
  if (order.awaited.empty()) return finish(number);
  for (const Worker worker : std::set(order.awaited)) send(worker, {.frames = frames});
}

void Switchboard::answered(Worker worker, std::uint64_t number, std::string_view text) {
  const auto there = orders_.find(number);
  if (there == orders_.end() || !there->second.awaited.erase(worker)) return;
  there->second.answers.emplace(worker, text);
  if (there->second.awaited.empty()) finish(number);
}

// Posted: whoever ordered may order again, or ask for anything, wherever this was called from.
void Switchboard::finish(std::uint64_t number) {
  auto node = orders_.extract(number);
  if (!node) return;
  loop_.cancel(node.mapped().timer);
  loop_.post([weak = std::weak_ptr(self_), gathered = std::move(node.mapped().gathered),
              answers = std::move(node.mapped().answers)]() mutable {
    if (!weak.expired()) gathered(std::move(answers));
  });
}

}  // namespace utakata::realtime

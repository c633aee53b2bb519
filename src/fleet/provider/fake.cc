#include "fleet/provider/fake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace utakata {

bool FakeHost::runs(const InstanceId& id) const {
  const auto there = guests_.find(id);
  return there != guests_.end() &&
         (there->second.phase == Phase::running || there->second.phase == Phase::stopping);
}

void FakeHost::start(const InstanceId& id) {
  check(guests_.at(id).phase == Phase::asked, "only a launch that was asked for can start");
  provider_->enter(id, guests_.at(id));
  turn();
}

void FakeHost::refuse(const InstanceId& id, std::string what, bool retry) {
  check(guests_.at(id).phase == Phase::asked, "only a launch that was asked for can be refused");
  guests_.erase(id);
  provider_->tell({.kind = ProviderNews::Kind::launch_failed,
                   .id = id,
                   .handle = {},
                   .address = {},
                   .what = std::move(what),
                   .retry = retry});
  turn();
}

void FakeHost::die(const InstanceId& id, std::string what) {
  check(guests_.contains(id), "only an instance that is there can die");
  if (!provider_ || !guests_.at(id).owned) {
    guests_.erase(id);
    return;
  }
  provider_->end(id, std::move(what));
  turn();
}

void FakeHost::lose(const std::string& name) {
  const auto lost = std::ranges::find(hosts, name, &Host::name);
  check(lost != hosts.end(), "only a host that is there can be lost");
  lost->is_up = false;
  std::vector<InstanceId> there;
  for (const auto& [id, guest] : guests_)
    if (guest.spec.host == name) there.push_back(id);
  for (const InstanceId& id : there)
    if (provider_ && guests_.at(id).owned)
      provider_->end(id, "its host is lost");
    else
      guests_.erase(id);
  turn();
}

void FakeHost::come_back(const std::string& name) {
  const auto back = std::ranges::find(hosts, name, &Host::name);
  check(back != hosts.end(), "only a host that was there comes back");
  back->is_up = true;
  turn();
}

void FakeHost::turn() {
  if (provider_ && !provider_->news_.empty() && provider_->wake_) provider_->wake_();
}

FakeProvider::FakeProvider(FakeHost& host) : host_(host) {
  check(!host_.provider_, "a host has one provider at a time");
  host_.provider_ = this;
}

FakeProvider::~FakeProvider() {
  host_.provider_ = nullptr;
  std::erase_if(host_.guests_, [](const auto& one) {  // their gates close
    return one.second.phase == FakeHost::Phase::asked || one.second.phase == FakeHost::Phase::gated;
  });
  for (auto& [id, guest] : host_.guests_) guest.owned = false;
}

Expected<void> FakeProvider::count_and_fail(const std::string& call) {
  calls_.push_back(call);
  if (fail_at_ == 0 || --fail_at_ != 0) return {};
  failed_ = true;
  return problem(Problem::Kind::unavailable, "fake: this order was told to fail: " + call + ".",
                 true);
}

Expected<void> FakeProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  if (auto fine = count_and_fail("launch " + id.text); !fine) return fine;
  if (host_.guests_.contains(id)) return {};
  const auto takes = [&](const Host& host) {
    return host.is_up && host.is_open && (spec.host.empty() || host.name == spec.host) &&
           (spec.zone.empty() || host.zone == spec.zone);
  };
  const auto where = std::ranges::find_if(host_.hosts, takes);
  if (!host_.hosts.empty() && where == host_.hosts.end())
    return problem(Problem::Kind::unavailable,
                   "fake: no host of that name and zone takes instances", true);
  auto& guest = host_.guests_[id];
  guest.spec = spec;
  if (where != host_.hosts.end()) guest.spec.host = where->name, guest.spec.zone = where->zone;
  guest.owned = true;
  if (host_.launches_by_itself) enter(id, guest);
  return {};
}

void FakeProvider::release(const InstanceId& id, const std::string& handle) {
  calls_.push_back("release " + id.text);
  const auto there = host_.guests_.find(id);
  if (there == host_.guests_.end() || there->second.phase != FakeHost::Phase::gated) return;
  if (there->second.handle != handle) return end(id, "ended before it was released");
  there->second.phase = FakeHost::Phase::running;
  ++host_.starts[id];
}

void FakeProvider::adopt(const InstanceId& id, const std::string& handle, const Address&) {
  calls_.push_back("adopt " + id.text);
  const auto there = host_.guests_.find(id);
  const bool is_it =
      there != host_.guests_.end() && (handle.empty() || handle == there->second.handle);
  if (!is_it) {
    tell({.kind = ProviderNews::Kind::gone,
          .id = id,
          .handle = {},
          .address = {},
          .what = handle.empty() ? "was never started" : "ended while nobody watched"});
    return;
  }
  auto& guest = there->second;
  guest.owned = true;
  if (handle.empty())
    tell({.kind = ProviderNews::Kind::launched,
          .id = id,
          .handle = guest.handle,
          .address = guest.address,
          .what = {},
          .host = guest.spec.host,
          .zone = guest.spec.zone});
}

Expected<void> FakeProvider::stop(const InstanceId& id, Duration grace) {
  if (auto fine = count_and_fail(fmt::format("stop {} {}", id.text, to_text(grace))); !fine)
    return fine;
  const auto there = host_.guests_.find(id);
  if (there == host_.guests_.end()) return {};
  auto& guest = there->second;
  if (guest.phase == FakeHost::Phase::asked || guest.phase == FakeHost::Phase::gated) {
    end(id, "stopped before it was released");
    return {};
  }
  guest.phase = FakeHost::Phase::stopping;
  if (guest.ignores_stop && grace > Duration{0}) return {};
  if (host_.stops_by_itself) end(id, "killed by signal 15 (SIGTERM)");
  return {};
}

std::vector<ProviderNews> FakeProvider::hear() { return std::exchange(news_, {}); }

void FakeProvider::on_news(std::function<void()> wake) { wake_ = std::move(wake); }

void FakeProvider::enter(const InstanceId& id, FakeHost::Guest& guest) {
  guest.phase = FakeHost::Phase::gated;
  guest.handle = fmt::format("pid {} started 1", host_.next_pid_++);
  guest.address = {"127.0.0.1", host_.next_port_++};
  tell({.kind = ProviderNews::Kind::launched,
        .id = id,
        .handle = guest.handle,
        .address = guest.address,
        .what = {},
        .host = guest.spec.host,
        .zone = guest.spec.zone});
}

void FakeProvider::end(const InstanceId& id, std::string what) {
  std::string handle = std::move(host_.guests_.at(id).handle);
  host_.guests_.erase(id);
  tell({.kind = ProviderNews::Kind::gone,
        .id = id,
        .handle = std::move(handle),
        .address = {},
        .what = std::move(what)});
}

void FakeProvider::tell(ProviderNews news) { news_.push_back(std::move(news)); }

}  // namespace utakata

#include "sim/engine.h"

#include <algorithm>

namespace utakata {

HostsEngine::HostsEngine(Timeline& timeline, Hosts& hosts)
    : timeline_(timeline), hosts_(hosts), inner_(hosts) {
  inner_.on_news([this] { tell_all(); });
}

// A launch is answered to who asked for it; an end is told to all who know of the instance.
void HostsEngine::tell_all() {
  for (const ProviderNews& news : inner_.hear())
    for (EngineProvider* const one : all_) {
      const bool is_end = news.kind == ProviderNews::Kind::gone;
      if (is_end ? one->own_.erase(news.id) > 0 : one->launched_.contains(news.id)) one->tell(news);
    }
}

EngineProvider::EngineProvider(HostsEngine& engine, std::function<bool(const InstanceId&)> is_ours)
    : engine_(engine), is_ours_(std::move(is_ours)) {
  engine_.all_.push_back(this);
}

EngineProvider::~EngineProvider() {
  std::erase(engine_.all_, this);
  *alive_ = false;
}

void EngineProvider::tell(ProviderNews news) {
  news_.push_back(std::move(news));
  if (news_.size() > 1) return;  // it is woken already
  engine_.timeline_.after(Duration{0}, [this, alive = alive_] {
    if (*alive && !news_.empty()) wake_();
  });
}

// An engine gives a name once.
Expected<void> EngineProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  const bool twice = std::exchange(engine_.hosts_.habits.launches_twice, false);
  auto asked = engine_.inner_.launch(id, spec);
  engine_.hosts_.habits.launches_twice = twice;
  if (asked) own_.insert(id), launched_.insert(id);
  return asked;
}

void EngineProvider::release(const InstanceId& id, const std::string& handle) {
  engine_.inner_.release(id, handle);
}

std::vector<Host> EngineProvider::hosts() const { return engine_.inner_.hosts(); }

Expected<void> EngineProvider::stop(const InstanceId& id, Duration grace) {
  return engine_.inner_.stop(id, grace);
}

void EngineProvider::adopt(const InstanceId& id, const std::string& handle, const Address&) {
  if (!own_.insert(id).second) {
    // What this life launched itself: it told so when nobody listened.
    const Guest* const known = engine_.hosts_.find(id);
    if (handle.empty() && known && known->phase != Guest::Phase::asked)
      tell({.kind = ProviderNews::Kind::launched,
            .id = id,
            .handle = known->handle,
            .address = known->address,
            .what = {},
            .host = engine_.hosts_.host_of(*known),
            .zone = engine_.hosts_.zone_of(*known)});
    return;
  }
  engine_.timeline_.after(5ms, [this, alive = alive_, id, handle] {
    if (*alive && own_.contains(id)) find(id, handle);
  });
}

void EngineProvider::find(const InstanceId& id, const std::string& handle) {
  Guest* const guest = engine_.hosts_.find(id);
  if (!guest || guest->phase == Guest::Phase::asked ||
      (!handle.empty() && handle != guest->handle)) {
    own_.erase(id);
    return tell({.kind = ProviderNews::Kind::gone,
                 .id = id,
                 .handle = handle,
                 .address = {},
                 .what = handle.empty() ? "was never started" : "ended while nobody watched"});
  }
  // Who still waited for its release waited for a controller that is no more.
  if (guest->phase == Guest::Phase::gated) return engine_.hosts_.die(*guest, "was never started");
  if (handle.empty())
    tell({.kind = ProviderNews::Kind::launched,
          .id = id,
          .handle = guest->handle,
          .address = guest->address,
          .what = {},
          .host = engine_.hosts_.host_of(*guest),
          .zone = engine_.hosts_.zone_of(*guest)});
}

void EngineProvider::look_around() {
  for (const std::uint32_t index : std::vector(engine_.hosts_.there()))
    if (Guest& guest = engine_.hosts_[index];
        guest.phase != Guest::Phase::asked && !own_.contains(guest.id) && is_ours_(guest.id))
      engine_.hosts_.die(guest, "was in nobody's record");
}

}  // namespace utakata

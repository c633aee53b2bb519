// The API alone on one loop, over a made cluster: what `make bench` measures placements against.
//
//   placement_server PORT [INSTANCES [SEATS_FILE]]     100 instances with room for all; until
//   SIGTERM
//   placement_server PORT 100 '' owner|other URL       one of two controllers: the cluster's owner,
//   or the other one, and where that of the other kind is
#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "fleet/api/api.h"
#include "net/loop.h"

namespace {

using namespace utakata;

class NoFleet final : public FleetAccess {
 public:
  void ask(AdminCall, std::function<void(Expected<std::string>)> answer) override { answer("{}"); }
};

// Who owns the cluster, for good.
class FixedOwners final : public Owners {
 public:
  FixedOwners(bool is_owner, std::string url) : is_owner_(is_owner), url_(std::move(url)) {}
  void want(std::vector<std::string>) override {}
  std::vector<std::string> wanted() const override { return {"game"}; }
  Ownership of(std::string_view) const override {
    using Kind = Ownership::Kind;
    return {.kind = is_owner_ ? Kind::ours : Kind::others,
            .tenure = 1,
            .is_inherited = is_owner_,
            .controller = "owner",
            .url = is_owner_ ? "" : url_};
  }
  std::optional<std::int64_t> fence(std::string_view) const override { return std::nullopt; }
  std::vector<Controller> others() const override { return {{"peer", url_}}; }

 private:
  const bool is_owner_;
  const std::string url_;
};

PlacementView made_view(int instances) {
  PlacementView view;
  view.cluster = "game";
  view.capacity = 10'000'000;
  view.hold = 60s;
  view.seats_per_key = 4;
  for (int i = 1; i <= instances; ++i) {
    Placeable instance;
    instance.identity =
        placeable_identity(fmt::format("game-{}", i),
                           fmt::format("ws://127.0.0.1:{}/?ticket=${{ticket}}", 20'000 + i));
    instance.open = instance.honours_keys = instance.count_known = true;
    view.instances.push_back(instance);
  }
  return view;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "placement_server PORT [INSTANCES [SEATS_FILE [owner|other URL]]]\n");
    return 2;
  }
  std::unique_ptr<FixedOwners> owners;
  const bool is_owner = count > 5 && std::string_view(arguments[4]) == "owner";
  if (count > 5) owners = std::make_unique<FixedOwners>(is_owner, arguments[5]);
  net::Loop loop;
  NoFleet fleet;
  ApiOptions options;
  options.stack = "bench";
  options.api.listen.port = std::uint16_t(std::atoi(arguments[1]));
  if (count > 3) options.seats_path = arguments[3];
  options.owners = owners.get();
  if (owners) options.peer_token = "between them", options.place_secret = PlaceSecret{1, 2};
  Api api(loop, fleet, std::move(options));
  api.on_notice([](const std::string& sentence) { fmt::print(stderr, "{}\n", sentence); });
  PlacementView view = made_view(count > 2 ? std::atoi(arguments[2]) : 100);
  const auto apply = [&] {
    ++view.version;
    for (Placeable& instance : view.instances) instance.counted_at = loop.now();
    api.apply(std::make_shared<PlacementView>(view));
  };
  // As at a first start, nobody serves yet: instances found by the first view would be taken for an
  // earlier life's.
  if (!owners || is_owner)
    api.apply(std::make_shared<PlacementView>(
        PlacementView{.cluster = view.cluster, .capacity = view.capacity, .hold = view.hold}));
  if (!owners || is_owner) {
    apply();
    loop.every(1s, apply);
  }
  if (const auto port = api.listen(); !port) {
    fmt::print(stderr, "{}\n", port.error().what);
    return 2;
  }
  loop.on_signal(SIGTERM, [&] { loop.stop(); });
  loop.on_signal(SIGINT, [&] { loop.stop(); });
  loop.run();
}

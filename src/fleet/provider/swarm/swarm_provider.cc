#include "fleet/provider/swarm/swarm_provider.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "fleet/provider/swarm/swarm_state.h"

namespace utakata {

SwarmProvider::State::State(net::Loop& loop_, const Clock& clock_, SwarmOptions options_)
    : loop(loop_),
      clock(clock_),
      options(std::move(options_)),
      rotation(options.run_folder + "/logs", options.log_bytes_max, 5s),
      engine(loop, options.engine),
      packings(loop, options.run_folder, options.pack_leaves_out, options.stack_folder,
               options.say) {
  std::error_code none;  // a folder that cannot be made shows in the logs, which are not there
  std::filesystem::create_directories(options.run_folder + "/logs", none);
  for (const auto& [name, address] : options.hosts)
    engines.emplace(name, std::make_unique<Engine>(loop, address));
  follow(engine, R"({"type":["node"]})");
  const Json ends = {{"type", {"container"}},
                     {"event", {"die"}},
                     {"label", {"utakata.fleet=" + options.fleet_id}}};
  follow(engine, ends.dump());
  for (const auto& [name, one] : engines) follow(*one, ends.dump());
  list_soon(Duration{0});
}

SwarmProvider::State::~State() {
  alive.reset();
  for (auto& [id, berth] : own) {
    loop.cancel(berth.kill_timer);
    loop.cancel(berth.retry_timer);
  }
  own.clear();  // their logs are followed through the Engine
  loop.cancel(list_timer);
}

std::string swarm_handle(const std::string& service) { return "swarm " + service; }

std::string service_of(std::string_view handle) {
  constexpr std::string_view kind = "swarm ";
  return std::string(handle.starts_with(kind) ? handle.substr(kind.size()) : "");
}

// The Swarm lets nobody take a name twice: the same id is never there twice. A name has at most 63
// letters, digits and `-`; the mark alone has 16, so a long id goes in by its hash.
std::string SwarmProvider::State::name_of(const Id& id) const {
  std::string name = fmt::format("utakata-{}-{}", options.fleet_id, id.text);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '-';
  constexpr std::size_t letters_max = 63, hash_letters = 17;
  if (name.size() <= letters_max) return name;
  return fmt::format("{}-{:016x}", name.substr(0, letters_max - hash_letters),
                     std::hash<std::string>{}(id.text));
}

std::string SwarmProvider::State::log_of(const Id& id) const {
  return options.run_folder + "/logs/" + file_name(id.text) + ".log";
}

std::string SwarmProvider::State::our_label() const {
  const Json filters = {{"label", {"utakata.fleet=" + options.fleet_id}}};
  return query_escaped(filters.dump());
}

Berth* SwarmProvider::State::find(const Id& id) {
  const auto there = own.find(id);
  return there == own.end() ? nullptr : &there->second;
}

const SwarmNode* SwarmProvider::State::node_by_id(const std::string& id) const {
  for (const auto& node : nodes)
    if (node.id == id) return &node;
  return nullptr;
}

void SwarmProvider::State::tell(ProviderNews one) {
  const bool is_first = news.empty();
  news.push_back(std::move(one));
  if (!is_first) return;
  // Not from within a call: who launches does not expect to be called back before launch() returns.
  loop.post([this, still = std::weak_ptr(alive)] {
    if (!still.expired() && !news.empty() && wake) wake();
  });
}

SwarmProvider::SwarmProvider(net::Loop& loop, const Clock& clock, SwarmOptions options)
    : state_(std::make_unique<State>(loop, clock, std::move(options))) {}
SwarmProvider::~SwarmProvider() = default;

Expected<void> SwarmProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  return state_->launch(id, spec);
}
void SwarmProvider::release(const InstanceId& id, const std::string& handle) {
  state_->release(id, handle);
}
void SwarmProvider::adopt(const InstanceId& id, const std::string& handle, const Address& address) {
  state_->adopt(id, handle, address);
}
Expected<void> SwarmProvider::stop(const InstanceId& id, Duration grace) {
  return state_->stop(id, grace);
}

std::vector<Host> SwarmProvider::hosts() const {
  std::vector<Host> all;
  for (const auto& node : state_->nodes) {
    all.push_back(node.host);
    if (state_->options.packs && !state_->knows_engine_at(node)) all.back().is_open = false;
  }
  return all;
}

std::vector<ProviderNews> SwarmProvider::hear() { return std::exchange(state_->news, {}); }
void SwarmProvider::on_news(std::function<void()> wake) { state_->wake = std::move(wake); }

}  // namespace utakata

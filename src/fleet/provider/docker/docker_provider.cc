#include "fleet/provider/docker/docker_provider.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "fleet/provider/docker/docker_state.h"

namespace utakata {

DockerProvider::State::State(net::Loop& loop_, const Clock& clock_, DockerOptions options_)
    : loop(loop_),
      clock(clock_),
      options(std::move(options_)),
      ports(options.ports_first, options.ports_last),
      rotation(options.run_folder + "/logs", options.log_bytes_max, 5s),
      engine(loop, options.engine),
      packings(loop, options.run_folder, options.pack_leaves_out, options.stack_folder,
               options.say) {
  std::error_code none;  // a folder that cannot be made shows in the logs, which are not there
  for (const char* folder : {"/logs", "/installed"})
    std::filesystem::create_directories(options.run_folder + folder, none);
  follow_events();
  list_soon(Duration{0});
}

DockerProvider::State::~State() {
  *alive = false;
  for (auto& [id, box] : own) {
    loop.cancel(box.kill_timer);
    loop.cancel(box.words_timer);
  }
  own.clear();  // their logs are followed through the engine
  loop.cancel(list_timer);
  loop.cancel(events_timer);
}

std::string docker_handle(const std::string& container) { return "docker " + container; }

std::string container_of(std::string_view handle) {
  constexpr std::string_view kind = "docker ";
  return std::string(handle.starts_with(kind) ? handle.substr(kind.size()) : "");
}

std::string text_at(const Engine::Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The Engine lets nobody take a name twice: the same id is never there twice.
std::string DockerProvider::State::name_of(const InstanceId& id) const {
  return file_name(fmt::format("utakata-{}-{}", options.fleet_id, id.text));
}

std::string DockerProvider::State::log_of(const InstanceId& id) const {
  return options.run_folder + "/logs/" + file_name(id.text) + ".log";
}

Box* DockerProvider::State::find(const InstanceId& id) {
  const auto there = own.find(id);
  return there == own.end() ? nullptr : &there->second;
}

void DockerProvider::State::tell(ProviderNews one) {
  const bool is_first = news.empty();
  news.push_back(std::move(one));
  if (!is_first) return;
  // Not from within a call: who launches does not expect to be called back before launch() returns.
  loop.post([this, still = std::weak_ptr(alive)] {
    if (!still.expired() && !news.empty() && wake) wake();
  });
}

DockerProvider::DockerProvider(net::Loop& loop, const Clock& clock, DockerOptions options)
    : state_(std::make_unique<State>(loop, clock, std::move(options))) {}
DockerProvider::~DockerProvider() = default;

Expected<void> DockerProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  return state_->launch(id, spec);
}
void DockerProvider::release(const InstanceId& id, const std::string& handle) {
  state_->release(id, handle);
}
void DockerProvider::adopt(const InstanceId& id, const std::string& handle,
                           const Address& address) {
  state_->adopt(id, handle, address);
}
void DockerProvider::find_foreign(const ForeignQuery& query,
                                  std::function<void(Expected<std::vector<Foreign>>)> done) {
  state_->find_foreign(query, std::move(done));
}
Expected<void> DockerProvider::stop(const InstanceId& id, Duration grace) {
  return state_->stop(id, grace);
}
std::optional<DockerProvider::Inside> DockerProvider::inside(std::string_view handle) const {
  const auto found = state_->insides.find(std::string(handle));
  return found == state_->insides.end() ? std::nullopt : std::optional(found->second);
}

std::vector<int> DockerProvider::processes() const {
  std::vector<int> all;
  for (const auto& [handle, inside] : state_->insides) all.push_back(inside.pid);
  return all;
}

std::vector<ProviderNews> DockerProvider::hear() { return std::exchange(state_->news, {}); }
void DockerProvider::on_news(std::function<void()> wake) { state_->wake = std::move(wake); }

}  // namespace utakata

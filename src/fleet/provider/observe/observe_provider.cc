#include "fleet/provider/observe/observe_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/model/address.h"
#include "fleet/provider/observe/container_listing.h"
#include "fleet/provider/observe/pm2_listing.h"

namespace utakata {
namespace {

std::vector<Listed> fixed_listing(const std::vector<std::string>& list) {
  std::vector<Listed> all;
  for (const std::string& text : list)
    if (const auto address = address_from(text)) all.push_back({text, *address});
  return all;
}

// To ask a PM2 that does not run would start one.
constexpr auto pm2_line = R"(
command -v pm2 >/dev/null || {
  echo "there is no pm2 on the PATH that the controller was started with" >&2; exit 1; }
home="${PM2_HOME:-$HOME/.pm2}"
read -r pid 2>/dev/null <"$home/pm2.pid"; [ -d "/proc/${pid:-none}" ] || {
  echo "no PM2 runs whose home is $home: is PM2_HOME, or the user, another one?" >&2; exit 1; }
exec pm2 jlist)";
constexpr std::size_t pm2_bytes_max = 32 << 20;  // each process' environment, 6 KB, is in it

std::string cluster_of(const InstanceId& id) { return id.text.substr(0, id.text.rfind('-')); }

std::unexpected<Problem> refused(const InstanceId& id, const char* what) {
  return problem(Problem::Kind::refused,
                 fmt::format("{} cannot be {}: with `provider: observe` others launch and stop "
                             "instances, and nothing is done here",
                             id.text, what));
}

}  // namespace

ObserveProvider::ObserveProvider(net::Loop& loop, net::HttpClient& client, ObserveOptions options)
    : loop_(loop), client_(client), options_(std::move(options)) {}

ObserveProvider::~ObserveProvider() {
  loop_.cancel(timer_);
  for (auto& [cluster, source] : sources_)
    if (source.call) client_.cancel(*source.call);
}

Expected<void> ObserveProvider::launch(const InstanceId& id, const LaunchSpec&) {
  return refused(id, "launched");
}

Expected<void> ObserveProvider::stop(const InstanceId& id, Duration) {
  return refused(id, "stopped");
}

void ObserveProvider::adopt(const InstanceId& id, const std::string& handle,
                            const Address& address) {
  sources_[cluster_of(id)].known.insert_or_assign(handle, address);
}

void ObserveProvider::on_news(std::function<void()> wake) {
  wake_ = std::move(wake);
  if (!std::exchange(is_asking_, true)) timer_ = loop_.after(Duration{0}, [this] { turn(); });
}

void ObserveProvider::turn() {
  timer_ = loop_.after(options_.every, [this] { turn(); });
  for (const ClusterSpec& spec : options_.stack().clusters) ask(spec);
  forget_others();
  wake();
}

void ObserveProvider::ask(const ClusterSpec& spec) {
  Source& source = sources_[spec.name];
  if (source.command || source.call || source.asks_engine) return;
  if (!spec.observe.command.empty() || !spec.observe.pm2.empty()) return run(spec, source);
  if (!spec.observe.url.empty()) return ask_url(spec, source);
  if (spec.observe.docker) return ask_engine(spec, source);
  take(spec.name, fixed_listing(spec.observe.list));
}

void ObserveProvider::run(const ClusterSpec& spec, Source& source) {
  const Stack& stack = options_.stack();
  const auto app = Pm2App{spec.observe.pm2, spec.observe.pm2_port, /*host=*/stack.api.advertise};
  const bool is_pm2 = !app.name.empty();
  source.command = std::make_unique<Command>(
      loop_,
      CommandOrder{.line = is_pm2 ? pm2_line : spec.observe.command,
                   .folder = stack.folder,
                   .deadline = options_.deadline,
                   .called = is_pm2 ? "pm2 jlist" : "",
                   .bytes_max = is_pm2 ? pm2_bytes_max : CommandOrder{}.bytes_max},
      [this, cluster = spec.name, app, is_pm2](const Expected<std::string>& text) {
        sources_[cluster].command.reset();
        if (!text) return take(cluster, std::unexpected(text.error()));
        take(cluster, is_pm2 ? read_pm2(*text, app) : read_listing(*text));
      });
}

void ObserveProvider::ask_url(const ClusterSpec& spec, Source& source) {
  net::HttpCall call;
  call.url = spec.observe.url;
  call.deadline = options_.deadline;
  source.call =
      client_.call(std::move(call), [this, cluster = spec.name](Expected<net::HttpResult> answer) {
        sources_[cluster].call.reset();
        if (!answer) return take(cluster, std::unexpected(answer.error()));
        if (answer->status / 100 == 2) return take(cluster, read_listing(answer->body));
        take(cluster, problem(Problem::Kind::refused,
                              fmt::format("`observe.url` answered {}", answer->status)));
      });
}

void ObserveProvider::ask_engine(const ClusterSpec& spec, Source& source) {
  const Stack& stack = options_.stack();
  const EngineAddress& address = stack.docker.engine;
  if (!engine_ || engine_address_ != address) {  // the file names another one
    engine_ = std::make_unique<Engine>(loop_, address);
    engine_address_ = address;
    for (auto& [cluster, each] : sources_) each.asks_engine = false;
  }
  const EnginePlace place{
      is_here(address) ? stack.api.advertise : address.host.substr(0, address.host.rfind(':')),
      is_here(address)};
  source.asks_engine = true;
  engine_->ask({.path = containers_path(*spec.observe.docker), .deadline = options_.deadline},
               [this, cluster = spec.name, wanted = *spec.observe.docker,
                place](const Expected<Engine::Json>& answer) {
                 const auto asked = sources_.find(cluster);
                 if (asked == sources_.end()) return;  // the file no longer names it
                 asked->second.asks_engine = false;
                 if (!answer) return take(cluster, std::unexpected(answer.error()));
                 take(cluster, read_containers(*answer, wanted, place));
               });
}

void ObserveProvider::take(const std::string& cluster, Expected<std::vector<Listed>> listing) {
  Source& source = sources_[cluster];
  const bool was_bad = std::exchange(source.is_bad, !listing.has_value());
  if (!listing) {
    if (!was_bad)
      options_.say(fmt::format("{}: its instances cannot be listed: {}; those listed last stay",
                               cluster, listing.error().what));
    return;
  }
  if (was_bad) options_.say(fmt::format("{}: its instances can be listed again", cluster));
  compare(cluster, source, *listing);
  wake();
}

// A handle at another address is another instance: gone now, found with the next list.
void ObserveProvider::compare(const std::string& cluster, Source& source,
                              const std::vector<Listed>& listing) {
  std::map<std::string, Address> fresh;
  for (const Listed& one : listing) fresh.emplace(one.handle, one.address);
  for (auto known = source.known.begin(); known != source.known.end();) {
    const auto there = fresh.find(known->first);
    if (there != fresh.end() && there->second == known->second) {
      ++known;
      continue;
    }
    tell_gone(
        cluster, known->first,
        there == fresh.end() ? "it is not listed any more" : "it is listed at another address");
    if (there != fresh.end()) fresh.erase(there);
    known = source.known.erase(known);
  }
  for (const auto& [handle, address] : fresh) {
    if (!source.known.emplace(handle, address).second) continue;
    news_.push_back({.kind = ProviderNews::Kind::found,
                     .id = {},
                     .handle = handle,
                     .address = address,
                     .what = {},
                     .cluster = cluster});
  }
}

// The file no longer names them.
void ObserveProvider::forget_others() {
  const auto& clusters = options_.stack().clusters;
  for (auto source = sources_.begin(); source != sources_.end();) {
    if (std::ranges::find(clusters, source->first, &ClusterSpec::name) != clusters.end()) {
      ++source;
      continue;
    }
    for (const auto& [handle, address] : source->second.known)
      tell_gone(source->first, handle, "the stack file no longer names its cluster");
    if (source->second.call) client_.cancel(*source->second.call);
    source = sources_.erase(source);
  }
}

void ObserveProvider::tell_gone(const std::string& cluster, const std::string& handle,
                                std::string what) {
  news_.push_back({.kind = ProviderNews::Kind::gone,
                   .id = {},
                   .handle = handle,
                   .address = {},
                   .what = std::move(what),
                   .cluster = cluster});
}

void ObserveProvider::wake() {
  if (!news_.empty() && wake_) wake_();
}

}  // namespace utakata

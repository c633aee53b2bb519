#include "fleet/provider/observe/observe_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/model/address.h"

namespace utakata {
namespace {

std::vector<Listed> fixed_listing(const std::vector<std::string>& list) {
  std::vector<Listed> all;
  for (const std::string& text : list)
    if (const auto address = address_from(text)) all.push_back({text, *address});
  return all;
}

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
  if (source.command || source.call) return;
  if (!spec.observe.command.empty()) {
    source.command =
        std::make_unique<Command>(loop_,
                                  CommandOrder{.line = spec.observe.command,
                                               .folder = options_.stack().folder,
                                               .deadline = options_.deadline},
                                  [this, cluster = spec.name](const Expected<std::string>& text) {
                                    sources_[cluster].command.reset();
                                    take_text(cluster, text);
                                  });
  } else if (!spec.observe.url.empty()) {
    net::HttpCall call;
    call.url = spec.observe.url;
    call.deadline = options_.deadline;
    source.call = client_.call(
        std::move(call), [this, cluster = spec.name](Expected<net::HttpResult> answer) {
          sources_[cluster].call.reset();
          if (!answer) return take(cluster, std::unexpected(answer.error()));
          if (answer->status / 100 == 2) return take_text(cluster, std::move(answer->body));
          take(cluster, problem(Problem::Kind::refused,
                                fmt::format("`observe.url` answered {}", answer->status)));
        });
  } else {
    take(spec.name, fixed_listing(spec.observe.list));
  }
}

void ObserveProvider::take_text(const std::string& cluster, const Expected<std::string>& text) {
  if (!text) return take(cluster, std::unexpected(text.error()));
  take(cluster, read_listing(*text));
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

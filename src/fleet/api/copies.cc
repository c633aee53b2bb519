#include "fleet/api/copies.h"

#include <fmt/format.h>

#include <algorithm>

namespace utakata {
namespace {

constexpr Duration look_every{500ms};
// What is twice as long as it was when all had been told, and not short, is told anew rather than
// grow without end.
constexpr std::size_t copy_bytes_short = 32 * 1024 * 1024;
constexpr Duration ask_kernel_every{1s}, acknowledged_within{2500ms}, silence{1s};

}  // namespace

struct Copies::Stream {
  std::string cluster, url;
  net::HttpClient::CallId call = 0;
  LedgerCopy copy;
  std::size_t whole_bytes = 0;  // when all had been told
  Instant began{}, last_heard{};
  bool is_over = false;
};

Copies::Copies(net::Loop& loop, const Owners& owners, Options options,
               std::function<void()> changed)
    : loop_(loop),
      owners_(owners),
      options_(std::move(options)),
      changed_(std::move(changed)),
      client_(loop) {
  timer_ = loop_.every(look_every, [this] { turn(); });
}

Copies::~Copies() { loop_.cancel(timer_); }

void Copies::turn() {
  for (const std::string& cluster : owners_.wanted()) {
    Ownership now = owners_.of(cluster);
    if (const auto said = owned_by_.find(cluster); said != owned_by_.end()) {
      if (now.kind == Ownership::Kind::nobody)
        now = {.kind = Ownership::Kind::others, .controller = {}, .url = said->second};
      else
        owned_by_.erase(said);
    }
    if (now.kind != Ownership::Kind::others || now.url.empty()) continue;
    if (const auto attempt = attempts_.find(cluster); attempt != attempts_.end()) {
      if (attempt->second->url == now.url) continue;
      client_.cancel(attempt->second->call);
      attempts_.erase(attempt);
    }
    const auto known = streams_.find(cluster);
    if (known != streams_.end()) {
      const Stream& stream = *known->second;
      const bool is_good = stream.url == now.url && !stream.is_over;
      if (is_good && stream.copy.bytes() < std::max(copy_bytes_short, 2 * stream.whole_bytes))
        continue;
      if (loop_.now() - stream.began < look_every) continue;
    }
    begin(cluster, now.url);
  }
}

// What was told before is kept until all has been told anew: who does not answer may be dead, and
// whoever is telling may die of it.
void Copies::begin(const std::string& cluster, const std::string& url) {
  auto stream = std::make_shared<Stream>();
  stream->cluster = cluster;
  stream->url = url;
  stream->began = loop_.now();
  attempts_[cluster] = stream;
  stream->call = client_.call(
      {.url = fmt::format("{}/v1/stacks/{}/clusters/{}/ledger", url, options_.stack, cluster),
       .headers = {"Authorization: Bearer " + options_.token, "X-Utakata-Caller: admin"},
       .deadline = 3s,
       .ca_file = options_.ca,
       .on_piece = [this, stream](std::string_view bytes) { hear(stream, bytes); },
       .keep_alive = ask_kernel_every},
      [this, stream](const Expected<net::HttpResult>&) { ended(stream); });
}

void Copies::hear(const std::shared_ptr<Stream>& stream, std::string_view bytes) {
  if (bytes.empty()) return;
  stream->last_heard = loop_.now();
  stream->copy.feed(bytes, stream->last_heard);
  const auto attempt = attempts_.find(stream->cluster);
  if (stream->copy.is_whole() && attempt != attempts_.end() && attempt->second == stream) {
    attempts_.erase(attempt);
    stream->whole_bytes = stream->copy.bytes();
    auto& former = streams_[stream->cluster];
    if (former && !former->is_over)
      loop_.post([this, call = former->call] { client_.cancel(call); });
    former = stream;
  }
  if (stream->copy.has_ended()) loop_.post([this, stream] { ended(stream); });
}

void Copies::ended(const std::shared_ptr<Stream>& stream) {
  const auto attempt = attempts_.find(stream->cluster);
  if (attempt != attempts_.end() && attempt->second == stream) attempts_.erase(attempt);
  if (std::exchange(stream->is_over, true)) return;
  changed_();
}

Copies::Told Copies::told(std::string_view cluster, std::int64_t tenure) const {
  const auto known = streams_.find(cluster);
  if (known == streams_.end()) return Told::none;
  const Stream& stream = *known->second;
  if (!stream.copy.is_whole()) return Told::none;
  // Of the owner right before us, and of nobody before that one.
  if (stream.copy.tenure() + 1 != tenure) return Told::some;
  if (stream.is_over) return Told::all;
  const auto acknowledged = client_.last_acknowledged(stream.call);
  const bool is_silent = acknowledged && *acknowledged < acknowledged_within &&
                         loop_.now() - stream.last_heard > silence;
  return is_silent ? Told::all : Told::coming;
}

std::string Copies::teller(std::string_view cluster) const {
  const auto known = streams_.find(cluster);
  return known == streams_.end() || known->second->is_over ? "" : known->second->url;
}

void Copies::replay(std::string_view cluster, PlaceLog& to) const {
  if (const auto known = streams_.find(cluster); known != streams_.end())
    known->second->copy.replay(to);
}

void Copies::forget(std::string_view cluster) {
  if (const auto attempt = attempts_.find(cluster); attempt != attempts_.end()) {
    client_.cancel(attempt->second->call);
    attempts_.erase(attempt);
  }
  const auto known = streams_.find(cluster);
  if (known == streams_.end()) return;
  if (!known->second->is_over) client_.cancel(known->second->call);
  streams_.erase(known);
}

}  // namespace utakata

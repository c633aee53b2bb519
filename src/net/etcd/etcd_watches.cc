#include "net/etcd/etcd_watches.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/etcd/line_splitter.h"

namespace utakata::net {
namespace {

constexpr Duration reopen_first = 100ms, reopen_most = 2s;

}  // namespace

struct EtcdWatches::Followed {
  WatchId id;
  EtcdWatch watch;
  std::int64_t next;  // the first revision not told yet; 0: not known
  std::size_t member = 0;
  std::optional<HttpClient::CallId> stream{}, question{};
  Loop::TimerId timer = 0, serving = 0;
  LineSplitter lines{etcd_answer_bytes_max};
  std::string bytes{};             // not read yet
  std::optional<Problem> ended{};  // the stream
  Instant opened{}, heard{};
  bool stands = false;
  bool is_loss_told = false;
  bool is_over = false;
  int failures = 0;  // in a row
};

EtcdWatches::~EtcdWatches() {
  for (const auto& [id, one] : followed_) {
    one->is_over = true;
    close(*one);
  }
}

EtcdWatches::WatchId EtcdWatches::watch(EtcdWatch watch) {
  const WatchId id = ++last_;
  const auto from = watch.from;
  const auto one =
      std::make_shared<Followed>(Followed{.id = id, .watch = std::move(watch), .next = from});
  followed_.emplace(id, one);
  open(one);
  return id;
}

void EtcdWatches::unwatch(WatchId id) {
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  const auto one = found->second;
  one->is_over = true;
  close(*one);
  followed_.erase(found);
}

void EtcdWatches::close(Followed& one) {
  for (auto* call : {&one.stream, &one.question})
    if (const auto id = std::exchange(*call, std::nullopt)) members_.http().cancel(*id);
  for (auto* timer : {&one.timer, &one.serving})
    if (const auto id = std::exchange(*timer, 0)) loop_.cancel(id);
}

void EtcdWatches::arm(const Shared& one, Duration delay, void (EtcdWatches::*then)(const Shared&)) {
  if (one->timer) loop_.cancel(one->timer);
  one->timer = loop_.after(delay, [this, one, then] {
    one->timer = 0;
    (this->*then)(one);
  });
}

void EtcdWatches::open(const Shared& one) {
  one->member = one->failures == 0 ? members_.first : (one->member + 1) % members_.count();
  one->lines = LineSplitter(etcd_answer_bytes_max);
  one->bytes.clear();
  one->ended.reset();
  one->opened = one->heard = loop_.now();
  one->stands = false;
  auto call =
      members_.call(one->member, "/v3/watch", etcd_watch_text(one->watch.prefix, one->next), 5s);
  // The client may not be called from within: what came is read in a turn of its own.
  call.on_piece = [this, weak = std::weak_ptr(one)](std::string_view bytes) {
    const auto followed = weak.lock();
    followed->bytes += bytes;
    followed->heard = loop_.now();
    if (followed->serving) return;
    followed->serving = loop_.after(0ns, [this, followed] {
      followed->serving = 0;
      serve(followed);
    });
  };
  one->stream = members_.http().call(std::move(call), [this, one](Expected<HttpResult> result) {
    one->stream.reset();
    if (auto no = members_.no_of(one->member, result))
      one->ended = std::move(no->problem);
    else
      one->ended = members_.of(
          one->member, {Problem::Kind::unavailable, "it has ended the stream of a watch", true});
    serve(one);
  });
  arm(one, members_.options().quiet, &EtcdWatches::look);
}

void EtcdWatches::serve(const Shared& one) {
  const Shared kept = one;  // what it refers to may go with the stream's own function
  const std::string bytes = std::exchange(kept->bytes, {});
  auto ended = std::exchange(kept->ended, std::nullopt);  // after what had come before
  const bool fits = kept->lines.feed(bytes, [&](std::string_view line) {
    if (!kept->is_over && !kept->ended) take(kept, line);
  });
  if (kept->is_over) return;
  if (!fits) return over(kept);
  if (!kept->ended) kept->ended = std::move(ended);
  if (kept->ended) broke(kept, *kept->ended);
}

void EtcdWatches::take(const Shared& one, std::string_view line) {
  auto read = etcd_watch_line_from(line);
  if (!read) {
    const auto no = etcd_no_from(200, line);
    one->ended = members_.of(one->member, no ? no->problem : read.error());
    return;
  }
  using Kind = EtcdWatchLine::Kind;
  switch (read->kind) {
    case Kind::created:
      one->stands = true;
      one->is_loss_told = false;
      if (one->next == 0) one->next = read->revision + 1;
      return one->watch.news(one->next - 1, {});
    case Kind::events: {
      // A member that was asked again from the middle of what it had sent repeats nothing; one that
      // lags may.
      std::erase_if(read->events,
                    [&](const EtcdEvent& e) { return e.row.mod_revision < one->next; });
      if (read->events.empty()) return;
      // The answer's own revision may be newer than events that are still to come.
      one->next = read->events.back().row.mod_revision + 1;
      return one->watch.news(one->next - 1, read->events);
    }
    case Kind::progress:
      one->next = std::max(one->next, read->revision + 1);
      return one->watch.news(one->next - 1, {});
    case Kind::compacted:
      return over(one);
    case Kind::canceled:
      one->ended = members_.of(
          one->member,
          {Problem::Kind::unavailable, "it has ended a watch: \"" + read->reason + "\"", true});
      return;
  }
}

// A stream of a member that is frozen, or cut off from the others, stays open and silent.
void EtcdWatches::look(const Shared& one) {
  const Duration quiet = members_.options().quiet, silent = loop_.now() - one->heard;
  if (silent < quiet) return arm(one, quiet - silent, &EtcdWatches::look);
  auto call =
      members_.call(one->member, "/v3/kv/range",
                    etcd_text(EtcdRange{.key = one->watch.prefix, .keys_only = true}), quiet);
  one->question = members_.http().call(std::move(call), [this, one](Expected<HttpResult> result) {
    one->question.reset();
    looked(one, result);
  });
}

void EtcdWatches::looked(const Shared& one, const Expected<HttpResult>& result) {
  const Shared kept = one;
  if (auto no = members_.no_of(kept->member, result)) return broke(kept, std::move(no->problem));
  const auto rows = etcd_rows_from(result->body);
  if (!rows) return broke(kept, members_.of(kept->member, rows.error()));
  if (rows->revision < kept->next - 1) return over(kept);  // set back: it was restored
  if (!kept->stands)
    return broke(kept, members_.of(kept->member, {Problem::Kind::unavailable,
                                                  "it answers, but not to a watch", true}));
  kept->heard = loop_.now();
  arm(kept, members_.options().quiet, &EtcdWatches::look);
}

void EtcdWatches::broke(const Shared& one, Problem why) {
  const Shared kept = one;
  close(*kept);
  if (kept->stands && loop_.now() - kept->opened > reopen_most) kept->failures = 0;
  const Duration delay =
      kept->failures == 0
          ? Duration{0}
          : std::min(reopen_most, reopen_first * (1 << std::min(kept->failures, 8)));
  ++kept->failures;
  arm(kept, delay, &EtcdWatches::open);
  if (!std::exchange(kept->is_loss_told, true) && kept->watch.lost) kept->watch.lost(why);
}

void EtcdWatches::over(const Shared& one) {
  const Shared kept = one;
  unwatch(kept->id);
  kept->watch.compacted();
}

}  // namespace utakata::net

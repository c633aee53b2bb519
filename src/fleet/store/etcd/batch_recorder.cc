#include "fleet/store/etcd/batch_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "net/secret.h"

namespace utakata::etcd {
namespace {

using net::EtcdCompare;
using net::EtcdTxn;
using What = EtcdCompare::What;

// Below etcd's own 128 and 1.5 MB: beside them go the counter and what is trimmed.
constexpr std::size_t writes_max = 100;
constexpr std::size_t bytes_max = 1'000'000;
// A part's writes stand in it as texts within a text, and grow by their escapes.
constexpr std::size_t part_bytes_max = 400'000;
// As many controllers at once as there may be; each round one of them gets through.
constexpr int races_max = 50;
constexpr std::int64_t trim_every = 64;
constexpr std::int64_t given_up_after_s = 600;

std::int64_t wall_seconds() { return to_ms(net::SystemClock().wall()) / 1000; }

Problem damaged(const std::string& key) {
  return {Problem::Kind::invalid,
          fmt::format("etcd: {} is damaged: look at it by `etcdctl get {}`, then mend it or name "
                      "another stack",
                      key, key)};
}

}  // namespace

struct BatchRecorder::Attempt {
  std::string token;
  std::vector<Fence> fences;
  std::vector<Write> writes;  // none of them where it has parts
  std::int64_t activities = 0;
  int parts = 0;
  std::int64_t first = 0;  // the number of its first activity, once it is recorded
  bool is_recorded = false;
};

Expected<std::int64_t> BatchRecorder::record(const Batch& batch, std::vector<Fence> fences) {
  Attempt attempt{.token = fmt::format("{}-{}", wall_seconds(), net::random_token(9)),
                  .fences = std::move(fences),
                  .writes = writes_of(keys_, batch, controller_),
                  .activities = std::ssize(batch.activities)};
  std::size_t bytes = 0;
  for (const Write& write : attempt.writes) bytes += bytes_of(write);
  if (!is_known_)
    if (auto read = read_counter(); !read) return read;
  if (attempt.writes.size() > writes_max || bytes > bytes_max)
    if (auto done = write_parts(attempt); !done) return std::unexpected(done.error());
  for (int race = 0; race < races_max; ++race) {
    if (auto done = spread(); !done) return std::unexpected(done.error());
    Counter next;
    auto answer = link_.txn(txn_of(attempt, next));
    if (!answer) {
      is_known_ = false;  // it may have been done
      return std::unexpected(std::move(answer.error()));
    }
    if (answer->has_succeeded) {
      attempt.first = counter_.number + 1;
      attempt.is_recorded = true;
      counter_ = std::move(next);
      counter_revision_ = answer->revision;
    } else if (auto why = refused(attempt, *answer); !why) {
      return std::unexpected(why.error());
    }
    if (!attempt.is_recorded) continue;
    // It is recorded, come what may: what cannot be spread now is by whoever comes next.
    (void)spread();
    return attempt.first;
  }
  return problem(Problem::Kind::unavailable,
                 "etcd: too many controllers record at once: it will be tried again", true);
}

Expected<void> BatchRecorder::write_parts(Attempt& attempt) {
  const auto parts = parts_of(std::exchange(attempt.writes, {}), part_bytes_max);
  for (const Part& part : parts) {
    const auto key = keys_.part(attempt.token, attempt.parts++);
    // Sent twice, it is written once: what is compared later is that this is its first version.
    const EtcdTxn txn{.compares = {{key, What::create_revision, 0}},
                      .puts = {{key, part_text(part)}}};
    if (auto done = link_.txn(txn); !done) return std::unexpected(std::move(done.error()));
  }
  return {};
}

net::EtcdTxn BatchRecorder::txn_of(const Attempt& attempt, Counter& next) const {
  EtcdTxn txn{.compares = {{keys_.counter(), What::mod_revision, counter_revision_},
                           {keys_.format(), What::mod_revision, format_revision_}},
              .otherwise = {{.key = keys_.counter()}, {.key = keys_.format()}}};
  for (const auto& [cluster, revision] : attempt.fences) {
    txn.compares.push_back({keys_.owner(cluster), What::create_revision, revision});
    txn.otherwise.push_back({.key = keys_.owner(cluster), .keys_only = true});
  }
  next = counter_;
  const auto first = counter_.number + 1;
  next.number += attempt.activities;
  next.recent.emplace_back(attempt.token, first);
  if (next.recent.size() > recent_max) next.recent.erase(next.recent.begin());
  if (attempt.parts > 0) {
    // Somebody's clock may be so wrong that the parts were cleaned away.
    txn.compares.push_back({keys_.part(attempt.token, 0), What::version, 1});
    txn.otherwise.push_back({.key = keys_.part(attempt.token, 0), .keys_only = true});
    next.spreading = {attempt.token, first, attempt.parts};
  }
  auto number = first;
  for (const Write& write : attempt.writes) {
    auto key = write.is_activity() ? keys_.activity(number++) : write.key;
    if (write.value)
      txn.puts.push_back({std::move(key), *write.value});
    else
      txn.deletes.push_back({std::move(key)});
  }
  if (attempt.parts == 0) trim(txn, counter_.number, next);
  txn.puts.push_back({keys_.counter(), row_text(next)});
  return txn;
}

// Why the compares did not hold. Nothing: a race; again with what is known now.
Expected<void> BatchRecorder::refused(Attempt& attempt, const net::EtcdTxnAnswer& answer) {
  const std::size_t asked = attempt.fences.size() + (attempt.parts > 0 ? 3 : 2);
  if (answer.otherwise.size() != asked)
    return problem(Problem::Kind::refused, "etcd: an answer of it is not whole");
  if (auto adopted = adopt(answer.otherwise[0]); !adopted) return adopted;
  const auto found = std::ranges::find(counter_.recent, attempt.token,
                                       &std::pair<std::string, std::int64_t>::first);
  if (found != counter_.recent.end()) {  // it was done, and the answer lost
    attempt.first = found->second;
    attempt.is_recorded = true;
    return {};
  }
  const auto& format = answer.otherwise[1].rows;
  if (format.empty() || format[0].mod_revision != format_revision_)
    return problem(Problem::Kind::invalid,
                   fmt::format("etcd: {} was emptied or laid out anew since this controller began: "
                               "nothing is recorded any more, start it again",
                               keys_.root));
  for (std::size_t i = 0; i < attempt.fences.size(); ++i) {
    const auto& owner = answer.otherwise[i + 2].rows;
    if (owner.empty() || owner[0].create_revision != attempt.fences[i].number)
      return problem(
          Problem::Kind::conflict,
          fmt::format("etcd: cluster {} is {}: nothing was recorded", attempt.fences[i].cluster,
                      owner.empty() ? "not ours any more" : "another controller's now"));
  }
  if (attempt.parts > 0 && answer.otherwise.back().rows.empty())
    return problem(Problem::Kind::unavailable,
                   "etcd: the parts of a large batch were cleaned away while it was recorded: see "
                   "whether the controllers' clocks agree",
                   true);
  return {};
}

Expected<void> BatchRecorder::spread() {
  while (counter_.spreading) {
    const auto now = *counter_.spreading;
    for (int part = 0; part < now.parts && counter_.spreading == now; ++part)
      if (auto done = spread_part(now, part); !done) return done;
    if (counter_.spreading == now)
      if (auto done = end_spread(now); !done) return done;
  }
  return {};
}

Expected<void> BatchRecorder::spread_part(const Counter::Spread& spread, int part) {
  const auto key = keys_.part(spread.token, part);
  const auto rows = link_.range({.key = key});
  if (!rows) return std::unexpected(rows.error());
  if (rows->rows.empty()) {  // another controller was quicker, or it is lost
    if (auto read = read_counter(); !read) return std::unexpected(read.error());
    if (counter_.spreading == spread) return std::unexpected(damaged(key));
    return {};
  }
  const auto read = part_from(rows->rows[0].value);
  if (!read) return std::unexpected(damaged(key));
  auto number = spread.first + read->activities_before;
  EtcdTxn txn;
  for (std::size_t i = 0; i < read->writes.size(); ++i) {
    const Write& write = read->writes[i];
    auto row = write.is_activity() ? keys_.activity(number++) : write.key;
    if (write.value)
      txn.puts.push_back({std::move(row), *write.value});
    else
      txn.deletes.push_back({std::move(row)});
    if (i + 1 < read->writes.size() && (i + 1) % writes_max != 0) continue;
    if (auto done = guarded(std::exchange(txn, {}), nullptr); !done) return done;
    if (counter_.spreading != spread) return {};
  }
  return {};
}

Expected<void> BatchRecorder::end_spread(const Counter::Spread& spread) {
  Counter next = counter_;
  next.spreading.reset();
  const auto parts = net::etcd_prefix(keys_.parts(spread.token));
  EtcdTxn txn{.puts = {{keys_.counter(), row_text(next)}}, .deletes = {{parts.key, parts.end}}};
  trim(txn, spread.first - 1, next);
  return guarded(std::move(txn), &next);
}

// Done only where the counter is as we know it; otherwise we know it afterwards.
Expected<void> BatchRecorder::guarded(EtcdTxn txn, const Counter* next) {
  txn.compares.push_back({keys_.counter(), What::mod_revision, counter_revision_});
  txn.otherwise = {{.key = keys_.counter()}};
  auto answer = link_.txn(txn);
  if (!answer) {
    is_known_ = false;
    return std::unexpected(std::move(answer.error()));
  }
  if (!answer->has_succeeded) {
    if (answer->otherwise.empty())
      return problem(Problem::Kind::refused, "etcd: an answer of it is not whole");
    return adopt(answer->otherwise[0]);
  }
  if (next) {
    counter_ = *next;
    counter_revision_ = answer->revision;
  }
  return {};
}

void BatchRecorder::trim(EtcdTxn& txn, std::int64_t before, const Counter& next) const {
  if (before / trim_every == next.number / trim_every) return;
  const auto last = std::min(next.number - activities_max_, before);  // never what it writes
  if (last > 0) txn.deletes.push_back({keys_.activities(), keys_.activity(last + 1)});
}

Expected<void> BatchRecorder::adopt(const net::EtcdRows& rows) {
  if (rows.rows.empty()) {
    counter_ = {};
    counter_revision_ = 0;
  } else {
    auto read = counter_from(rows.rows[0].value);
    if (!read) return std::unexpected(damaged(keys_.counter()));
    counter_ = std::move(*read);
    counter_revision_ = rows.rows[0].mod_revision;
  }
  is_known_ = true;
  return {};
}

Expected<std::int64_t> BatchRecorder::read_counter() {
  const auto rows = link_.range({.key = keys_.counter()});
  if (!rows) return std::unexpected(rows.error());
  if (auto adopted = adopt(*rows); !adopted) return std::unexpected(adopted.error());
  return rows->revision;
}

Expected<std::int64_t> BatchRecorder::finish() {
  for (;;) {
    auto revision = read_counter();
    if (!revision || !counter_.spreading) return revision;
    if (auto done = spread(); !done) return std::unexpected(done.error());
  }
}

void BatchRecorder::clean() {
  auto parts = net::etcd_prefix(keys_.pending());
  parts.keys_only = true;
  parts.limit = 1000;
  const auto rows = link_.range(parts);
  if (!rows) return;
  std::set<std::string> given_up;
  for (const auto& row : rows->rows) {
    const auto token = row.key.substr(keys_.pending().size());
    const auto made = std::strtoll(token.c_str(), nullptr, 10);
    if (made + given_up_after_s < wall_seconds()) given_up.insert(token.substr(0, token.find('/')));
  }
  for (const auto& token : given_up) {
    if (counter_.spreading && counter_.spreading->token == token) continue;
    const auto all = net::etcd_prefix(keys_.parts(token));
    (void)guarded({.deletes = {{all.key, all.end}}}, nullptr);
  }
}

}  // namespace utakata::etcd

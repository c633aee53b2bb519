#include "fleet/store/etcd/etcd_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "fleet/store/etcd/batch_recorder.h"
#include "fleet/store/etcd/etcd_link.h"
#include "fleet/store/etcd/row_text.h"
#include "net/secret.h"

namespace utakata {
namespace {

using net::EtcdCompare;
using net::EtcdRow;
using net::EtcdTxn;

constexpr int answer_max = 100'000;
constexpr int activities_page = 500;  // about 200 KB
constexpr std::int64_t rows_page = 1000;
constexpr std::int64_t settings_page = 4;  // each may be as large as etcd takes
constexpr int load_tries = 3;              // a compaction may overtake a slow one

Problem damaged(const std::string& key) {
  return {Problem::Kind::invalid,
          fmt::format("etcd: {} is damaged: look at it by `etcdctl get {}`, then mend or remove it",
                      key, key)};
}

class EtcdStore final : public Store {
 public:
  EtcdStore(EtcdStoreOptions options, Store& local, EtcdFence fence)
      : options_(std::move(options)),
        keys_{etcd_root(options_.stack)},
        local_(local),
        fence_(std::move(fence)),
        link_(options_.etcd, options_.may_ask),
        recorder_(link_, keys_, options_.controller, options_.activities_max),
        compacted_at_(link_.now()) {}

  Expected<void> prepare();  // once, before all else
  Expected<Saved> load() override;
  Expected<void> record(Batch& batch) override;
  Expected<void> set(std::string_view name, std::string_view text) override;
  Expected<std::string> keep(std::string_view name, std::string_view text) override;
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override;
  Expected<void> observe(std::string_view cluster, WallTime at, std::string_view blob) override {
    return local_.observe(cluster, at, blob);
  }
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override {
    return local_.observations(cluster, after, limit);
  }

 private:
  Expected<void> check_format(const net::EtcdRows& rows);
  Expected<Saved> load_at(std::int64_t revision);
  Expected<void> load_rows(std::int64_t revision, Saved& saved);
  void compact();

  const EtcdStoreOptions options_;
  const etcd::Keys keys_;
  Store& local_;
  const EtcdFence fence_;
  etcd::Link link_;
  etcd::BatchRecorder recorder_;
  Instant compacted_at_;
  std::int64_t compact_to_ = 0;  // what was the newest revision then; 0: not known yet
};

// The first to come lays the store out. Two at once: one of them does, and the other reads it.
Expected<void> EtcdStore::prepare() {
  const EtcdTxn layout{.compares = {{keys_.format(), EtcdCompare::What::create_revision, 0}},
                       .puts = {{keys_.format(), etcd::format_text(options_.stack)},
                                {keys_.fleet_id(), net::random_token(12)}},
                       .otherwise = {{.key = keys_.format()}}};
  const auto answer = link_.txn(layout);
  if (!answer) return std::unexpected(answer.error());
  if (!answer->has_succeeded)
    return answer->otherwise.empty() ? std::unexpected(damaged(keys_.format()))
                                     : check_format(answer->otherwise[0]);
  recorder_.set_format_revision(answer->revision);
  return {};
}

Expected<void> EtcdStore::check_format(const net::EtcdRows& rows) {
  const auto format = rows.rows.empty() ? std::nullopt : etcd::format_from(rows.rows[0].value);
  if (!format || format->stack != options_.stack)
    return problem(Problem::Kind::invalid,
                   fmt::format("etcd: what stands under {} is not a store of stack {}: give the "
                               "stack another name, or remove it (etcdctl del --prefix {})",
                               keys_.root, options_.stack, keys_.root));
  if (format->format > etcd::format_newest)
    return problem(Problem::Kind::invalid,
                   fmt::format("etcd: {} was written by a newer utakata (its format is {}, this "
                               "program knows {}): run that version, or give the stack another "
                               "name",
                               keys_.root, format->format, etcd::format_newest));
  recorder_.set_format_revision(rows.rows[0].mod_revision);
  return {};
}

Expected<Saved> EtcdStore::load() {
  for (int tries = 1;; ++tries) {
    const auto revision = recorder_.finish();
    if (!revision) return std::unexpected(revision.error());
    auto saved = load_at(*revision);
    if (saved) recorder_.clean();
    if (saved || saved.error().kind != Problem::Kind::conflict || tries == load_tries) return saved;
  }
}

Expected<Saved> EtcdStore::load_at(std::int64_t revision) {
  const auto id = link_.range({.key = keys_.fleet_id(), .revision = revision});
  if (!id) return std::unexpected(id.error());
  if (id->rows.empty()) return std::unexpected(damaged(keys_.fleet_id()));
  Saved saved{.fleet_id = id->rows[0].value, .instances = {}, .clusters = {}, .settings = {}};
  if (auto done = load_rows(revision, saved); !done) return std::unexpected(done.error());
  return saved;
}

Expected<void> EtcdStore::load_rows(std::int64_t revision, Saved& saved) {
  const auto rest = [](const EtcdRow& row, const std::string& prefix) {
    return row.key.substr(prefix.size());
  };
  auto done = link_.list(keys_.settings(), revision, settings_page,
                         [&](const EtcdRow& row) -> Expected<void> {
                           saved.settings.emplace_back(rest(row, keys_.settings()), row.value);
                           return {};
                         });
  if (done)
    done = link_.list(keys_.clusters(), revision, rows_page,
                      [&](const EtcdRow& row) -> Expected<void> {
                        auto read = etcd::cluster_from(rest(row, keys_.clusters()), row.value);
                        if (!read) return std::unexpected(damaged(row.key));
                        saved.clusters.push_back(std::move(*read));
                        return {};
                      });
  if (done)
    done = link_.list(
        keys_.instances(), revision, rows_page, [&](const EtcdRow& row) -> Expected<void> {
          const auto name = rest(row, keys_.instances());
          const auto slash = name.find('/');
          auto read = slash == name.npos ? std::nullopt
                                         : etcd::instance_from(name.substr(slash + 1), row.value);
          if (!read) return std::unexpected(damaged(row.key));
          saved.instances.push_back({name.substr(0, slash), std::move(*read)});
          return {};
        });
  return done;
}

Expected<void> EtcdStore::record(Batch& batch) {
  if (batch.empty()) return {};
  auto fences = fences_of(batch, fence_);
  if (!fences) return std::unexpected(std::move(fences.error()));
  auto first = recorder_.record(batch, std::move(*fences));
  if (!first) return std::unexpected(std::move(first.error()));
  for (Activity& activity : batch.activities) activity.number = (*first)++;
  compact();
  return {};
}

// Not being able to forget is no failure: the next time will do.
void EtcdStore::compact() {
  if (options_.compact_every <= Duration{}) return;
  if (compact_to_ != 0 && link_.now() - compacted_at_ < options_.compact_every) return;
  compacted_at_ = link_.now();
  if (compact_to_ != 0) (void)link_.compact(compact_to_);
  if (const auto revision = recorder_.read_counter()) compact_to_ = *revision;
}

Expected<void> EtcdStore::set(std::string_view name, std::string_view text) {
  const auto done = link_.txn({.puts = {{keys_.setting(name), std::string(text)}}});
  if (!done) return std::unexpected(done.error());
  return {};
}

Expected<std::string> EtcdStore::keep(std::string_view name, std::string_view text) {
  const std::string key = keys_.setting(name);
  const auto done = link_.txn({.compares = {{.key = key, .equals = 0}},
                               .puts = {{key, std::string(text)}},
                               .otherwise = {{.key = key}}});
  if (!done) return std::unexpected(done.error());
  if (done->has_succeeded || done->otherwise.empty() || done->otherwise[0].rows.empty())
    return std::string(text);
  return done->otherwise[0].rows[0].value;
}

// From the newest on backwards, a page of numbers at a time: they have no gaps but where the
// oldest were dropped.
Expected<std::vector<Activity>> EtcdStore::activities(const ActivityQuery& query) {
  const int limit = std::clamp(query.limit, 0, answer_max);
  if (auto read = recorder_.read_counter(); !read) return std::unexpected(read.error());
  const auto oldest = std::max(query.after, recorder_.newest() - options_.activities_max);
  std::vector<Activity> found;
  for (auto last = recorder_.newest(); last > oldest && std::ssize(found) < limit;
       last -= activities_page) {
    const auto before = std::max(oldest, last - activities_page);
    const auto rows =
        link_.range({.key = keys_.activity(before + 1), .end = keys_.activity(last + 1)});
    if (!rows) return std::unexpected(rows.error());
    for (auto row = rows->rows.rbegin(); row != rows->rows.rend(); ++row) {
      const auto digits = row->key.substr(keys_.activities().size());
      std::int64_t number = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      auto read = etcd::activity_from(number, row->value);
      if (!read) return std::unexpected(damaged(row->key));
      if (!query.cluster.empty() && read->cluster != query.cluster) continue;
      if (!query.instance.empty() && read->instance != query.instance) continue;
      if (std::ssize(found) < limit) found.push_back(std::move(*read));
    }
  }
  std::ranges::reverse(found);
  return found;
}

}  // namespace

Expected<std::unique_ptr<Store>> open_etcd(EtcdStoreOptions options, Store& local,
                                           EtcdFence fence) {
  auto store = std::make_unique<EtcdStore>(std::move(options), local, std::move(fence));
  if (auto ready = store->prepare(); !ready) return std::unexpected(std::move(ready.error()));
  return store;
}

}  // namespace utakata

#include "fleet/owner/etcd/etcd_owners.h"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "fleet/model/etcd_root.h"
#include "fleet/owner/owner_table.h"
#include "net/secret.h"

namespace utakata {
namespace {

using nlohmann::json;

constexpr Duration look_every{100ms};

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json object_of(const std::string& text) {
  json object = json::parse(text, nullptr, false);
  return object.is_object() ? object : json::object();
}

OwnerRow owner_of(const net::EtcdRow& row) {
  const json object = object_of(row.value);
  return {.controller = text_of(object, "controller"),
          .url = text_of(object, "url"),
          .life = text_of(object, "life"),
          .fence = row.create_revision};
}

TenureRow tenure_of(const net::EtcdRow& row) {
  const json object = object_of(row.value);
  TenureRow tenure{.controller = text_of(object, "controller"), .life = text_of(object, "life")};
  if (const auto number = object.find("tenure");
      number != object.end() && number->is_number_integer())
    tenure.tenure = number->get<std::int64_t>();
  if (const auto flag = object.find("inherited"); flag != object.end() && flag->is_boolean())
    tenure.is_inherited = flag->get<bool>();
  return tenure;
}

// A boot of a machine: process numbers mean something within it.
std::string this_host() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(file, boot);
  return boot;
}

// The controller that left this row was killed on this machine.
bool is_dead_here(const json& row) {
  const auto pid = row.find("pid");
  if (text_of(row, "host") != this_host() || pid == row.end() || !pid->is_number_integer())
    return false;
  return kill(pid->get<pid_t>(), 0) != 0 && errno == ESRCH;
}

}  // namespace

struct EtcdOwners::State {
  State(net::Loop& the_loop, const Clock& the_clock, net::EtcdOptions etcd,
        EtcdOwnersOptions the_options)
      : loop(the_loop),
        clock(the_clock),
        options(std::move(the_options)),
        life(net::random_token(12)),
        base(etcd_root(options.stack)),
        client(loop, std::move(etcd)),
        table({.name = options.name, .life = life, .stable = options.give_back_after}) {}

  Instant now() const { return clock.now(); }
  std::string owner_key(const std::string& cluster) const {
    return etcd_owner_key(options.stack, cluster);
  }
  std::string tenure_key(const std::string& cluster) const { return base + "tenures/" + cluster; }
  std::string own_key() const { return base + "controllers/" + options.name; }
  std::string own_row() const {
    return json{{"url", url}, {"life", life}, {"host", this_host()}, {"pid", getpid()}}.dump();
  }

  template <class Work>
  void with_table(Work work) {
    {
      const std::lock_guard guard(mutex);
      work(table);
    }
    changed();
  }

  void list();
  void listed(const net::EtcdRows& owners, const net::EtcdRows& controllers);
  void watch(std::int64_t from);
  void hear(std::span<const net::EtcdEvent> events);
  void look();
  void keep_lease();
  void granted(const Expected<net::EtcdLease>& lease, Instant asked);
  void kept(const Expected<Duration>& left, Instant asked);
  void register_ourselves();
  void take_steps();
  void take(const std::string& cluster);
  void take_after(const std::string& cluster, const TenureRow& before, std::int64_t read_at);
  void give_back(const OwnerStep& step);
  void said(const Problem& why);

  net::Loop& loop;
  const Clock& clock;
  const EtcdOwnersOptions options;
  const std::string life, base;
  std::string url;
  net::EtcdClient client;
  mutable std::mutex mutex;  // of the table: the control thread asks, too
  OwnerTable table;
  std::function<void()> changed = [] {};
  net::Loop::TimerId timer = 0;
  net::EtcdClient::WatchId watching = 0;
  std::int64_t lease = 0;  // 0: none
  bool is_asking_lease = false, is_registered = false, is_registering = false, is_leaving = false;
  bool is_away = false, was_in_time = false, is_listed = false;
  Instant asked_at{};
  std::set<std::string> busy;  // clusters of which something is under way
};

// The sentence once for each time that etcd is away.
void EtcdOwners::State::said(const Problem& why) {
  if (is_away || is_leaving) return;
  is_away = true;
  options.say(fmt::format(
      "owners: {}; until it answers, clusters are as they are: nothing is launched or stopped",
      why.what));
}

void EtcdOwners::State::list() {
  client.range(net::etcd_prefix(base + "owners/"), [this](Expected<net::EtcdRows> owners) {
    const auto later = [this](const Problem& why) {
      said(why);
      loop.after(500ms, [this] { list(); });
    };
    if (!owners) return later(owners.error());
    // As of the same moment, so that the watch goes on from both.
    net::EtcdRange controllers = net::etcd_prefix(base + "controllers/");
    controllers.revision = owners->revision;
    client.range(controllers, [this, later, owners = *owners](Expected<net::EtcdRows> rows) {
      if (!rows) return later(rows.error());
      listed(owners, *rows);
    });
  });
}

void EtcdOwners::State::listed(const net::EtcdRows& owners, const net::EtcdRows& controllers) {
  std::map<std::string, OwnerRow, std::less<>> owner_rows;
  std::map<std::string, std::string, std::less<>> urls;
  for (const net::EtcdRow& row : owners.rows)
    owner_rows[row.key.substr(owner_key("").size())] = owner_of(row);
  for (const net::EtcdRow& row : controllers.rows) {
    const std::string name = row.key.substr((base + "controllers/").size());
    urls[name] = text_of(object_of(row.value), "url");
  }
  is_listed = true;
  with_table([&](OwnerTable& all) {
    all.know(std::move(owner_rows), std::move(urls), owners.revision, now());
  });
  watch(owners.revision + 1);
  look();
}

void EtcdOwners::State::watch(std::int64_t from) {
  watching = client.watch(
      {.prefix = base,
       .from = from,
       .news = [this](std::int64_t, std::span<const net::EtcdEvent> events) { hear(events); },
       .compacted =
           [this] {
             watching = 0;
             loop.post([this] { list(); });
           }});
}

void EtcdOwners::State::hear(std::span<const net::EtcdEvent> events) {
  const std::string owners = owner_key(""), controllers = base + "controllers/";
  bool is_ours = false;
  {
    const std::lock_guard guard(mutex);
    for (const net::EtcdEvent& event : events) {
      const std::string& key = event.row.key;
      if (key.starts_with(owners)) {
        is_ours = true;
        table.know_owner(key.substr(owners.size()),
                         event.is_delete ? std::nullopt : std::optional(owner_of(event.row)),
                         event.row.mod_revision, now());
      } else if (key.starts_with(controllers)) {
        is_ours = true;
        table.know_controller(key.substr(controllers.size()),
                              event.is_delete
                                  ? std::nullopt
                                  : std::optional(text_of(object_of(event.row.value), "url")),
                              now());
      }
    }
  }
  if (!is_ours) return;  // the registry's own rows
  changed();
  look();
}

void EtcdOwners::State::look() {
  if (is_leaving || !is_listed) return;
  keep_lease();
  if (lease && !is_registered) register_ourselves();
  const bool is_in_time = now() < table.end();
  if (was_in_time && !is_in_time) changed();
  was_in_time = is_in_time;
  if (is_in_time && is_registered) take_steps();
}

void EtcdOwners::State::keep_lease() {
  const Instant asked = now();
  if (is_asking_lease || (lease && asked - asked_at < options.ttl / 3)) return;
  is_asking_lease = true;
  asked_at = asked;
  if (!lease)
    client.grant(
        options.ttl,
        [this, asked](Expected<net::EtcdLease> granted_lease) { granted(granted_lease, asked); },
        options.ttl);
  else
    client.keep_alive(
        lease, [this, asked](Expected<Duration> left) { kept(left, asked); }, options.ttl / 2);
}

void EtcdOwners::State::granted(const Expected<net::EtcdLease>& given, Instant asked) {
  is_asking_lease = false;
  if (!given) return said(given.error());
  lease = given->id;
  is_registered = false;
  // etcd may give more than was asked for; others wait for that long.
  with_table([&](OwnerTable& all) { all.act_until(asked + std::min(given->ttl, options.ttl)); });
  look();
}

void EtcdOwners::State::kept(const Expected<Duration>& left, Instant asked) {
  is_asking_lease = false;
  if (left) {
    if (std::exchange(is_away, false)) options.say("owners: etcd answers again");
    return with_table(
        [&](OwnerTable& all) { all.act_until(asked + std::min(*left, options.ttl)); });
  }
  if (left.error().kind != Problem::Kind::not_found) return said(left.error());
  lease = 0;
  is_registered = false;
  with_table([&](OwnerTable& all) { all.lost_lease(); });
  keep_lease();
}

void EtcdOwners::State::register_ourselves() {
  if (std::exchange(is_registering, true)) return;
  net::EtcdTxn txn;
  txn.puts = {{.key = own_key(), .value = own_row(), .lease = lease}};
  client.txn(txn, [this, with = lease](Expected<net::EtcdTxnAnswer> done) {
    is_registering = false;
    if (!done) return said(done.error());
    if (std::exchange(is_away, false)) options.say("owners: etcd answers again");
    is_registered = lease == with;
    look();
  });
}

void EtcdOwners::State::take_steps() {
  std::vector<OwnerStep> steps;
  {
    const std::lock_guard guard(mutex);
    steps = table.steps(now());
  }
  for (const OwnerStep& step : steps) {
    if (!busy.insert(step.cluster).second) continue;
    step.kind == OwnerStep::Kind::take ? take(step.cluster) : give_back(step);
  }
}

void EtcdOwners::State::take(const std::string& cluster) {
  client.range({.key = tenure_key(cluster)}, [this, cluster](Expected<net::EtcdRows> rows) {
    if (!rows) return busy.erase(cluster), said(rows.error());
    if (rows->rows.empty()) return take_after(cluster, {}, 0);
    take_after(cluster, tenure_of(rows->rows[0]), rows->rows[0].mod_revision);
  });
}

void EtcdOwners::State::take_after(const std::string& cluster, const TenureRow& before,
                                   std::int64_t read_at) {
  TenureRow tenure;
  {
    const std::lock_guard guard(mutex);
    tenure = table.tenure_after(before);
  }
  using What = net::EtcdCompare::What;
  net::EtcdTxn txn;
  txn.compares = {{.key = owner_key(cluster), .what = What::create_revision, .equals = 0},
                  {.key = tenure_key(cluster), .what = What::mod_revision, .equals = read_at}};
  txn.puts = {{.key = owner_key(cluster),
               .value = json{{"controller", options.name}, {"url", url}, {"life", life}}.dump(),
               .lease = lease},
              {.key = tenure_key(cluster),
               .value = json{{"controller", tenure.controller},
                             {"life", tenure.life},
                             {"tenure", tenure.tenure},
                             {"inherited", tenure.is_inherited}}
                            .dump()}};
  txn.otherwise = {{.key = owner_key(cluster)}, {.key = tenure_key(cluster)}};
  client.txn(txn, [this, cluster, tenure, with = lease](Expected<net::EtcdTxnAnswer> done) {
    busy.erase(cluster);
    if (!done) return said(done.error());
    OwnerRow row{.controller = options.name, .url = url, .life = life, .fence = done->revision};
    TenureRow taken = tenure;
    if (!done->has_succeeded) {
      // Somebody was faster; or it was us, and the answer was lost.
      const bool has_both = done->otherwise.size() == 2 && !done->otherwise[0].rows.empty() &&
                            !done->otherwise[1].rows.empty();
      if (!has_both || done->otherwise[0].rows[0].lease != with) return;
      row = owner_of(done->otherwise[0].rows[0]);
      taken = tenure_of(done->otherwise[1].rows[0]);
    }
    if (with != lease) return;  // lost meanwhile, and the key with it
    with_table([&](OwnerTable& all) { all.took(cluster, row, taken); });
  });
}

void EtcdOwners::State::give_back(const OwnerStep& step) {
  with_table([&](OwnerTable& all) { all.gives_back(step.cluster); });
  options.say(fmt::format("{} goes back to {}", step.cluster, step.to));
  net::EtcdTxn txn;
  txn.compares = {{.key = owner_key(step.cluster), .equals = step.fence}};
  txn.deletes = {{.key = owner_key(step.cluster)}};
  client.txn(txn, [this, step](Expected<net::EtcdTxnAnswer> done) {
    if (done) return void(busy.erase(step.cluster));
    said(done.error());
    loop.after(500ms, [this, step] { give_back(step); });
  });
}

Expected<void> name_is_free(const net::EtcdOptions& etcd, const EtcdOwnersOptions& options) {
  net::Loop loop;
  net::SystemClock clock;
  net::EtcdClient client(loop, etcd);
  const Instant until = clock.now() + options.ttl + 2s;
  Expected<void> answer;
  const auto end = [&](Expected<void> with) { answer = std::move(with), loop.stop(); };
  std::function<void()> ask = [&] {
    client.range(
        {.key = fmt::format("{}controllers/{}", etcd_root(options.stack), options.name)},
        [&](Expected<net::EtcdRows> rows) {
          if (!rows) return end(std::unexpected(rows.error()));
          if (rows->rows.empty()) return end({});
          const net::EtcdRow& row = rows->rows[0];
          const json object = object_of(row.value);
          if (is_dead_here(object))
            return void(client.revoke(row.lease, [&](Expected<void> done) { end(done); }));
          if (clock.now() < until) return void(loop.after(200ms, ask));
          end(problem(Problem::Kind::conflict,
                      fmt::format("a controller named {} runs {} already, at {}: give this one "
                                  "another name with --controller",
                                  options.name, options.stack, text_of(object, "url"))));
        });
  };
  ask();
  loop.run();
  return answer;
}

EtcdOwners::EtcdOwners(net::Loop& loop, const Clock& clock, net::EtcdOptions etcd,
                       EtcdOwnersOptions options)
    : state_(std::make_unique<State>(loop, clock, std::move(etcd), std::move(options))) {}

EtcdOwners::~EtcdOwners() {
  if (state_->timer) state_->loop.cancel(state_->timer);
}

void EtcdOwners::begin(const std::string& url, std::function<void()> changed) {
  State& state = *state_;
  state.url = url;
  state.table.is_at(url);
  state.changed = std::move(changed);
  state.timer = state.loop.every(look_every, [&state] { state.look(); });
  state.list();
}

void EtcdOwners::leave(std::function<void()> done) {
  State& state = *state_;
  state.is_leaving = true;
  state.with_table([](OwnerTable& all) { all.lost_lease(); });
  if (!state.lease) return state.loop.post(std::move(done));
  state.client.revoke(state.lease, [done = std::move(done)](const Expected<void>&) { done(); }, 1s);
}

void EtcdOwners::want(std::vector<std::string> clusters) {
  State& state = *state_;
  std::vector<OwnerTable::Wanted> wanted;
  for (std::string& cluster : clusters) {
    const auto prefers = state.options.prefers.find(cluster);
    wanted.push_back(
        {std::move(cluster), prefers == state.options.prefers.end() ? "" : prefers->second});
  }
  const std::lock_guard guard(state.mutex);
  state.table.want(std::move(wanted));
}

std::vector<std::string> EtcdOwners::wanted() const {
  const std::lock_guard guard(state_->mutex);
  std::vector<std::string> names;
  for (const OwnerTable::Wanted& each : state_->table.wanted()) names.push_back(each.cluster);
  return names;
}

Ownership EtcdOwners::of(std::string_view cluster) const {
  const std::lock_guard guard(state_->mutex);
  return state_->table.of(cluster, state_->now());
}

std::optional<std::int64_t> EtcdOwners::fence(std::string_view cluster) const {
  const std::lock_guard guard(state_->mutex);
  return state_->table.fence(cluster, state_->now());
}

std::vector<Controller> EtcdOwners::others() const {
  const std::lock_guard guard(state_->mutex);
  return state_->table.others();
}

}  // namespace utakata

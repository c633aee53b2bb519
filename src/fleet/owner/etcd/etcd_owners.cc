#include "fleet/owner/etcd/etcd_owners.h"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fleet/model/etcd_root.h"
#include "fleet/owner/owning.h"
#include "net/secret.h"

namespace utakata {
namespace {

using nlohmann::json;

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

// The rows in etcd.
class EtcdRegistry final : public Registry {
 public:
  EtcdRegistry(net::Loop& loop, net::EtcdOptions etcd, const EtcdOwnersOptions& options,
               std::string life)
      : options_(options),
        life_(std::move(life)),
        base_(etcd_root(options.stack)),
        client_(loop, std::move(etcd)) {}

  void list(Done<All> done) override;
  void watch(std::int64_t as_of, std::function<void(std::span<const News>)> news,
             std::function<void()> lost) override;
  void grant(Duration ttl, Done<Lease> done) override;
  void keep(std::int64_t lease, Duration within, Done<Duration> done) override {
    client_.keep_alive(lease, std::move(done), within);
  }
  void revoke(std::int64_t lease, Duration within, Done<void> done) override {
    client_.revoke(lease, std::move(done), within);
  }
  void sign_in(std::int64_t lease, const std::string& url, Done<void> done) override;
  void read_tenure(const std::string& cluster, Done<Tenure> done) override;
  void take(const Taking& taking, Done<Taken> done) override;
  void give_up(const std::string& cluster, std::int64_t fence, Done<void> done) override;

 private:
  std::string owner_key(const std::string& cluster) const {
    return etcd_owner_key(options_.stack, cluster);
  }
  std::string tenure_key(const std::string& cluster) const { return base_ + "tenures/" + cluster; }
  std::string controllers_key() const { return base_ + "controllers/"; }
  std::optional<News> news_of(const net::EtcdEvent& event) const;
  All all_of(const net::EtcdRows& owners, const net::EtcdRows& controllers) const;

  const EtcdOwnersOptions& options_;
  const std::string life_, base_;
  net::EtcdClient client_;
};

void EtcdRegistry::list(Done<All> done) {
  client_.range(net::etcd_prefix(base_ + "owners/"), [this, done](Expected<net::EtcdRows> owners) {
    if (!owners) return done(std::unexpected(owners.error()));
    // As of the same moment, so that the watch goes on from both.
    net::EtcdRange controllers = net::etcd_prefix(controllers_key());
    controllers.revision = owners->revision;
    client_.range(controllers, [this, done, owners = *owners](Expected<net::EtcdRows> rows) {
      if (!rows) return done(std::unexpected(rows.error()));
      done(all_of(owners, *rows));
    });
  });
}

Registry::All EtcdRegistry::all_of(const net::EtcdRows& owners,
                                   const net::EtcdRows& controllers) const {
  All all{.owners = {}, .url_of_controller = {}, .as_of = owners.revision};
  for (const net::EtcdRow& row : owners.rows)
    all.owners[row.key.substr(owner_key("").size())] = owner_of(row);
  for (const net::EtcdRow& row : controllers.rows)
    all.url_of_controller[row.key.substr(controllers_key().size())] =
        text_of(object_of(row.value), "url");
  return all;
}

void EtcdRegistry::watch(std::int64_t as_of, std::function<void(std::span<const News>)> news,
                         std::function<void()> lost) {
  client_.watch({.prefix = base_,
                 .from = as_of + 1,
                 .news =
                     [this, news](std::int64_t, std::span<const net::EtcdEvent> events) {
                       std::vector<News> all;
                       for (const net::EtcdEvent& event : events)
                         if (auto one = news_of(event)) all.push_back(std::move(*one));
                       if (!all.empty()) news(all);
                     },
                 .compacted = std::move(lost)});
}

// None: it is a row of the store's, or of a tenure.
std::optional<Registry::News> EtcdRegistry::news_of(const net::EtcdEvent& event) const {
  const std::string &key = event.row.key, owners = owner_key(""), controllers = controllers_key();
  News news{.cluster = {}, .controller = {}, .as_of = event.row.mod_revision};
  if (key.starts_with(owners)) {
    news.cluster = key.substr(owners.size());
    if (!event.is_delete) news.owner = owner_of(event.row);
  } else if (key.starts_with(controllers)) {
    news.controller = key.substr(controllers.size());
    if (!event.is_delete) news.url = text_of(object_of(event.row.value), "url");
  } else {
    return std::nullopt;
  }
  return news;
}

void EtcdRegistry::grant(Duration ttl, Done<Lease> done) {
  client_.grant(
      ttl,
      [done = std::move(done)](Expected<net::EtcdLease> given) {
        if (!given) return done(std::unexpected(given.error()));
        done(Lease{.id = given->id, .ttl = given->ttl});
      },
      ttl);
}

void EtcdRegistry::sign_in(std::int64_t lease, const std::string& url, Done<void> done) {
  const json row{{"url", url}, {"life", life_}, {"host", this_host()}, {"pid", getpid()}};
  net::EtcdTxn txn;
  txn.puts = {{.key = controllers_key() + options_.name, .value = row.dump(), .lease = lease}};
  client_.txn(txn, [done = std::move(done)](const Expected<net::EtcdTxnAnswer>& answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done({});
  });
}

void EtcdRegistry::read_tenure(const std::string& cluster, Done<Tenure> done) {
  client_.range({.key = tenure_key(cluster)},
                [done = std::move(done)](const Expected<net::EtcdRows>& rows) {
                  if (!rows) return done(std::unexpected(rows.error()));
                  if (rows->rows.empty()) return done(Tenure{});
                  const net::EtcdRow& row = rows->rows[0];
                  done(Tenure{.row = tenure_of(row), .read_at = row.mod_revision});
                });
}

void EtcdRegistry::take(const Taking& taking, Done<Taken> done) {
  using What = net::EtcdCompare::What;
  const std::string owner = owner_key(taking.cluster), tenure = tenure_key(taking.cluster);
  net::EtcdTxn txn;
  txn.compares = {{.key = owner, .what = What::create_revision, .equals = 0},
                  {.key = tenure, .what = What::mod_revision, .equals = taking.read_at}};
  txn.puts = {{.key = owner,
               .value = json{{"controller", taking.owner.controller},
                             {"url", taking.owner.url},
                             {"life", taking.owner.life}}
                            .dump(),
               .lease = taking.lease},
              {.key = tenure,
               .value = json{{"controller", taking.tenure.controller},
                             {"life", taking.tenure.life},
                             {"tenure", taking.tenure.tenure},
                             {"inherited", taking.tenure.is_inherited}}
                            .dump()}};
  txn.otherwise = {{.key = owner}, {.key = tenure}};
  client_.txn(txn, [done = std::move(done)](const Expected<net::EtcdTxnAnswer>& answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    Taken taken{.has_succeeded = answer->has_succeeded, .fence = answer->revision};
    const bool has_both = answer->otherwise.size() == 2 && !answer->otherwise[0].rows.empty() &&
                          !answer->otherwise[1].rows.empty();
    if (!taken.has_succeeded && has_both) {
      taken.owner = owner_of(answer->otherwise[0].rows[0]);
      taken.lease = answer->otherwise[0].rows[0].lease;
      taken.tenure = tenure_of(answer->otherwise[1].rows[0]);
    }
    done(taken);
  });
}

void EtcdRegistry::give_up(const std::string& cluster, std::int64_t fence, Done<void> done) {
  net::EtcdTxn txn;
  txn.compares = {{.key = owner_key(cluster), .equals = fence}};
  txn.deletes = {{.key = owner_key(cluster)}};
  client_.txn(txn, [done = std::move(done)](const Expected<net::EtcdTxnAnswer>& answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done({});
  });
}

Owning::Options owning_options(const EtcdOwnersOptions& options, std::string life) {
  return {.name = options.name,
          .life = std::move(life),
          .ttl = options.ttl,
          .give_back_after = options.give_back_after,
          .prefers = options.prefers,
          .say = options.say};
}

}  // namespace

struct EtcdOwners::State {
  State(net::Loop& the_loop, const Clock& clock, net::EtcdOptions etcd,
        EtcdOwnersOptions the_options)
      : loop(the_loop),
        options(std::move(the_options)),
        life(net::random_token(12)),
        owning(
            clock, registry,
            [this](Duration wait, std::function<void()> work) {
              wait > Duration{0} ? void(loop.after(wait, std::move(work)))
                                 : loop.post(std::move(work));
            },
            owning_options(options, life)),
        registry(loop, std::move(etcd), options, life) {}

  net::Loop& loop;
  const EtcdOwnersOptions options;
  const std::string life;
  Owning owning;
  EtcdRegistry registry;  // its calls end with it, before `owning` does
  net::Loop::TimerId timer = 0;
};

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
  state_->timer = state_->loop.every(Owning::look_every, [this] { state_->owning.look(); });
  state_->owning.begin(url, std::move(changed));
}

void EtcdOwners::leave(std::function<void()> done) { state_->owning.leave(std::move(done)); }

void EtcdOwners::want(std::vector<std::string> clusters) {
  state_->owning.want(std::move(clusters));
}

std::vector<std::string> EtcdOwners::wanted() const { return state_->owning.wanted(); }

Ownership EtcdOwners::of(std::string_view cluster) const { return state_->owning.of(cluster); }

std::optional<std::int64_t> EtcdOwners::fence(std::string_view cluster) const {
  return state_->owning.fence(cluster);
}

std::vector<Controller> EtcdOwners::others() const { return state_->owning.others(); }

}  // namespace utakata

#include "cli/controller.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "base/text.h"
#include "cli/container_options.h"
#include "cli/live.h"
#include "cli/probes.h"
#include "cli/running.h"
#include "fleet/api/api.h"
#include "fleet/control/control.h"
#include "fleet/control/teller/http_teller.h"
#include "fleet/owner/etcd/etcd_owners.h"
#include "fleet/provider/observe/observe_provider.h"
#include "fleet/provider/process/process_provider.h"
#include "fleet/publish/haproxy/haproxy_view.h"
#include "fleet/publish/redis/redis_view.h"
#include "fleet/stack/stack_file.h"
#include "fleet/store/etcd/etcd_store.h"
#include "fleet/store/sqlite/sqlite_store.h"
#include "fleet/verify/process/process_verifier.h"
#include "net/curl/http_client.h"
#include "net/loop.h"
#include "net/secret.h"
#include "net/tls.h"
#include "wire/digest.h"
#include "zones/zones.h"

namespace utakata {
namespace {

int cannot_start(const std::string& what) {
  fmt::print(stderr, "utakata: {}\n", what);
  return 2;
}

// Who wrote such a handle. None: it was not yet told.
std::optional<ProviderKind> kind_of(std::string_view handle) {
  if (handle.empty()) return std::nullopt;
  if (handle.starts_with("pid ")) return ProviderKind::process;
  if (handle.starts_with("docker ")) return ProviderKind::docker;
  if (handle.starts_with("swarm ")) return ProviderKind::swarm;
  return ProviderKind::observe;
}

std::string setting(const Saved& saved, std::string_view name) {
  for (const auto& [key, text] : saved.settings)
    if (key == name) return text;
  return {};
}

// Kept secrets of a store: the admin token's hash, and what instances' own tokens are made of.
struct Secrets {
  std::string admin_token;  // in clear only in the running file, which its owner alone can read
  std::string admin_hash;
  std::string seed;
};

Expected<Secrets> secrets_of(Store& store, const Saved& saved, const ControllerOptions& options) {
  const std::string hash_name =
      options.name.empty() ? "admin_token_hash" : "admin_token_hash/" + options.name;
  Secrets s{.admin_token = {}, .admin_hash = setting(saved, hash_name), .seed = {}};
  auto seed = store.keep("seed", net::random_token(32));
  if (!seed) return std::unexpected(seed.error());
  s.seed = std::move(*seed);
  // A former life that was killed left its running file: its token goes on, scripts that hold it
  // too.
  if (const auto former = read_running(options.stack.name, options.name);
      former && wire::sha256_hex(former->token) == s.admin_hash)
    s.admin_token = former->token;
  if (s.admin_token.empty()) {
    s.admin_token = net::random_token(24);
    s.admin_hash = wire::sha256_hex(s.admin_token);
    if (auto kept = store.set(hash_name, s.admin_hash); !kept) return std::unexpected(kept.error());
  }
  return s;
}

// Everything of one controller, made in order and handed to one another.
class Parts final : public FleetAccess {
 public:
  explicit Parts(ControllerOptions options)
      : options_(std::move(options)), live_(options_.is_detached) {}

  int run() {
    if (const int code = open(); code) return code;
    if (options_.on_started) options_.on_started();
    if (owners_) begin_owning();
    std::thread control_thread([this] { control_loop_.run(); });
    api_loop_.run();
    control_loop_.stop();
    control_thread.join();
    std::error_code ignored;
    if (went_down_) {
      // While instances live on, the file stays as a killed controller's does: the admin token that
      // scripts hold is good in the next life too.
      remove_running(options_.stack.name, options_.name);
      std::filesystem::remove(seats_path(), ignored);
    }
    live_.finish(went_down_);
    return 0;
  }

  // FleetAccess: over to the control loop and back.
  void ask(AdminCall call, std::function<void(Expected<std::string>)> answer) override {
    control_loop_.post([this, call = std::move(call), answer = std::move(answer)] {
      control_->ask(call, [this, answer](Expected<std::string> heard) {
        auto result = std::make_shared<Expected<std::string>>(std::move(heard));
        api_loop_.post([answer, result] { answer(std::move(*result)); });
      });
    });
  }

 private:
  std::string run_folder() const { return options_.stack.store + ".run"; }
  // What a controller has for itself.
  std::string store_path() const {
    return options_.stack.store + (options_.name.empty() ? "" : "@" + options_.name);
  }
  std::string seats_path() const { return store_path() + ".seats"; }

  int open() {
    Stack& stack = options_.stack;
    std::error_code made;
    std::filesystem::create_directories(std::filesystem::path(stack.store).parent_path(), made);
    const bool is_shared = !stack.etcd.endpoints.empty();
    if (const int code = is_shared ? open_owners() : 0) return code;
    auto store = open_sqlite(store_path());
    if (!store) return cannot_start(store.error().what);
    store_ = std::move(*store);
    if (const int code = is_shared ? open_shared_store() : 0) return code;
    auto saved = store_->load();
    if (!saved) return cannot_start(saved.error().what);
    auto secrets = secrets_of(*store_, *saved, options_);
    if (!secrets) return cannot_start(secrets.error().what);
    secrets_ = std::move(*secrets);
    if (!options_.text.empty()) (void)store_->set("stack_file", options_.text);
    if (const int code = open_api(*saved); code) return code;
    if (const int code = open_control(*saved); code) return code;
    open_publish(*saved);
    watch_signals();
    return 0;
  }

  net::EtcdOptions etcd_options() const;
  int open_owners();
  int open_shared_store();
  void begin_owning();
  void end();
  void leave_once_heard(Instant until);
  int open_api(const Saved& saved);
  int open_control(const Saved& saved);
  int open_provider(const Saved& saved);
  void open_docker(const Saved& saved);
  void open_swarm(const Saved& saved);
  bool is_ours(const std::string& instance) const {
    return !owners_ || (control_ && control_->acts_for({instance}));
  }
  void open_publish(const Saved& saved);
  ControlParts control_parts(const Saved& saved);
  void watch_signals();
  void go_down(bool now);

  std::string token_of(const InstanceId& id) const {
    return wire::sha256_hex(secrets_.seed + "\n" + id.text + "\n" + secrets_.seed).substr(0, 40);
  }

  // Of the names of placements, which each of the stack's controllers must be able to read.
  std::optional<PlaceSecret> place_secret() const {
    if (!owners_) return std::nullopt;
    const auto half = [this](const char* which) {
      return siphash({}, wire::sha256_hex(secrets_.seed + which + secrets_.seed));
    };
    return PlaceSecret{.low = half("\nplaces\n"), .high = half("\nplaces 2\n")};
  }
  // By which the stack's controllers know one another.
  std::string peer_token() const {
    return wire::sha256_hex(secrets_.seed + "\ncontroller\n" + secrets_.seed).substr(0, 40);
  }

  ControllerOptions options_;
  Live live_;
  net::SystemClock clock_;
  Secrets secrets_;
  std::unique_ptr<Store> local_store_;  // observations, where the rest is in etcd
  std::unique_ptr<Store> store_;
  // The placing side, on the main thread.
  net::Loop api_loop_;
  std::unique_ptr<EtcdOwners> owners_;  // none: no other controller
  std::unique_ptr<Api> api_;
  std::string api_url_;
  // The other side, on a thread of its own.
  net::Loop control_loop_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<HttpTeller> teller_;
  std::unique_ptr<ProcessVerifier> verifier_;
  std::unique_ptr<Provider> provider_;
  ProcessProvider* processes_ = nullptr;  // the same, where it launches them
  DockerProvider* containers_ = nullptr;  // likewise
  std::unique_ptr<Probes> probes_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<RedisView> redis_view_;
  std::unique_ptr<HaproxyView> haproxy_view_;
  int interrupts_ = 0;
  std::atomic<bool> went_down_ = false;
};

net::EtcdOptions Parts::etcd_options() const {
  const EtcdSpec& etcd = options_.stack.etcd;
  return {.endpoints = etcd.endpoints,
          .ca_file = etcd.ca,
          .certificate_file = etcd.certificate,
          .key_file = etcd.key};
}

int Parts::open_owners() {
  const EtcdSpec& etcd = options_.stack.etcd;
  EtcdOwnersOptions options{.stack = options_.stack.name,
                            .name = options_.name,
                            .ttl = etcd.lease,
                            .give_back_after = etcd.give_back};
  for (const ClusterSpec& spec : options_.stack.clusters)
    if (!spec.owner.empty()) options.prefers[spec.name] = spec.owner;
  options.say = [this](const std::string& what) { live_.problem(what); };
  if (const auto free = name_is_free(etcd_options(), options); !free)
    return cannot_start(free.error().what);
  owners_ = std::make_unique<EtcdOwners>(api_loop_, clock_, etcd_options(), std::move(options));
  return 0;
}

int Parts::open_shared_store() {
  local_store_ = std::move(store_);
  net::EtcdOptions etcd = etcd_options();
  etcd.deadline = 2s;  // the control loop waits for it: no longer than a tick may be late
  auto store = utakata::open_etcd(
      {.etcd = etcd, .stack = options_.stack.name, .controller = options_.name}, *local_store_,
      [this](std::string_view cluster) { return owners_->fence(cluster); });
  if (!store) return cannot_start(store.error().what);
  store_ = std::move(*store);
  return 0;
}

void Parts::begin_owning() {
  owners_->begin(api_url_, [this] {
    api_->turn();
    control_loop_.post([this] { control_->turn(); });
  });
}

// Others need not wait until our time is over.
void Parts::end() {
  if (!owners_) return api_loop_.stop();
  api_loop_.post([this] { leave_once_heard(clock_.now() + 3s); });
}

// Another that has only just begun may not have heard yet what was given here.
void Parts::leave_once_heard(Instant until) {
  if (!api_->is_heard() && clock_.now() < until)
    return void(api_loop_.after(50ms, [this, until] { leave_once_heard(until); }));
  owners_->leave([this] { api_loop_.stop(); });
}

int Parts::open_api(const Saved& saved) {
  const Stack& stack = options_.stack;
  if (const std::string& ca = stack.api.ca; !ca.empty())
    if (const auto trust = net::TlsDialler::open({.ca_file = ca}); !trust)
      return cannot_start(fmt::format("`ca` of `api`: {}", trust.error().what));
  api_ = std::make_unique<Api>(api_loop_, *this,
                               ApiOptions{.stack = stack.name,
                                          .api = stack.api,
                                          .admin_token_hash = secrets_.admin_hash,
                                          .place_token_hash = setting(saved, "place_token_hash"),
                                          .seats_path = seats_path(),
                                          .owners = owners_.get(),
                                          .peer_token = owners_ ? peer_token() : "",
                                          .place_secret = place_secret()});
  api_->on_report([this](SeatReport report) {
    control_loop_.post(
        [this, report = std::move(report)]() mutable { control_->take(std::move(report)); });
  });
  api_->on_notice([this](const std::string& what) { live_.problem(what); });
  const auto port = api_->listen();
  if (!port) return cannot_start(port.error().what);
  const bool is_tls = !stack.api.certificate.empty();
  const std::string host = stack.api.listen.host == "0.0.0.0" || stack.api.listen.host == "::"
                               ? stack.api.advertise
                               : stack.api.listen.host;
  api_url_ = fmt::format("{}://{}:{}", is_tls ? "https" : "http", host, *port);
  if (const auto written = write_running({.stack = stack.name,
                                          .controller = options_.name,
                                          .url = api_url_,
                                          .token = secrets_.admin_token,
                                          .pid = getpid(),
                                          .store = store_path(),
                                          .run_folder = run_folder(),
                                          .certificate = stack.api.certificate,
                                          .engine = stack.docker.engine});
      !written)
    return cannot_start(written.error().what);
  live_.started(stack.name, api_url_);
  return 0;
}

int Parts::open_control(const Saved& saved) {
  client_ = std::make_unique<net::HttpClient>(control_loop_);
  teller_ = std::make_unique<HttpTeller>(*client_);
  verifier_ = std::make_unique<ProcessVerifier>(control_loop_, options_.stack.folder);
  if (const int code = open_provider(saved)) return code;
  probes_ = std::make_unique<Probes>(control_loop_, clock_, *client_, options_.stack,
                                     options_.stack.docker.publishes ? containers_ : nullptr);
  control_ = std::make_unique<Control>(control_parts(saved), options_.stack);
  control_loop_.post([this, saved] {
    if (const auto started = control_->start(saved); !started) live_.problem(started.error().what);
    std::vector<InstanceId> known;
    for (const InstanceRow& row : saved.instances) known.push_back(row.instance.id);
    // Others launch, too, and may do so right now.
    if (!processes_ || owners_) return;
    for (const auto& stranger : processes_->sweep_unknown(known))
      live_.problem(
          fmt::format("killed {} ({}): it carried this store's mark, but no record names it",
                      stranger.instance, stranger.handle));
  });
  return 0;
}

void Parts::open_docker(const Saved& saved) {
  auto docker = docker_options(options_.stack, options_.file, run_folder());
  docker.fleet_id = saved.fleet_id;
  docker.say = [this](std::string_view what) { live_.problem(std::string(what)); };
  docker.is_ours = [this](const std::string& instance) { return is_ours(instance); };
  auto containers = std::make_unique<DockerProvider>(control_loop_, clock_, std::move(docker));
  containers_ = containers.get();
  provider_ = std::move(containers);
}

void Parts::open_swarm(const Saved& saved) {
  auto swarm = swarm_options(options_.stack, options_.file, run_folder());
  swarm.fleet_id = saved.fleet_id;
  swarm.say = [this](std::string_view what) { live_.problem(std::string(what)); };
  swarm.is_ours = [this](const std::string& instance) { return is_ours(instance); };
  provider_ = std::make_unique<SwarmProvider>(control_loop_, clock_, std::move(swarm));
}

// Each kind would take the other's instances for gone.
int Parts::open_provider(const Saved& saved) {
  const Stack& stack = options_.stack;
  const bool observes = stack.provider == ProviderKind::observe;
  for (const InstanceRow& row : saved.instances)
    if (const auto kind = kind_of(row.instance.handle); kind && *kind != stack.provider)
      return cannot_start(fmt::format(
          "{} still has {}, which {}: start it once more with the `provider` of before and take it "
          "down with `utakata down`, or name another `store`",
          stack.store, row.instance.id.text,
          *kind == ProviderKind::observe
              ? "others run (`provider: observe`)"
              : fmt::format("it launched itself (`provider: {}`)", to_text(*kind))));
  if (observes) {
    provider_ = std::make_unique<ObserveProvider>(
        control_loop_, *client_,
        ObserveOptions{.stack = [this]() -> const Stack& { return control_->stack(); },
                       .say = [this](const std::string& what) { live_.problem(what); }});
    return 0;
  }
  if (stack.provider == ProviderKind::docker) {
    open_docker(saved);
    return 0;
  }
  if (stack.provider == ProviderKind::swarm) {
    open_swarm(saved);
    return 0;
  }
  ProcessOptions process;
  process.fleet_id = saved.fleet_id;
  process.run_folder = run_folder();
  process.advertise = stack.api.advertise;
  process.ports_first = stack.api.ports_first;
  process.ports_last = stack.api.ports_last;
  process.say = [this](std::string_view what) { live_.problem(std::string(what)); };
  auto processes = std::make_unique<ProcessProvider>(control_loop_, clock_, std::move(process));
  processes_ = processes.get();
  provider_ = std::move(processes);
  return 0;
}

// Placement's view goes out from the control loop: the other one must not wait for anybody.
void Parts::open_publish(const Saved& saved) {
  const Stack& stack = options_.stack;
  const auto say = [this](const std::string& what) { live_.problem(what); };
  if (!stack.publish.redis.empty())
    redis_view_ = std::make_unique<RedisView>(
        control_loop_,
        RedisViewSettings{.address = wire::redis_address(stack.publish.redis).value(),
                          .stack = stack.name,
                          // A lease may be begun anew by etcd's next leader.
                          .lives = 5s + (owners_ ? 2 * stack.etcd.lease : Duration{0})},
        say);
  if (stack.publish.haproxy)
    haproxy_view_ = std::make_unique<HaproxyView>(
        control_loop_,
        HaproxyViewSettings{
            .haproxy = *stack.publish.haproxy, .stack = stack.name, .mark = saved.fleet_id},
        say);
  if (!redis_view_ && !haproxy_view_) return;
  api_loop_.every(1s, [this] {
    control_loop_.post([this, clusters = api_->published()] {
      if (redis_view_) redis_view_->publish(clusters);
      if (haproxy_view_) haproxy_view_->publish(clusters);
    });
  });
}

ControlParts Parts::control_parts(const Saved&) {
  return {
      .clock = clock_,
      .after = [this](Duration delay,
                      std::function<void()> work) { control_loop_.after(delay, std::move(work)); },
      .provider = *provider_,
      .store = *store_,
      .teller = *teller_,
      .verifier = *verifier_,
      .make_probe = [this](const ClusterSpec& spec) { return probes_->make(spec); },
      .publish =
          [this](std::shared_ptr<const PlacementView> view) {
            api_loop_.post([this, view = std::move(view)] { api_->apply(view); });
          },
      .token_of = [this](const InstanceId& id) { return token_of(id); },
      .hash_of = [](const std::string& token) { return wire::sha256_hex(token); },
      .parse = [this](const std::string& text) -> Expected<Stack> {
        auto parsed = parse_stack({.text = text,
                                   .folder = options_.stack.folder,
                                   .parameters = options_.parameters,
                                   .zone_of = load_zone,
                                   .zone_names = zone_names});
        if (!parsed) return problem(Problem::Kind::invalid, to_text(parsed.error(), "stack file"));
        if (!options_.listen.empty()) parsed->api.listen = options_.stack.api.listen;
        if (auto named = name_images(*parsed, options_.file); !named)
          return std::unexpected(named.error());
        return std::move(*parsed);
      },
      .on_activity = [this](const Activity& a) { live_.activity(a); },
      .on_problem = [this](const std::string& what) { live_.problem(what); },
      .on_down =
          [this] {
            went_down_ = true;
            const auto stop = [this] { end(); };
            haproxy_view_ ? haproxy_view_->leave(2s, stop) : stop();
          },
      .api_url = api_url_,
      .run_folder = run_folder(),
      .give_way = [] { std::this_thread::yield(); },
      .owners = owners_.get()};
}

void Parts::watch_signals() {
  signal(SIGPIPE, SIG_IGN);
  // Every instance has a kept probe connection and a pidfd: take all the descriptors we may have.
  if (rlimit files{}; getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  api_loop_.on_signal(SIGTERM, [this] { end(); });
  api_loop_.on_signal(SIGHUP, [this] { end(); });
  api_loop_.on_signal(SIGINT, [this] {
    if (options_.is_detached) return end();
    go_down(++interrupts_ > 1);
  });
  live_.watch(api_loop_, *this);
}

void Parts::go_down(bool now) {
  live_.problem(now ? "stopping at once"
                    : "draining: every instance stops when its last client has left; Ctrl-C again "
                      "stops at once");
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  down.now = now;
  ask(std::move(down), [this](Expected<std::string> answer) {
    if (!answer) live_.problem(answer.error().what);
  });
}

}  // namespace

int run_controller(ControllerOptions options) { return Parts(std::move(options)).run(); }

}  // namespace utakata

// utakata-realtime: channels for browsers and games. Wires its parts and runs until SIGTERM.
#include <fmt/format.h>

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include "net/loop.h"
#include "net/tcp.h"
#include "realtime/host/host_bus.h"
#include "realtime/host/parent.h"
#include "realtime/redis/redis_bus.h"
#include "realtime/server/server.h"
#include "realtime/tenants/tenants_file.h"
#include "realtime/ticket/ticket_desk.h"
#include "wire/redis_address.h"

namespace {

using namespace utakata;
using realtime::Tenant;

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6001;
  std::vector<std::string> tenants;
  std::string tenants_file;
  std::string redis, redis_prefix = "utakata";
  std::size_t workers = 1;
  std::optional<std::size_t> connections;
  std::optional<std::size_t> worker;  // which of them this is; none: the parent, or the only one
  int link = -1;
  std::string tls_certificate, tls_key;            // none: in the clear
  std::string node_redis, node_key = "socket.io";  // of Node's Socket.IO; empty: there are none
  std::optional<std::uint16_t> tls_port;
  bool takes_client_events = false, has_timelines = false, compresses = false;
  std::string tickets;  // empty: as the environment says
  int client_events_per_second = realtime::TenantSpec{}.client_events_per_second;
  double activity_timeout = 120, stop_within = 5;
  double redis_within = 0;  // 0: it waits for as long as it takes
  double lease = 0;         // seconds; 0: it needs nobody's time until it is lent some
};

// "id:key:secret"; none: it is not that.
std::optional<Tenant> tenant_of(const std::string& text) {
  const auto first = text.find(':'), second = text.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos || first == 0 ||
      second == first + 1 || second + 1 == text.size())
    return std::nullopt;
  Tenant tenant{.spec = {.id = text.substr(0, first), .name = text.substr(0, first)}};
  tenant.spec.key = {text.substr(first + 1, second - first - 1), text.substr(second + 1)};
  return tenant;
}

std::optional<std::vector<Tenant>> tenants_by_hand(const Options& options) {
  std::vector<Tenant> tenants;
  for (const std::string& text : options.tenants) {
    auto tenant = tenant_of(text);
    if (!tenant) {
      fmt::print(stderr, "`--app {}` is not ID:KEY:SECRET.\n", text);
      return std::nullopt;
    }
    tenant->spec.takes_client_events = options.takes_client_events;
    tenant->spec.client_events_per_second = options.client_events_per_second;
    tenant->spec.channels.has_timelines = options.has_timelines;
    tenant->spec.compresses = options.compresses;
    for (const Tenant& other : tenants)
      if (other.spec.id == tenant->spec.id || other.spec.key.key == tenant->spec.key.key) {
        fmt::print(stderr, "`--app {}` has the id or the key of another: each needs its own.\n",
                   text);
        return std::nullopt;
      }
    tenants.push_back(std::move(*tenant));
  }
  return tenants;
}

std::optional<std::string> variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

// None: it says on stderr what is wrong with it.
std::optional<std::vector<Tenant>> tenants_from(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) {
    fmt::print(stderr, "{} cannot be read.\n", file);
    return std::nullopt;
  }
  auto tenants = realtime::parse_tenants(text, variable);
  if (tenants) return std::move(*tenants);
  for (const auto& [line, column, what] : tenants.error())
    fmt::print(stderr, "{}:{}:{}: {}\n", file, line, column, what);
  return std::nullopt;
}

// Nothing: it has said on stderr what is missing.
std::optional<realtime::TicketSettings> tickets_by(const std::string& use) {
  using Use = realtime::TicketSettings::Use;
  const auto api = variable("UTAKATA_URL"), stack = variable("UTAKATA_STACK"),
             cluster = variable("UTAKATA_CLUSTER"), token = variable("UTAKATA_TOKEN");
  const bool is_placed = api && stack && cluster && token;
  if (use == "off" || (use.empty() && !is_placed)) return realtime::TicketSettings{};
  if (is_placed)
    return realtime::TicketSettings{.use = use == "require" ? Use::require : Use::confirm,
                                    .url = realtime::tickets_url(*api, *stack, *cluster),
                                    .token = *token};
  fmt::print(stderr,
             "`--tickets {}` needs UTAKATA_URL, UTAKATA_STACK, UTAKATA_CLUSTER and UTAKATA_TOKEN, "
             "as `utakata up` gives them to its instances.\n",
             use);
  return std::nullopt;
}

// A file that is wrong changes nothing.
class TenantsWatch {
 public:
  TenantsWatch(net::Loop& loop, realtime::Server& server, std::string file)
      : server_(server), file_(std::move(file)), seen_(stamp()) {
    loop.every(1s, [this] {
      if (const auto now = stamp(); now != seen_) seen_ = now, read();
    });
    loop.on_signal(SIGHUP, [this] { read(); });
  }

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;
  Stamp stamp() const {
    std::error_code none;
    return {std::filesystem::last_write_time(file_, none), std::filesystem::file_size(file_, none)};
  }
  void read() {
    auto tenants = tenants_from(file_);
    if (!tenants) return fmt::print(stderr, "{} is left as it was read before.\n", file_);
    server_.respec(std::move(*tenants));
    fmt::print("read {} again\n", file_);
    std::fflush(stdout);
  }
  realtime::Server& server_;
  const std::string file_;
  Stamp seen_;
};

// Everybody is asked to come back, spread over most of the time there is.
void stop_soon(net::Loop& loop, realtime::Server& server, double within) {
  server.drain({.pace = std::max(100.0, double(server.clients()) / (0.7 * within + 0.01))});
  loop.after(from_seconds(within), [&loop] { loop.stop(); });
}

void stop_on(int signal, net::Loop& loop, realtime::Server& server, double within,
             bool& is_stopping) {
  loop.on_signal(signal, [&loop, &server, within, &is_stopping] {
    if (std::exchange(is_stopping, true)) return loop.stop();
    stop_soon(loop, server, within);
  });
}

void add_tls_options(CLI::App& app, Options& options) {
  auto* const certificate = app.add_option(
      "--tls-certificate", options.tls_certificate,
      "a PEM file, the chain from the leaf on: clients come by TLS (wss, https); read "
      "again when it changes");
  auto* const key = app.add_option("--tls-key", options.tls_key, "the PEM file of its key");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--tls-port", options.tls_port,
                 "TLS is at this port, and --port stays in the clear; without it TLS is at --port")
      ->needs(certificate);
}

void add_node_options(CLI::App& app, Options& options) {
  auto* const redis = app.add_option(
      "--node-redis", options.node_redis,
      "redis://[user:password@]host[:port] of Node's Socket.IO servers: it is one of them");
  redis->excludes("--tenants");
  app.add_option("--node-key", options.node_key, "what the `key` of their Redis adapter says")
      ->needs(redis)
      ->capture_default_str();
}

// False: it has said on stderr why not.
bool join_node(const Options& options, std::vector<Tenant>& tenants) {
  if (options.node_redis.empty()) return true;
  const auto address = wire::redis_address(options.node_redis);
  if (!address)
    fmt::print(stderr, "`--node-redis`: {}\n", address.error().what);
  else if (tenants.size() != 1)
    fmt::print(stderr, "`--node-redis` is for one `--app`: a file of tenants has it for each.\n");
  else
    tenants[0].node = {*address, options.node_key};
  return tenants[0].node.has_value();
}

// At one port or two. False: it has said on stderr why not.
bool listen(realtime::Server& server, const Options& options) {
  const bool is_tls = !options.tls_certificate.empty();
  std::string said;
  const auto listens = [&](const Expected<std::uint16_t>& port, std::string_view how) {
    if (port)
      said += fmt::format("listening{} at {}:{}\n", how, options.host, *port);
    else
      fmt::print(stderr, "{}\n", port.error().what);
    return port.has_value();
  };
  const auto say = [](const std::string& sentence) { fmt::print(stderr, "{}\n", sentence); };
  if (is_tls && !listens(server.listen_tls(options.host, options.tls_port.value_or(options.port),
                                           {options.tls_certificate, options.tls_key}, say),
                         " with TLS"))
    return false;
  if ((!is_tls || options.tls_port) && !listens(server.listen(options.host, options.port), ""))
    return false;
  if (options.worker) return true;  // its parent says so, when all do
  fmt::print("{}", said);
  std::fflush(stdout);
  return true;
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--host", options.host, "the address to listen at")->capture_default_str();
  app.add_option("--port", options.port, "its port; 0: any free one")
      ->envname("PORT")
      ->capture_default_str();
  auto* const by_hand =
      app.add_option("--app", options.tenants, "a tenant, ID:KEY:SECRET; may be given again");
  app.add_option("--tenants", options.tenants_file,
                 "a file of tenants; read again when it changes, and by SIGHUP")
      ->excludes(by_hand);
  app.add_flag("--client-events", options.takes_client_events,
               "clients may send events to each other")
      ->needs(by_hand);
  app.add_option("--client-events-per-second", options.client_events_per_second,
                 "how many of them one client may send")
      ->needs(by_hand)
      ->capture_default_str();
  app.add_flag("--timelines", options.has_timelines, "messages are kept for those who come back")
      ->needs(by_hand);
  app.add_flag("--compress", options.compresses, "messages are compressed for clients that can")
      ->needs(by_hand);
  app.add_option("--tickets", options.tickets,
                 "of those who were placed: `confirm` them to the controller, `require` one of "
                 "everybody, or `off`; not given, they are confirmed where there is a controller")
      ->check(CLI::IsMember({"off", "confirm", "require"}));
  app.add_option("--activity-timeout", options.activity_timeout,
                 "who says nothing for so many seconds is asked whether it is there")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  app.add_option("--stop-within", options.stop_within,
                 "seconds from SIGTERM to the end, in which everybody is told to come back")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--lease", options.lease,
                 "it ends after so many seconds unless it is lent more (`PUT /lease`); 0: it needs "
                 "nobody")
      ->envname("UTAKATA_LEASE")
      ->check(CLI::Range(0.0, 86'400.0));
}

void add_worker_options(CLI::App& app, Options& options) {
  auto* const workers = app.add_option("--workers", options.workers,
                                       "processes that share the port and are one server");
  workers->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--connections", options.connections,
                 "how many are expected at a time: as many workers as the limit of open files asks "
                 "for, at least --workers")
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--worker", options.worker)->group("");  // as the parent starts it
  app.add_option("--link", options.link)->group("");
  for (const char* const name : {"--port", "--tls-port", "--workers"})
    app.get_option(name)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// A fifth of the files is left for others than clients, and for an uneven share of them.
std::size_t workers_for(const Options& options) {
  if (!options.connections) return options.workers;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const auto each = std::max<std::size_t>(std::size_t(files.rlim_cur) / 5 * 4, 1);
  return std::clamp<std::size_t>((*options.connections + each - 1) / each, options.workers, 1024);
}

void add_cluster_options(CLI::App& app, Options& options) {
  auto* const redis =
      app.add_option("--redis", options.redis,
                     "redis://HOST:PORT of the servers that are to be one with this one");
  redis->envname("REDIS_URL");
  app.add_option("--redis-within", options.redis_within,
                 "it ends when it could not reach Redis for so many seconds: another one in its "
                 "place may be told another address; 0: it never does")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--redis-prefix", options.redis_prefix,
                 "of its channels and keys; another for each cluster that shares a Redis")
      ->capture_default_str();
}

// Said when it is cut off, and when it is back. `give_up`: once, when that took longer than
// `within`, if that is more than nothing.
class RedisWatch {
 public:
  RedisWatch(net::Loop& loop, const realtime::RedisBus& bus, Duration within,
             std::function<void()> give_up)
      : give_up_(std::move(give_up)) {
    loop.every(1s, [this, &loop, &bus, within] {
      tell(bus);
      // What would not pass by itself is Redis' answer to one word: it is reached.
      if (!bus.trouble() || !bus.trouble()->retry) return away_since_.reset();
      if (!away_since_) away_since_ = loop.turn_time();
      if (within > Duration::zero() && loop.turn_time() - *away_since_ >= within && give_up_)
        std::exchange(give_up_, nullptr)();
    });
  }

 private:
  void tell(const realtime::RedisBus& bus) {
    const std::string now = bus.trouble() ? bus.trouble()->what : "";
    if (now == said_) return;
    fmt::print(stderr, "{}\n", now.empty() ? "Redis is reached again." : "Redis: " + now);
    said_ = now;
  }
  std::function<void()> give_up_;
  std::string said_;
  std::optional<Instant> away_since_;
};

// False: it has said on stderr why not.
bool join_redis(const Options& options, net::Loop& loop, std::optional<realtime::RedisBus>& redis) {
  if (options.redis.empty()) return true;
  auto address = wire::redis_address(options.redis);
  if (!address) {
    fmt::print(stderr, "`--redis`: {}\n", address.error().what);
    return false;
  }
  redis.emplace(loop, realtime::RedisBusSettings{.address = std::move(*address),
                                                 .prefix = options.redis_prefix});
  return true;
}

int run_workers(const Options& options, std::size_t count, int argc, char** argv) {
  const bool is_tls = !options.tls_certificate.empty();
  const bool is_clear = !is_tls || options.tls_port;
  const auto keep = [&](std::uint16_t port) -> std::optional<net::KeptPort> {
    auto kept = net::keep_port(options.host, port);
    if (kept) return std::move(*kept);
    fmt::print(stderr, "{}:{} cannot be had: {}\n", options.host, port, kept.error().what);
    return std::nullopt;
  };
  const auto kept = keep(options.port);
  if (!kept) return 2;
  const auto kept_tls = options.tls_port ? keep(*options.tls_port) : std::nullopt;
  if (options.tls_port && !kept_tls) return 2;
  const std::uint16_t port = kept->port, tls_port = kept_tls ? kept_tls->port : port;
  realtime::ParentSpec spec{
      .workers = count, .argv = {}, .listening = {}, .stop_within = options.stop_within};
  if (is_tls)
    spec.listening += fmt::format("listening with TLS at {}:{}\n", options.host, tls_port);
  if (is_clear) spec.listening += fmt::format("listening at {}:{}\n", options.host, port);
  spec.argv = [&](std::size_t index, int link) {
    std::vector<std::string> words(argv, argv + argc);
    words[0] = "/proc/self/exe";
    for (const auto& [name, value] :
         {std::pair("--port", std::to_string(port)), std::pair("--worker", std::to_string(index)),
          std::pair("--workers", std::to_string(count)), std::pair("--link", std::to_string(link))})
      words.insert(words.end(), {name, value});
    if (options.tls_port) words.insert(words.end(), {"--tls-port", std::to_string(tls_port)});
    return words;
  };
  return realtime::run_parent(spec);
}

int run(const Options& options, realtime::TicketSettings tickets) {
  auto tenants =
      options.tenants_file.empty() ? tenants_by_hand(options) : tenants_from(options.tenants_file);
  if (!tenants || !join_node(options, *tenants)) return 2;
  realtime::ServerSettings settings{.tenants = std::move(*tenants)};
  settings.token = variable("UTAKATA_TOKEN").value_or("");
  settings.tickets = std::move(tickets);
  settings.sockets.silent_after = from_seconds(options.activity_timeout);
  settings.sockets.answer_within =
      std::min<Duration>(settings.sockets.answer_within, settings.sockets.silent_after);
  net::Loop loop;
  realtime::Server* serving = nullptr;
  std::optional<realtime::HostBus> host;
  if (options.worker) {
    host.emplace(loop, net::Descriptor(options.link),
                 realtime::HostBus::HostCalls{
                     .parent_gone = [&loop] { loop.stop(); },
                     .handed_over =
                         [&serving](std::string_view bytes, net::Descriptor socket) {
                           if (serving) serving->adopt(bytes, std::move(socket));
                         },
                     .ordered =
                         [&serving](std::string_view order, realtime::HostBus::Answer answer) {
                           answer(serving ? serving->obey(order) : "{}");
                         }});
    settings.host = {.line = &*host, .index = *options.worker, .workers = options.workers};
    settings.bus = &*host;
  }
  std::optional<realtime::RedisBus> redis;
  if (!join_redis(options, loop, redis)) return 2;
  if (redis) settings.bus = &*redis;
  realtime::Server server(loop, std::move(settings));
  serving = &server;
  if (!listen(server, options)) return 2;
  if (host) host->ask("listening", [](auto) {});
  std::optional<TenantsWatch> watch;
  if (!options.tenants_file.empty()) watch.emplace(loop, server, options.tenants_file);
  int exit_code = 0;
  bool is_stopping = false;
  for (const int signal : {SIGTERM, SIGINT})
    stop_on(signal, loop, server, options.stop_within, is_stopping);
  server.on_empty([&] {
    if (is_stopping || exit_code != 0) server.leave_seats([&loop] { loop.stop(); });
    if (host) return host->ask("empty", [](auto) {});
    fmt::print("empty\n");
    std::fflush(stdout);
  });
  std::optional<RedisWatch> redis_watch;
  if (redis)
    redis_watch.emplace(loop, *redis, from_seconds(options.redis_within), [&] {
      fmt::print(stderr, "Redis was not reached for {} seconds: it stops.\n", options.redis_within);
      exit_code = 3;
      stop_soon(loop, server, options.stop_within);
    });
  server.on_fenced([&] {
    if (!host) fmt::print(stderr, "The time that it was lent is over: it stops.\n");
    exit_code = 3;
    loop.stop();
  });
  if (options.lease > 0)
    (void)server.obey(fmt::format("lease {}", std::llround(options.lease * 1000)));
  loop.run();
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"channels for browsers and games: the Pusher Channels protocol"};
  Options options;
  add_options(app, options);
  add_tls_options(app, options);
  add_cluster_options(app, options);
  add_worker_options(app, options);
  add_node_options(app, options);
  CLI11_PARSE(app, argc, argv);
  if (options.tenants.empty() && options.tenants_file.empty()) {
    fmt::print(stderr, "Name a tenant, `--app ID:KEY:SECRET`, or a file of them, `--tenants`.\n");
    return 2;
  }
  auto tickets = tickets_by(options.tickets);
  if (!tickets) return 2;
  const std::size_t workers = workers_for(options);
  if (workers > 1 && !options.worker) return run_workers(options, workers, argc, argv);
  return run(options, std::move(*tickets));
}

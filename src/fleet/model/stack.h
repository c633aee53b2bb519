// What one stack file describes, after parameters are filled in and everything is checked. Values
// only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "fleet/model/rule.h"

namespace utakata {

struct Listen {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7070;  // 0: any free one
  bool operator==(const Listen&) const = default;
};

struct ApiSpec {
  Listen listen;
  std::string advertise = "127.0.0.1";  // the host name or address that clients reach instances at
  std::uint16_t ports_first = 20000, ports_last = 29999;  // given to instances
  std::string certificate, key;                           // PEM files; empty: plain HTTP
  std::string ca;  // PEM file: whom controllers trust among themselves; empty: the system's
  std::vector<std::string> origins;  // allowed to place from a browser; empty: any
  bool operator==(const ApiSpec&) const = default;
};

// Text with `${...}` in it, filled in at launch: ${port} ${host} ${instance} ${ticket}
// ${clusters.NAME.host|port|url}.
struct Template {
  std::string text;
  bool operator==(const Template&) const = default;
};

struct ReadySpec {
  std::string http;      // path; empty: a listener on the port is enough
  Duration within{30s};  // from launch; later than that the instance is given up
  std::string
      handshake;  // path of a WebSocket handshake, used only to confirm a suspicion; empty: none
  bool operator==(const ReadySpec&) const = default;
};

// What must succeed before an instance serves; no command: nothing.
struct VerifySpec {
  Template command;  // on the controller's host; ${url}, too, is filled in
  Duration within{10s};
  bool operator==(const VerifySpec&) const = default;
};

struct CountSpec {
  enum class Kind { http, prometheus, sockets };
  Kind kind = Kind::sockets;
  std::string path;         // of http and prometheus: what is asked for
  std::string connections;  // the field (dotted path) or the metric's name
  std::string accepted;     // the same for the count of clients ever accepted; empty: not told
  bool operator==(const CountSpec&) const = default;
};

struct DrainSpec {
  std::optional<Duration> deadline;    // none: wait as long as it takes
  std::string tell_method, tell_path;  // "POST", "/drain"; an empty path: instances are not told
  Duration grace{10s};                 // between SIGTERM and SIGKILL
  double pace = 0;  // clients that a told instance sends elsewhere, a second; 0: none
  // Of the clients placed in 24 hours so many may have lost their place by our closing.
  double budget = 0.01;
  bool operator==(const DrainSpec&) const = default;
};

// After a scale-out, off by default: those far above their share send clients elsewhere.
struct RebalanceSpec {
  double skew = 0;   // above the mean load by this share; 0: off
  double pace = 10;  // clients a second, of the whole cluster
  bool operator==(const RebalanceSpec&) const = default;
};

// Running containers: exactly one of the first three says which.
struct ObservedContainers {
  std::string label;        // "app=game", or "app" with any value
  std::string name, image;  // as `docker ps` shows them; `*` stands for anything
  int port = 0;             // inside; where it is published there, they are reached
  bool operator==(const ObservedContainers&) const = default;
};

// Where the instances of `provider: observe` are listed: exactly one of the five.
struct ObserveSpec {
  std::vector<std::string> list;  // "10.0.0.5:3000"
  std::string command, url;       // what prints, or answers, a JSON list of them
  std::optional<ObservedContainers> docker{};
  std::string pm2{};  // an app of PM2
  int pm2_port = 0;   // of its first process, one more for each further; 0: env PORT of each
  bool operator==(const ObserveSpec&) const = default;
};

struct HealSpec {
  int misses = 3;  // at so many a substitute is launched; one before, the instance leaves placement
  Duration clients_wait{45s};  // silence that clients themselves sit out (Socket.IO: pingInterval
                               // 25 s + pingTimeout 20 s)
  double brake = 0.30;         // of the serving instances suspected within 60 s
  bool operator==(const HealSpec&) const = default;
};

struct LimitSpec {
  std::optional<std::int64_t> memory;  // bytes
  std::optional<std::int64_t> files;   // descriptors
  std::optional<double> cpus;          // of containers: 0.5 is half a core
  bool operator==(const LimitSpec&) const = default;
};

enum class PlacePolicy { least, pack, weighted };

// What new instances are spread over, where the provider has several hosts. none: it chooses.
enum class SpreadOver : std::uint8_t { zones, hosts, none };
const char* to_text(SpreadOver spread);

struct ClusterSpec {
  std::string name;
  std::vector<std::string> needs;  // clusters that must serve before this one starts
  std::string owner;  // the controller that runs it when it is there; empty: whoever is first
  std::string app;    // folder the command runs in, absolute; empty: the stack file's
  std::string image;  // of containers; empty: elsewhere, or it is yet to be packed
  std::vector<std::pair<std::string, std::string>> labels;  // of its containers, beside our own
  std::vector<std::string> secrets, configs;  // of `provider: swarm`: its own, by their names
  // What instances are lent, again and again: those that were cut off end when it is over. None:
  // they go on serving without a controller.
  std::optional<Duration> lease;
  std::string install;  // run once for each version, in `app`
  Template run;         // through /bin/sh -c
  std::vector<std::pair<std::string, Template>> env;
  Template url;  // what clients are told
  ReadySpec ready;
  VerifySpec verify;
  CountSpec count;
  std::vector<std::string> metrics = {
      "connections"};  // every number the rules and `weight` name; [0] is connections
  std::optional<std::uint16_t> weight_metric;  // of PlacePolicy::weighted
  int capacity = 1000;                         // connections one instance may hold
  double accept_per_second = 0;                // new clients an instance takes; 0: as many as come
  int instances_min = 1, instances_max = 1;
  PlacePolicy place = PlacePolicy::least;
  SpreadOver spread = SpreadOver::zones;
  std::vector<Rule> scale;
  Duration settle{600s};
  double step = 0.25;  // at most this share of the serving instances leaves at once, at least 1
  DrainSpec drain;
  HealSpec heal;
  LimitSpec limits;
  RebalanceSpec rebalance;
  bool reconnects = false;  // clients open the new socket before the old one closes, when told so
  ObserveSpec observe;
  int seats_per_key = 1;  // `seats:`: the room's total
  Duration hold{60s};     // a placement's seats are held so long unless the caller asks for less
  Duration every{1s};     // the loop's period
  std::string
      version;  // hash of what a running instance cannot change: app, install, run, env, limits
  bool operator==(const ClusterSpec&) const = default;
};

enum class ProviderKind { process, docker, swarm, observe };
const char* to_text(ProviderKind provider);
bool has_containers(ProviderKind provider);

// Where Docker's Engine answers.
struct EngineAddress {
  std::string socket = "/var/run/docker.sock";
  std::string host;                  // "10.0.0.5:2376": over TCP; empty: by the socket
  std::string ca, certificate, key;  // PEM files; without them TCP is plain
  bool operator==(const EngineAddress&) const = default;
};
// Its containers are on this host, and their processes and sockets are seen from here.
bool is_here(const EngineAddress& engine);
std::string to_text(const EngineAddress& engine);  // "tcp://10.0.0.5:2376", "/var/run/docker.sock"

struct DockerSpec {
  EngineAddress engine;
  bool publishes = false;  // a network of its own for each container; otherwise the host's
  bool operator==(const DockerSpec&) const = default;
};

// Of `provider: swarm`, beside DockerSpec, whose Engine is a manager's.
struct SwarmSpec {
  std::vector<std::pair<std::string, EngineAddress>> hosts;  // Engines of others, by host name
  std::string zone_label = "zone";
  bool operator==(const SwarmSpec&) const = default;
};

// What the controller may do; what it may not, it only says.
struct Powers {
  bool place = true, launch = true, drain = true, heal = true;
  bool operator==(const Powers&) const = default;
};

struct PriceSpec {
  double instance_hour = 0;
  std::string currency;               // empty: no price was given
  std::optional<double> cap_per_day;  // of any 24 hours
  bool operator==(const PriceSpec&) const = default;
};

// An HAProxy whose backends are kept to hold the instances that clients may come to.
struct HaproxySpec {
  std::string socket{};  // of its runtime API: an absolute path; empty: `address`
  Listen address{};
  std::string backend = "${cluster}";
  std::vector<std::string> clusters{};  // whose instances it is told of; empty: all
  bool operator==(const HaproxySpec&) const = default;
};

// The published view, for those who place by themselves.
struct PublishSpec {
  std::string redis;  // redis://...; empty: none. May hold a password: not for logs
  std::optional<HaproxySpec> haproxy{};
  bool operator==(const PublishSpec&) const = default;
};

// The store in etcd, for several controllers.
struct EtcdSpec {
  std::vector<std::string> endpoints;  // "http://10.0.0.1:2379"; empty: the store is the file
  std::string ca, certificate, key;    // of https, PEM files, absolute; may be empty
  Duration lease{3s};                  // whole seconds: how long an owner may be silent
  Duration give_back{30s};             // for which a preferred owner must have been back
  bool operator==(const EtcdSpec&) const = default;
};

struct Stack {
  std::string name;
  std::string folder;  // absolute; what relative paths in the file mean
  std::string store;   // SQLite file, absolute; beside etcd it holds this machine's observations
  EtcdSpec etcd;
  ApiSpec api;
  ProviderKind provider = ProviderKind::process;
  DockerSpec docker;
  SwarmSpec swarm;
  Powers powers;
  PriceSpec price;
  PublishSpec publish;
  std::vector<ClusterSpec> clusters;  // in an order that respects `needs`
  bool operator==(const Stack&) const = default;
};

// max + the larger of 1 and 25 %: what may exist at all, the draining and the unconfirmed dead
// included.
constexpr int instances_total_max(const ClusterSpec& spec) {
  return spec.instances_max + (spec.instances_max / 4 > 1 ? spec.instances_max / 4 : 1);
}

}  // namespace utakata

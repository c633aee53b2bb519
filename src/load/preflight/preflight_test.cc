#include "load/preflight/preflight.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "load/pacing/part.h"

namespace utakata::load {
namespace {

constexpr LoadPeak many{.users = 300'000};

PreflightAsk asked(const LoadPeak& peak) { return {.peak = peak}; }

struct Row {
  const char* name;
  PreflightAsk ask;
  HostFacts host;
  std::int64_t workers, users_per_worker;
  std::string text;
};

void expect(const Row& row) {
  const Preflight got = preflight(row.ask, row.host);
  EXPECT_EQ(got.workers, row.workers) << row.name;
  EXPECT_EQ(got.users_per_worker, row.users_per_worker) << row.name;
  EXPECT_EQ(to_text(got.findings), row.text) << row.name;
  EXPECT_EQ(got.is_possible(), row.text.find("error: ") == row.text.npos) << row.name;
}

TEST(Preflight, where_nothing_is_in_the_way_cores_and_descriptors_say_how_many_workers) {
  PreflightAsk with_two = asked(many), with_sixty = asked(many);
  with_two.sockets_per_user = 2;
  with_sixty.workers = 60;
  const Row rows[] = {
      {"one", asked({.users = 1}), {.cores = 8}, 1, 1, ""},
      {"nobody", asked({}), {.cores = 8}, 1, 0, ""},
      {"a core each", asked(many), {.cores = 8}, 8, 37'500, ""},
      {"half a core", asked(many), {.cores = 0.5}, 1, 300'000, ""},
      {"3.9 cores", asked(many), {.cores = 3.9}, 3, 100'000, ""},
      {"descriptors ask for more",
       asked(many),
       {.descriptors = 20'000, .cores = 2},
       16,
       18'750,
       ""},
      {"two sockets each", with_two, {.descriptors = 20'000, .cores = 2}, 31, 9678, ""},
      {"just so many", asked({.users = 19'800}), {.descriptors = 20'000}, 1, 19'800, ""},
      {"one more", asked({.users = 19'801}), {.descriptors = 20'000}, 2, 9901, ""},
      {"as a person wants it", with_sixty, {.descriptors = 20'000, .cores = 2}, 60, 5000, ""},
      {"no room beside the users for a worker on each core",
       asked({.users = 1000}),
       {.memory_bytes = 100'000'000, .cores = 64},
       2,
       500,
       ""},
  };
  for (const Row& row : rows) expect(row);
}

// Each of the following limits alone is a wall.
TEST(Preflight, descriptors_and_files_and_processes_are_limits) {
  PreflightAsk two_workers = asked(many);
  two_workers.workers = 2;
  const Row rows[] = {
      {"descriptors of a worker",
       two_workers,
       {.descriptors = 20'000, .cores = 2},
       2,
       150'000,
       "error: descriptors: Only 39,600 users at once fit into the 20,000 descriptors of each of "
       "2 workers, and 300,000 are planned: raise that limit (`ulimit -n 150200`, as root), or "
       "let there be 16 workers (`--workers`).\n"},
      {"beyond what root may",
       two_workers,
       {.descriptors = 20'000, .descriptors_max = 100'000, .cores = 2},
       2,
       150'000,
       "error: descriptors: Only 39,600 users at once fit into the 20,000 descriptors of each of "
       "2 workers, and 300,000 are planned: raise that limit (`ulimit -n 150200`, as root and "
       "after `sysctl -w fs.nr_open=150200`), or let there be 16 workers (`--workers`).\n"},
      {"no descriptor is left of so few",
       asked({.users = 3}),
       {.descriptors = 64},
       3,
       1,
       "error: descriptors: Only 0 users at once fit into the 64 descriptors of each of 8 "
       "workers, and 3 are planned: raise that limit (`ulimit -n 201`, as root).\n"},
      {"files of the host",
       asked(many),
       {.descriptors = 20'000, .files_max = 200'600, .files_open = 600},
       16,
       18'750,
       "error: descriptors: Only 198,000 users at once fit into the 200,000 files that this host "
       "may still open, and 300,000 are planned: set `sysctl -w fs.file-max=303800`.\n"},
      {"processes",
       asked(many),
       {.descriptors = 20'000, .tasks = 61, .tasks_bound = TaskBound::user},
       16,
       18'750,
       "error: processes: Only 99,000 users at once fit into the 61 processes and threads that "
       "may still be started, and 300,000 are planned: let this user have 131 more (`ulimit "
       "-u`).\n"},
  };
  for (const Row& row : rows) expect(row);
}

TEST(Preflight, ports_and_connections_tracked_are_limits) {
  PreflightAsk from_two = asked(many), on_loopback = asked(many);
  from_two.sources = 2;
  on_loopback.is_loopback = true;
  const Row rows[] = {
      {"ports",
       from_two,
       {.ports = 28'232},
       1,
       300'000,
       "error: ports: Only 56,464 users at once fit into the 28,232 local ports of each of 2 "
       "source addresses, and 300,000 are planned: dial from 11 addresses (`--source`), or have "
       "more ports of each (`sysctl -w net.ipv4.ip_local_port_range='1024 65535'`).\n"},
      {"ports on loopback",
       on_loopback,
       {.ports = 64'512},
       1,
       300'000,
       "error: ports: Only 64,512 users at once fit into the 64,512 local ports of 1 source "
       "address, and 300,000 are planned: dial from 5 addresses (`--source 127.0.0.0/8`).\n"},
      {"connections tracked",
       asked(many),
       {.tracked_max = 262'144, .tracked = 44},
       1,
       300'000,
       "error: conntrack: Only 262,100 users at once fit into the 262,100 connections that "
       "nf_conntrack may still track, and 300,000 are planned: set `sysctl -w "
       "net.netfilter.nf_conntrack_max=300044`.\n"},
      {"connections that are not tracked now",
       asked(many),
       {.tracked_max = 262'144},
       1,
       300'000,
       "warning: conntrack: Only 262,144 users at once fit into the 262,144 connections that "
       "nf_conntrack tracks at most (it tracks none now, which a rule of NAT or a firewall would "
       "change), and 300,000 are planned: set `sysctl -w "
       "net.netfilter.nf_conntrack_max=300000`.\n"},
  };
  for (const Row& row : rows) expect(row);
}

TEST(Preflight, memory_and_cores_are_limits) {
  PreflightAsk on_loopback = asked(many);
  on_loopback.is_loopback = true;
  const Row rows[] = {
      {"memory",
       asked(many),
       {.memory_bytes = 1'000'000'000},
       1,
       300'000,
       "error: memory: Only 107,500 users at once fit into the 1.0 GB of memory that is "
       "available, and 300,000 are planned: take a host with 1.7 GB more, or share the users "
       "among agents (`--cluster`).\n"},
      {"memory of its cgroup, both ends",
       on_loopback,
       {.memory_bytes = 1'000'000'000, .is_memory_of_cgroup = true},
       1,
       300'000,
       "error: memory: Only 66,153 users at once fit into the 1.0 GB of memory that its cgroup "
       "leaves, and 300,000 are planned: let the cgroup (`memory.max`) have 3.4 GB more, or "
       "share the users among agents (`--cluster`).\n"},
      {"buffers",
       asked(many),
       {.tcp_pages = 200'000},
       1,
       300'000,
       "warning: memory: Only 200,000 users at once fit into the 200,000 pages of all sockets' "
       "buffers (net.ipv4.tcp_mem) while data waits in each, and 300,000 are planned: set "
       "`sysctl -w net.ipv4.tcp_mem='150000 225000 300000'`.\n"},
      {"cores",
       asked({.users = 300'000, .begins_per_second = 50'000}),
       {.cores = 2},
       2,
       150'000,
       "warning: cores: About 16,000 connections a second can be opened by 2 cores from 1 source "
       "address, and 50,000 users begin in one: dial from more (`--source`), begin more slowly, or "
       "share the users among agents (`--cluster`).\n"},
  };
  for (const Row& row : rows) expect(row);
}

TEST(Preflight, on_loopback_the_servers_are_in_the_same_walls) {
  PreflightAsk ask = asked({.users = 30'000, .begins_together = 30'000});
  const HostFacts host{.descriptors = 20'000, .files_max = 50'000, .backlog = 4096};
  expect({"elsewhere", ask, host, 2, 15'000, ""});
  ask.is_loopback = true;
  expect({"here", ask, host, 2, 15'000,
          "error: descriptors: Only 24,800 users at once fit into the 50,000 files that this host "
          "may still open, and 30,000 are planned: set `sysctl -w fs.file-max=60400`.\n"
          "warning: backlog: 4,096 connections at most wait to be accepted, and 30,000 users begin "
          "at the same moment, of whom some will try again a second later: begin in a ramp, or set "
          "`sysctl -w net.core.somaxconn=30000`.\n"
          "warning: descriptors: Only 19,800 users at once fit into the 20,000 descriptors of "
          "one server process on this host, and 30,000 are planned: let there be 2 of them, or "
          "raise that limit (`ulimit -n 30200`, as root) where it is started.\n"});
}

TEST(Preflight, of_several_errors_come_first_and_then_the_lowest) {
  const auto got = preflight(asked({.users = 300'000, .begins_per_second = 20'000}),
                             {.ports = 28'232,
                              .tracked_max = 20'000,
                              .memory_bytes = 1'000'000'000,
                              .tcp_pages = 10'000,
                              .cores = 1});
  std::vector<std::string> order;
  for (const Finding& one : got.findings) order.emplace_back(name(one.limit));
  EXPECT_EQ(order, (std::vector<std::string>{"ports", "memory", "memory", "conntrack", "cores"}));
  EXPECT_EQ(got.findings[2].users, 10'000) << "the buffers': a warning";
}

TEST(Preflight, how_long_arrivals_stay_is_asked_for_only_where_all_would_not_fit) {
  const LoadPeak half_an_hour{.arrivals_per_second = 100, .arrivals = 180'000};
  PreflightAsk told = asked(half_an_hour);
  told.stay = 40s;
  PreflightAsk with_users = asked(half_an_hour);
  with_users.peak.users = 10'000;
  const HostFacts ports{.ports = 28'000};
  const std::string remedy =
      "dial from {} addresses (`--source`), or have more ports of each (`sysctl -w "
      "net.ipv4.ip_local_port_range='1024 65535'`).\n";
  const auto from = [&](const char* count) {
    return "at once, " + std::string(remedy).replace(remedy.find("{}"), 2, count);
  };
  const std::string lingers = ", because each still counts for 1 min after it is closed; for ";
  const std::string only =
      "warning: ports: Only 28,000 users at once fit into the 28,000 local ports of 1 source "
      "address: at up to 100 arrivals a second ";
  const Row rows[] = {
      {"all fit", asked(half_an_hour), {.ports = 180'000}, 1, 180'000, ""},
      {"they must leave", asked(half_an_hour), ports, 1, 180'000,
       only + "nobody may stay longer than 3 min 40 s" + lingers + "180,000 " + from("7")},
      {"users take theirs", with_users, ports, 1, 190'000,
       only + "nobody may stay longer than 2 min" + lingers + "190,000 " + from("7")},
      {"it is told, and they fit", told, ports, 1, 4000, ""},
      {"those who left are too many",
       told,
       {.ports = 5000},
       1,
       4000,
       "warning: ports: Only 5,000 users at once fit into the 5,000 local ports of 1 source "
       "address: at up to 100 arrivals a second even those who have left are too many" +
           lingers + "10,000 " + from("2")},
      {"ports are used again", told, {.ports = 5000, .reuses_ports = 1}, 1, 4000, ""},
      {"but on loopback only", told, {.ports = 10'000, .reuses_ports = 2}, 1, 4000, ""},
      {"it is told, and they do not fit",
       told,
       {.ports = 3999},
       1,
       4000,
       "error: ports: Only 3,999 users at once fit into the 3,999 local ports of 1 source "
       "address, and 4,000 are planned: dial from 3 addresses (`--source`), or have more ports "
       "of each (`sysctl -w net.ipv4.ip_local_port_range='1024 65535'`).\n"},
      {"eight workers a core and no more for who may not be there",
       asked(half_an_hour),
       {.descriptors = 5200, .cores = 2},
       16,
       5000,
       "warning: descriptors: Only 80,000 users at once fit into the 5,200 descriptors of each "
       "of 16 workers: at up to 100 arrivals a second nobody may stay longer than 13 min 20 s; "
       "for 180,000 at once, raise that limit (`ulimit -n 11450`, as root), or let there be 36 "
       "workers (`--workers`).\n"},
  };
  for (const Row& row : rows) expect(row);
}

TEST(Preflight, findings_are_written_as_json) {
  const auto got =
      preflight(asked({.users = 9, .begins_per_second = 9000}), {.tracked_max = 5, .tracked = 1});
  const auto json = nlohmann::json::parse(to_json(got.findings));
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0], (nlohmann::json{{"severity", "error"},
                                     {"limit", "conntrack"},
                                     {"users", 4},
                                     {"what", got.findings[0].what}}));
  EXPECT_EQ(json[1], (nlohmann::json{{"severity", "warning"},
                                     {"limit", "cores"},
                                     {"users_per_second", 8000},
                                     {"what", got.findings[1].what}}));
  EXPECT_EQ(to_json({}), "[]");
}

}  // namespace
}  // namespace utakata::load

#include "fleet/probe/http/http_probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "fleet/probe/ask/loop_fixture.h"
#include "fleet/probe/sockets/sock_diag.h"
#include "wire/websocket_handshake.h"

namespace utakata {
namespace {

class HttpProbeTest : public ::testing::Test, public LoopFixture {
 protected:
  static ClusterSpec a_cluster() {
    ClusterSpec spec;
    spec.name = "game";
    spec.count.kind = CountSpec::Kind::http;
    spec.count.path = "/stats";
    spec.count.connections = "connections";
    spec.count.accepted = "total";
    spec.metrics = {"connections", "rooms"};
    return spec;
  }
  Sight one(const ClusterSpec& spec, const ProbeTarget& target, Duration deadline = 5s,
            ListenerCheck check = {}) {
    HttpProbe probe(loop, client, spec, std::move(check));
    auto sights = look(probe, {target}, deadline);
    return sights.size() == 1 ? std::move(sights[0]) : Sight{};
  }
  static std::string key_of(const std::string& request) {
    const std::string name = "Sec-WebSocket-Key: ";
    const auto begin = request.find(name) + name.size();
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }
  std::unique_ptr<net::TcpListener> frozen() {
    return listen([](net::Descriptor&, const std::string&) {});
  }
};

TEST_F(HttpProbeTest, one_get_tells_connections_accepted_and_every_named_metric) {
  auto instance = serve(R"({"connections": 12, "total": 900, "rooms": 3})");
  const Instant before = loop.now();
  const Sight sight = one(a_cluster(), target(instance->port));
  EXPECT_TRUE(sight.asked);
  EXPECT_TRUE(sight.answered);
  EXPECT_TRUE(sight.ready);
  ASSERT_TRUE(sight.count);
  EXPECT_EQ(sight.count->connections, 12);
  EXPECT_GE(sight.count->at, before);
  EXPECT_EQ(sight.accepted, 900);
  EXPECT_EQ(sight.metrics, (std::vector<double>{12, 3}));
  EXPECT_EQ(sight.problem, "");
  EXPECT_EQ(instance->asked, (std::map<std::string, int>{{"/stats", 1}}));
}

TEST_F(HttpProbeTest, prometheus_metrics_are_read_in_one_get) {
  auto instance = serve("sockets{a=\"1\"} 5\nsockets{a=\"2\"} 6\naccepted_total 40\nrooms 2\n");
  auto spec = a_cluster();
  spec.count = {.kind = CountSpec::Kind::prometheus,
                .path = "/metrics",
                .connections = "sockets",
                .accepted = "accepted_total"};
  const Sight sight = one(spec, target(instance->port));
  ASSERT_TRUE(sight.answered) << sight.problem;
  EXPECT_EQ(sight.count->connections, 11);
  EXPECT_EQ(sight.accepted, 40);
  EXPECT_EQ(sight.metrics, (std::vector<double>{11, 2}));
}

TEST_F(HttpProbeTest, an_unusable_answer_is_a_miss_that_names_what_was_found) {
  const struct {
    std::string body;
    int status;
    std::string problem;
  } table[] = {
      {"<html>nginx</html>", 200, "GET /stats: the answer is `<html>nginx</html>`, not JSON"},
      {R"({"connections": -1})", 200, "GET /stats: field connections is -1, which is no count"},
      {R"({"connections": 20000000})", 200,
       "GET /stats: field connections is 20000000, which is too large to be believed"},
      {R"({})", 200, "GET /stats: field connections is missing"},
      {"", 200, "GET /stats: the answer is empty"},
      {R"({"connections": 3})", 500, "GET /stats: answered 500"},
      {R"({"connections": 3})", 302, "GET /stats: answered 302"},
  };
  for (const auto& [body, status, problem] : table) {
    auto instance = serve(body, status);
    const Sight sight = one(a_cluster(), target(instance->port));
    EXPECT_TRUE(sight.asked);
    EXPECT_FALSE(sight.answered) << body;
    EXPECT_FALSE(sight.ready);
    EXPECT_FALSE(sight.count);
    EXPECT_EQ(sight.problem, problem);
  }
}

TEST_F(HttpProbeTest, an_answer_without_end_is_cut_off_and_is_a_miss) {
  auto instance = serve(R"({"connections": 3, "x": ")" + std::string(300'000, 'x') + "\"}");
  const Sight sight = one(a_cluster(), target(instance->port));
  EXPECT_FALSE(sight.answered);
  EXPECT_NE(sight.problem, "");
}

TEST_F(HttpProbeTest, who_hangs_up_or_speaks_no_http_or_is_not_there_is_a_miss_at_once) {
  auto closes = listen([](net::Descriptor& socket, const std::string&) { socket.reset(); });
  auto babbles = listen([](net::Descriptor& socket, const std::string&) {
    net::tcp_send(socket.get(), "-ERR unknown command\r\n\r\n");
    socket.reset();
  });
  std::uint16_t nobody = 0;
  {
    auto gone = frozen();
    nobody = gone->port();
  }
  HttpProbe probe(loop, client, a_cluster());
  // Ten minutes: were one of them not noticed at once, the test would hang.
  const auto sights =
      look(probe, {target(closes->port()), target(babbles->port()), target(nobody)}, 600s);
  ASSERT_EQ(sights.size(), 3u);
  for (const Sight& sight : sights) {
    EXPECT_TRUE(sight.asked);
    EXPECT_FALSE(sight.answered);
    EXPECT_TRUE(sight.problem.starts_with("GET /stats: ")) << sight.problem;
  }
}

TEST_F(HttpProbeTest, silence_costs_its_own_instance_only_and_ends_at_the_deadline) {
  auto silent = serve([](const net::HttpRequest&, net::HttpReply reply, Instance& self) {
    self.kept.push_back(std::move(reply));
  });
  auto deaf = frozen();
  auto well = serve(R"({"connections": 4})");
  HttpProbe probe(loop, client, a_cluster());
  const auto sights =
      look(probe, {target(silent->port), target(deaf->port()), target(well->port)}, 150ms);
  ASSERT_EQ(sights.size(), 3u);
  EXPECT_FALSE(sights[0].answered);
  EXPECT_EQ(sights[0].problem, "GET /stats: no answer within 150ms");
  EXPECT_FALSE(sights[1].answered);
  EXPECT_TRUE(sights[2].answered);
  EXPECT_EQ(sights[2].count->connections, 4);
}

TEST_F(HttpProbeTest, who_has_missed_before_is_given_half_of_the_deadline) {
  auto mute = frozen(), mute_again = frozen();
  auto well = serve(R"({"connections": 1})");
  ProbeTarget second = target(mute_again->port()), fine = target(well->port);
  second.missed = fine.missed = true;
  auto spec = a_cluster();
  spec.ready.handshake = "/";
  HttpProbe probe(loop, client, spec);
  const auto sights = look(probe, {target(mute->port()), second, fine}, 200ms);
  ASSERT_EQ(sights.size(), 3u);
  EXPECT_EQ(sights[0].problem, "GET /stats: no answer within 200ms");
  EXPECT_EQ(sights[1].problem, "GET /stats: no answer within 100ms");
  EXPECT_TRUE(sights[2].answered);
}

TEST_F(HttpProbeTest, an_answer_after_the_deadline_is_dropped_and_the_next_look_gets_its_own) {
  auto slow = serve([](const net::HttpRequest&, net::HttpReply reply, Instance& self) {
    if (self.asked["/stats"] == 1)
      self.kept.push_back(std::move(reply));
    else
      reply.send({.body = R"({"connections": 2})"});
  });
  HttpProbe probe(loop, client, a_cluster());
  EXPECT_FALSE(look(probe, {target(slow->port)}, 100ms).at(0).answered);
  slow->kept.at(0).send({.body = R"({"connections": 1})"});
  const auto second = look(probe, {target(slow->port)});
  ASSERT_TRUE(second.at(0).answered) << second.at(0).problem;
  EXPECT_EQ(second.at(0).count->connections, 2);
}

TEST_F(HttpProbeTest, a_connection_is_kept_from_look_to_look_by_number_and_by_name) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    std::set<int> ports;
    auto instance = serve(R"({"connections": 4})");
    auto named = target(instance->port);
    named.address.host = host;
    const auto connections = [&] {
      SockDiag kernel;
      int found = 0;
      EXPECT_TRUE(kernel.dump(instance->port, instance->port, [&](const KernelSocket& socket) {
        if (!socket.is_listener) ++found, ports.insert(socket.remote.port);
      }));
      return found;
    };
    HttpProbe probe(loop, client, a_cluster());
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(look(probe, {named}).at(0).answered) << host;
      EXPECT_EQ(connections(), 1);
    }
    EXPECT_EQ(ports.size(), 1u) << host;
  }
}

TEST_F(HttpProbeTest, a_kept_connection_that_was_closed_meanwhile_is_no_miss) {
  int served = 0;
  auto instance = listen([&](net::Descriptor& socket, const std::string&) {
    ++served;
    net::tcp_send(socket.get(),
                  "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"connections\": 4}");
  });
  HttpProbe probe(loop, client, a_cluster());
  ASSERT_TRUE(look(probe, {target(instance->port())}).at(0).answered);
  held.clear();  // an idle time-out of the instance's: seen as closed only together with the next
                 // question
  ASSERT_TRUE(look(probe, {target(instance->port())}).at(0).answered);
  EXPECT_EQ(served, 2);
}

TEST_F(HttpProbeTest, no_targets_answer_later_and_not_inside_the_call) {
  HttpProbe probe(loop, client, a_cluster());
  bool told = false;
  probe.look({}, 5s, [&](const std::vector<Sight>& sights) {
    EXPECT_TRUE(sights.empty());
    told = true;
    loop.stop();
  });
  EXPECT_FALSE(told);
  loop.run();
  EXPECT_TRUE(told);
}

TEST_F(HttpProbeTest, a_probe_destroyed_while_it_looks_says_nothing_more) {
  auto silent = frozen();
  auto well = serve(R"({"connections": 4})");
  auto spec = a_cluster();
  spec.ready.handshake = "/ws";
  auto probe = std::make_unique<HttpProbe>(loop, client, spec);
  bool told = false;
  const std::vector<ProbeTarget> targets = {target(silent->port(), false, true),
                                            target(well->port)};
  probe->look(targets, 50ms, [&](const std::vector<Sight>&) { told = true; });
  loop.post([&] { probe.reset(); });
  loop.after(150ms, [&] { loop.stop(); });  // past the deadline
  loop.run();
  EXPECT_FALSE(told);
}

TEST_F(HttpProbeTest, a_probe_may_be_destroyed_and_may_look_again_inside_done) {
  auto well = serve(R"({"connections": 4})");
  auto probe = std::make_unique<HttpProbe>(loop, client, a_cluster());
  const std::vector<ProbeTarget> targets = {target(well->port)};
  int told = 0;
  probe->look(targets, 5s, [&](const std::vector<Sight>&) {
    ++told;
    probe->look(targets, 5s, [&](const std::vector<Sight>&) {
      ++told;
      probe.reset();
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(told, 2);
}

TEST_F(HttpProbeTest,
       a_starting_instance_is_ready_when_it_listens_itself_says_so_and_can_be_counted) {
  const struct {
    const char* what;
    int ready_status;
    const char* stats;
    bool listener_is_own, ready;
    const char* problem;
  } table[] = {
      {"all well", 200, R"({"connections": 0})", true, true, ""},
      {"204 is well too", 204, R"({"connections": 0})", true, true, ""},
      {"not yet ready", 503, R"({"connections": 0})", true, false, "GET /healthz: answered 503"},
      {"not to be counted", 200, "<html>", true, false,
       "GET /stats: the answer is `<html>`, not JSON"},
      {"a stranger's port", 200, R"({"connections": 0})", false, false, "a stranger listens"},
  };
  for (const auto& row : table) {
    auto instance = serve([&](const net::HttpRequest& request, net::HttpReply reply, Instance&) {
      if (request.path == "/healthz")
        reply.send({.status = row.ready_status, .body = {}});
      else
        reply.send({.body = row.stats});
    });
    auto spec = a_cluster();
    spec.ready.http = "/healthz";
    spec.count.accepted.clear();
    spec.metrics = {"connections"};
    const ListenerCheck listener = [&](const ProbeTarget& asked) -> Expected<void> {
      EXPECT_EQ(asked.handle, "pid 1");
      return row.listener_is_own ? Expected<void>{}
                                 : problem(Problem::Kind::conflict, "a stranger listens");
    };
    const Sight sight = one(spec, target(instance->port, true), 5s, listener);
    EXPECT_EQ(sight.ready, row.ready) << row.what;
    EXPECT_EQ(sight.problem, row.problem) << row.what;
    if (!row.listener_is_own) {
      EXPECT_TRUE(instance->asked.empty()) << "a stranger is asked nothing";
    }
    // Once it serves, its count alone decides.
    const Sight serving = one(spec, target(instance->port), 5s, listener);
    EXPECT_EQ(serving.ready, std::string_view(row.stats) != "<html>") << row.what;
    EXPECT_EQ(instance->asked["/healthz"], row.listener_is_own ? 1 : 0);
  }
}

TEST_F(HttpProbeTest, a_suspect_that_shakes_hands_is_alive_though_uncounted) {
  auto spec = a_cluster();
  spec.ready.handshake = "/socket.io/?EIO=4&transport=websocket";
  std::vector<std::string> requests;
  auto alive = listen([&](net::Descriptor& socket, const std::string& request) {
    requests.push_back(request.substr(0, request.find("\r\n")));
    if (request.starts_with("GET /socket.io/"))
      net::tcp_send(socket.get(), wire::websocket_answer(key_of(request)));
  });
  const Sight sight = one(spec, target(alive->port(), false, true), 300ms);
  EXPECT_TRUE(sight.answered);
  EXPECT_FALSE(sight.count);
  EXPECT_FALSE(sight.ready);
  EXPECT_EQ(sight.problem, "GET /stats: no answer within 300ms");
  std::ranges::sort(requests);
  EXPECT_EQ(requests,
            (std::vector<std::string>{"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
                                      "GET /stats HTTP/1.1"}));
  requests.clear();
  EXPECT_FALSE(one(spec, target(alive->port()), 100ms).answered)
      << "not sent to those above suspicion";
  EXPECT_EQ(requests, std::vector<std::string>{"GET /stats HTTP/1.1"});
}

TEST_F(HttpProbeTest, a_suspect_that_answers_anything_but_a_101_stays_one) {
  auto spec = a_cluster();
  spec.ready.handshake = "/ws";
  for (const char* answer :
       {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: wrong\r\n\r\n",
        "nonsense\r\n\r\n", ""}) {
    auto instance = listen([&](net::Descriptor& socket, const std::string& request) {
      if (request.starts_with("GET /ws") && *answer) net::tcp_send(socket.get(), answer);
      socket.reset();
    });
    EXPECT_FALSE(one(spec, target(instance->port(), false, true)).answered) << answer;
  }
  auto deaf = frozen();
  EXPECT_FALSE(one(spec, target(deaf->port(), false, true), 100ms).answered);
}

TEST_F(HttpProbeTest, names_are_resolved_for_a_handshake_too) {
  auto spec = a_cluster();
  spec.ready.handshake = "/ws";
  auto alive = listen([&](net::Descriptor& socket, const std::string& request) {
    if (request.starts_with("GET /ws"))
      net::tcp_send(socket.get(), wire::websocket_answer(key_of(request)));
    else
      socket.reset();
  });
  auto named = target(alive->port(), false, true);
  named.address.host = "localhost";
  EXPECT_TRUE(one(spec, named).answered);
  named.address.host = "no-such-name.invalid";
  EXPECT_FALSE(one(spec, named).answered);
}

}  // namespace
}  // namespace utakata

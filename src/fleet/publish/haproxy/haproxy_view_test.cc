// The view in a HAProxy of the test's own that can be asked to misbehave; the real one is
// tests/e2e/haproxy.test.mjs's.
#include "fleet/publish/haproxy/haproxy_view.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

#include "fleet/publish/haproxy/fake_haproxy.h"
#include "net/run_until.h"

namespace utakata {
namespace {

PublishedCluster::Line line(int number, int free, const std::string& host = "10.0.0.1") {
  return {.identity = placeable_identity(fmt::format("game-{}", number), "", "",
                                         {host, std::uint16_t(3000 + number)}),
          .open = true,
          .free = free,
          .is_free_known = true,
          .load = 0};
}

const std::string one = "utakata:show:01234567:game-1", two = "utakata:show:01234567:game-2";

class HaproxyViewTest : public testing::Test {
 protected:
  HaproxyViewSettings settings() {
    return {.haproxy = {.address = {"127.0.0.1", haproxy.port()}},
            .stack = "show",
            .mark = "0123456789abcdef",
            .answer_within = 300ms,
            .retry_most = 200ms};
  }
  std::unique_ptr<HaproxyView> view_of(const HaproxyViewSettings& its) {
    return std::make_unique<HaproxyView>(loop, its,
                                         [this](const std::string& what) { said.push_back(what); });
  }
  // As the controller does, but a hundred times as often.
  bool keeps_until(HaproxyView& view, const std::vector<PublishedCluster::Line>& lines,
                   const std::function<bool()>& holds) {
    const auto every = loop.every(
        10ms, [&] { view.publish({{.cluster = "game", .capacity = 100, .lines = lines}}); });
    const bool held = net::run_until(loop, holds);
    loop.cancel(every);
    return held;
  }
  // The same of several controllers, each of which tells of all clusters.
  bool keep_until(const std::vector<std::pair<HaproxyView*, std::vector<PublishedCluster>>>& views,
                  const std::function<bool()>& holds) {
    const auto every = loop.every(10ms, [&] {
      for (const auto& [view, clusters] : views) view->publish(clusters);
    });
    const bool held = net::run_until(loop, holds);
    loop.cancel(every);
    return held;
  }
  bool is(const std::string& name, int admin, int weight) {
    const auto found = haproxy.servers.find(name);
    return found != haproxy.servers.end() && found->second.admin == admin &&
           found->second.weight == weight;
  }
  bool has_said(std::size_t number, std::string_view words) {
    return said.size() >= number && said[number - 1].find(words) != std::string::npos;
  }

  net::Loop loop;
  FakeHaproxy haproxy{loop};
  std::vector<std::string> said;
};

TEST_F(HaproxyViewTest, instances_are_added_weighted_drained_and_removed) {
  haproxy.servers["mine"] = {.address = "10.0.0.9:80"};
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100), line(2, 50)},
                          [&] { return is(one, 0, 256) && is(two, 0, 128); }));
  EXPECT_EQ(haproxy.servers[one].address, "10.0.0.1:3001");
  EXPECT_TRUE(keeps_until(*view, {line(1, 50), line(2, 0)},
                          [&] { return is(one, 0, 128) && is(two, 8, 128); }));

  // Gone from the fleet: closed at once, and removed when its last socket is.
  haproxy.servers[two].connections = 1;
  EXPECT_TRUE(keeps_until(*view, {line(1, 50)}, [&] { return is(two, 1, 128); }));
  haproxy.commands.clear();
  EXPECT_TRUE(keeps_until(*view, {line(1, 50)}, [&] { return haproxy.commands.size() >= 3; }));
  haproxy.servers[two].connections = 0;
  EXPECT_TRUE(keeps_until(*view, {line(1, 50)}, [&] { return !haproxy.servers.contains(two); }));
  EXPECT_EQ(haproxy.servers.size(), 2u);
  EXPECT_TRUE(is("mine", 1, 1)) << "what is not ours is left alone";
  EXPECT_EQ(haproxy.most_at_once, 1);
  EXPECT_EQ(said, std::vector<std::string>{});
}

TEST_F(HaproxyViewTest, what_is_in_step_is_told_nothing) {
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  haproxy.commands.clear();
  const auto later = loop.now() + 200ms;
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return loop.now() > later; }));
  EXPECT_EQ(haproxy.commands, std::vector<std::string>{});
}

TEST_F(HaproxyViewTest, whatever_happens_to_haproxy_or_to_us_heals_at_the_next_look) {
  auto view = view_of(settings());
  const std::vector all{line(1, 100), line(2, 100)};
  const auto both = [&] { return is(one, 0, 256) && is(two, 0, 256); };
  EXPECT_TRUE(keeps_until(*view, all, both));
  haproxy.servers.clear();  // a reload
  EXPECT_TRUE(keeps_until(*view, all, both));
  haproxy.servers[one].admin = 1;  // an operator
  haproxy.servers.erase(two);
  EXPECT_TRUE(keeps_until(*view, all, both));
  haproxy.commands.clear();
  view = view_of(settings());  // another life of ours
  const auto later = loop.now() + 100ms;
  EXPECT_TRUE(keeps_until(*view, all, [&] { return loop.now() > later; }));
  EXPECT_EQ(haproxy.commands, std::vector<std::string>{});
  EXPECT_TRUE(keeps_until(*view, {line(2, 100)}, [&] { return !haproxy.servers.contains(one); }));
  EXPECT_EQ(said, std::vector<std::string>{});
}

TEST_F(HaproxyViewTest, a_cluster_that_is_no_more_leaves_nothing_behind) {
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  view->publish({});
  EXPECT_TRUE(net::run_until(loop, [&] { return haproxy.servers.empty(); }));
}

TEST_F(HaproxyViewTest, who_leaves_takes_out_what_is_its_own_and_waits_for_nobody_for_long) {
  haproxy.servers["mine"] = {.address = "10.0.0.9:80"};
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100), line(2, 100)},
                          [&] { return is(one, 0, 256) && is(two, 0, 256); }));
  haproxy.servers[two].connections = 1;
  int left = 0;
  view->leave(30s, [&] { ++left; });
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(two, 1, 256); }));
  haproxy.servers[two].connections = 0;
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return left == 1; }));
  EXPECT_EQ(haproxy.servers.size(), 1u) << "publish() has added none";
  EXPECT_TRUE(said.empty());

  const auto another = view_of(settings());
  another->leave(30s, [&] { ++left; });  // that has never told anything
  EXPECT_TRUE(net::run_until(loop, [&] { return left == 2; }));

  // One that never ends, and one that is away.
  auto third = view_of(settings());
  EXPECT_TRUE(keeps_until(*third, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  haproxy.servers[one].connections = 1;
  third->leave(200ms, [&] { ++left; });
  EXPECT_TRUE(net::run_until(loop, [&] { return left == 3; }));
  third.reset();
  const auto fourth = view_of(settings());
  EXPECT_TRUE(keeps_until(*fourth, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  haproxy.away();
  fourth->leave(30s, [&] { ++left; });
  EXPECT_TRUE(net::run_until(loop, [&] { return left == 4; }));
}

TEST_F(HaproxyViewTest, one_that_is_away_is_said_once_and_filled_when_it_is_back) {
  const auto view = view_of(settings());
  haproxy.away();
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return !said.empty(); }));
  EXPECT_TRUE(has_said(1, "Connection refused: it must run, with `stats socket ipv4@127.0.0.1:"))
      << said[0];
  const auto later = loop.now() + 1s;  // five attempts
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return loop.now() > later; }));
  EXPECT_EQ(said.size(), 1u);
  haproxy.back();
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return has_said(2, "in step again"); }));
}

TEST_F(HaproxyViewTest, one_that_is_frozen_has_one_question_at_most) {
  const auto view = view_of(settings());
  haproxy.is_frozen = true;
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return said.size() == 1; }));
  EXPECT_TRUE(has_said(1, "it does not answer")) << said[0];
  EXPECT_EQ(haproxy.most_at_once, 1);
  haproxy.is_frozen = false;
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return said.size() == 2; }));
}

TEST_F(HaproxyViewTest, refusals_and_nonsense_are_said_once_with_what_helps) {
  const std::pair<std::string, std::string> oddities[] = {
      {"Permission denied\n\n", "level admin"},
      {"HTTP/1.1 400 Bad request\r\n\r\n", "is not the runtime API"},
      {"1\n# be_id", "broke off"},
      {"", "closed the connection without an answer"},
  };
  for (const auto& [answer, words] : oddities) {
    said.clear();
    haproxy.servers.clear();
    haproxy.answers = [&](const std::string&) { return answer; };
    const auto view = view_of(settings());
    EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return !said.empty(); }));
    const auto later = loop.now() + 300ms;
    EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return loop.now() > later; }));
    EXPECT_EQ(said.size(), 1u);
    EXPECT_TRUE(has_said(1, words)) << said[0];
    haproxy.answers = nullptr;
    EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return has_said(2, "in step again"); }));
    EXPECT_TRUE(is(one, 0, 256));
  }
}

TEST_F(HaproxyViewTest, a_backend_that_is_not_there_is_no_matter_of_the_others) {
  const auto view = view_of(settings());
  const auto every = loop.every(10ms, [&] {
    view->publish({{.cluster = "another", .capacity = 100, .lines = {line(3, 1)}},
                   {.cluster = "game", .capacity = 100, .lines = {line(1, 100)}}});
  });
  EXPECT_TRUE(net::run_until(loop, [&] { return is(one, 0, 256) && !said.empty(); }));
  const auto later = loop.now() + 300ms;
  EXPECT_TRUE(net::run_until(loop, [&] { return loop.now() > later; }));
  loop.cancel(every);
  EXPECT_EQ(said.size(), 1u);
  EXPECT_TRUE(has_said(1, "needs a section `backend another`")) << said[0];
}

TEST_F(HaproxyViewTest, what_another_controller_has_there_is_said_and_left_alone) {
  const std::string theirs = "utakata:show:fedcba98:game-1";
  haproxy.servers[theirs] = {.address = "10.0.0.9:80", .admin = 0};
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return is(one, 0, 256); }));
  EXPECT_TRUE(is(theirs, 0, 1));
  EXPECT_TRUE(has_said(1, "`" + theirs + "` there is another controller's"));
  haproxy.servers.erase(theirs);
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return has_said(2, "in step again"); }));
  EXPECT_EQ(said.size(), 2u);
}

using Whose = PublishedCluster::Whose;
using Lines = std::vector<PublishedCluster::Line>;

PublishedCluster game(const Lines& lines, Whose whose = Whose::ours) {
  return {.cluster = "game", .whose = whose, .capacity = 100, .lines = lines};
}

// Its owner is killed, another takes it, the first comes back and gets it again.
TEST_F(HaproxyViewTest, a_cluster_that_changes_its_owner_keeps_its_servers_untouched) {
  auto a = view_of(settings()), b = view_of(settings());
  const Lines both{line(1, 100), line(2, 100)};
  const auto others = game({}, Whose::others);
  const auto for_a_while = [later = Instant{}, this]() mutable {
    if (later == Instant{}) later = loop.now() + 100ms;
    return loop.now() > later;
  };
  EXPECT_TRUE(keep_until({{a.get(), {game(both)}}, {b.get(), {others}}},
                         [&] { return is(one, 0, 256) && is(two, 0, 256); }));
  haproxy.commands.clear();
  a.reset();
  EXPECT_TRUE(keep_until({{b.get(), {game({}, Whose::nobodys)}}}, for_a_while));
  auto uncounted = both;
  for (auto& each : uncounted) each.free = 0, each.is_free_known = false;
  EXPECT_TRUE(keep_until({{b.get(), {game(uncounted)}}}, for_a_while));
  EXPECT_TRUE(keep_until({{b.get(), {game(both)}}}, for_a_while));
  EXPECT_EQ(haproxy.commands, std::vector<std::string>{});

  // What has died since is taken out, and what is new added, by the owner of now alone.
  a = view_of(settings());
  const std::string three = "utakata:show:01234567:game-3";
  EXPECT_TRUE(keep_until({{a.get(), {others}}, {b.get(), {game({line(2, 100), line(3, 100)})}}},
                         [&] { return !haproxy.servers.contains(one) && is(three, 0, 256); }));
  haproxy.commands.clear();
  const Lines now{line(2, 100), line(3, 100), line(4, 100)};
  EXPECT_TRUE(keep_until({{a.get(), {game(now)}}, {b.get(), {others}}},
                         [&] { return is("utakata:show:01234567:game-4", 0, 256); }));
  // It has lost sight of who owns what: what it knows is not told.
  EXPECT_TRUE(
      keep_until({{a.get(), {game(now)}}, {b.get(), {game(both, Whose::nobodys)}}}, for_a_while));
  EXPECT_EQ(haproxy.commands.size(), 2u) << "the new one is added and opened";
  EXPECT_EQ(said, std::vector<std::string>{});
}

TEST_F(HaproxyViewTest, who_goes_takes_out_nothing_of_a_cluster_that_is_not_its_own_any_more) {
  const auto a = view_of(settings()), b = view_of(settings());
  EXPECT_TRUE(keep_until({{a.get(), {game({line(1, 100)})}}}, [&] { return is(one, 0, 256); }));
  // In the middle of a look, of which nothing is told any more.
  a->publish({game({})});
  a->publish({game({}, Whose::others)});
  EXPECT_TRUE(keep_until({{b.get(), {game({line(1, 100), line(2, 100)})}}},
                         [&] { return is(two, 0, 256); }));
  haproxy.commands.clear();
  bool has_left = false;
  a->leave(30s, [&] { has_left = true; });
  EXPECT_TRUE(net::run_until(loop, [&] { return has_left; }));
  EXPECT_EQ(haproxy.commands, std::vector<std::string>{});
  EXPECT_TRUE(is(one, 0, 256));

  // One that is no more is cleared away by its last owner.
  EXPECT_TRUE(keep_until({{b.get(), {}}}, [&] { return haproxy.servers.empty(); }));
  EXPECT_EQ(said, std::vector<std::string>{});
}

TEST_F(HaproxyViewTest, instances_at_a_name_are_told_by_its_number) {
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100, "localhost"), line(2, 100, "[::1]")},
                          [&] { return is(one, 0, 256) && is(two, 0, 256); }));
  EXPECT_EQ(haproxy.servers[one].address, "127.0.0.1:3001");
  EXPECT_EQ(haproxy.servers[two].address, "[::1]:3002");
}

TEST_F(HaproxyViewTest, a_name_that_nobody_has_is_said_once_and_harms_no_other) {
  const auto view = view_of(settings());
  EXPECT_TRUE(keeps_until(*view, {line(1, 100), line(2, 100, std::string(64, 'x'))},
                          [&] { return is(one, 0, 256) && !said.empty(); }));
  EXPECT_EQ(said.size(), 1u);
  EXPECT_TRUE(has_said(1, "instances are at `xxx")) << said[0];
}

TEST_F(HaproxyViewTest, a_socket_that_is_not_there_is_said_with_the_line_that_makes_one) {
  std::string folder = "/tmp/utakata-haproxy-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  auto its = settings();
  its.haproxy.socket = folder + "/admin.sock";
  const auto view = view_of(its);
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return !said.empty(); }));
  EXPECT_TRUE(has_said(1, "No such file or directory: it must run, with `stats socket " + folder))
      << said[0];
  std::filesystem::remove_all(folder);
}

TEST_F(HaproxyViewTest, its_end_is_heard_by_nobody) {
  haproxy.is_frozen = true;
  auto view = view_of(settings());
  const auto later = loop.now() + 50ms;
  EXPECT_TRUE(keeps_until(*view, {line(1, 100)}, [&] { return loop.now() > later; }));
  view.reset();
  const auto end = loop.now() + 500ms;
  EXPECT_TRUE(net::run_until(loop, [&] { return loop.now() > end; }));
  EXPECT_EQ(said, std::vector<std::string>{});
}

}  // namespace
}  // namespace utakata

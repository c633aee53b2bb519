// A run on agents that are made up; the worker of this host is a shell.
#include "load/run/load_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "net/run_until.h"

namespace utakata::load {
namespace {

using Json = nlohmann::json;

// Remembers what its workers are told; the test says what they say.
class FakeCrew final : public Crew {
 public:
  struct Told {
    Worker::Calls calls;
    std::vector<Json> orders;
    bool is_dropped = false;
    void says(const Json& word) const { calls.said(word.dump()); }
    Json last(const std::string& what) const {
      for (auto order = orders.rbegin(); order != orders.rend(); ++order)
        if ((*order)["do"] == what) return *order;
      return nullptr;
    }
  };
  FakeCrew(std::string name, std::int64_t workers) : name_(std::move(name)), workers_(workers) {}
  const std::string& name() const override { return name_; }
  std::int64_t workers() const override { return workers_; }
  CrewClock clock() const override { return known; }
  void send(std::shared_ptr<const Bundle> bundle) override {
    EXPECT_TRUE(started.empty()) << "files come first";
    sent = std::move(bundle);
  }
  Expected<std::unique_ptr<Worker>> start(Worker::Calls calls) override {
    started.push_back(std::make_shared<Told>(Told{.calls = std::move(calls), .orders = {}}));
    return std::make_unique<FakeWorker>(started.back());
  }
  void lose(const std::string& why) {
    for (const auto& worker : started) worker->calls.ended({.lost = why});
  }

  std::vector<std::shared_ptr<Told>> started;
  std::shared_ptr<const Bundle> sent;
  CrewClock known{};

 private:
  struct FakeWorker final : Worker {
    explicit FakeWorker(std::shared_ptr<Told> to) : told(std::move(to)) {}
    ~FakeWorker() override { told->is_dropped = true; }
    void tell(std::string line) override { told->orders.push_back(Json::parse(line)); }
    void kill(int) override {}
    std::shared_ptr<Told> told;
  };
  const std::string name_;
  const std::int64_t workers_;
};

class LoadRunTest : public testing::Test {
 protected:
  // The shell says that it is loaded, set up and torn down, when it is told to.
  void begin(const std::string& plan = R"({"users":30,"duration":"1h"})") {
    static const std::string file = testing::TempDir() + "load_run_test.mjs";
    std::ofstream(file) << "// a scenario\n";
    const std::string script = R"(read a; echo '{"loaded":{"load":)" + plan +
                               R"(,"functions":["default"],"files":[")" + file +
                               R"("]}}' >&3; read a; echo '{"done":"setup","data":{"x":1}}' >&3
                               read a; echo "$a" >&2; echo '{"done":"teardown"}' >&3; read a)";
    run_.emplace(
        loop_,
        LoadRunOptions{
            .file = file, .node = {"sh", "-c", script}, .scripts = "x", .agents = {&one_, &two_}},
        LoadRun::Calls{.printed = [this](std::int64_t, std::string_view line) { printed_ += line; },
                       .ticked = [](const LoadTick&, const Metrics&) {},
                       .ended = [this](Expected<LoadReport> how) { ended_ = std::move(how); }});
    ASSERT_TRUE(until([&] { return one_.started.size() == 2 && two_.started.size() == 1; }));
  }
  std::vector<std::shared_ptr<FakeCrew::Told>> workers() const {
    return {one_.started[0], one_.started[1], two_.started[0]};
  }
  void load_all() {
    for (const auto& worker : workers()) loaded(*worker);
    ASSERT_TRUE(until([&] { return !one_.started[0]->last("start").is_null(); }));
  }
  static void loaded(const FakeCrew::Told& worker) {
    worker.says({{"loaded", {{"load", Json::object()}, {"functions", {"default"}}}}});
  }
  static void has_users(const FakeCrew::Told& worker, int users) {
    worker.says({{"tick", {{"users", users}}}});
  }
  bool until(const std::function<bool()>& holds) { return net::run_until(loop_, holds); }
  const LoadReport& report() {
    EXPECT_TRUE(until([&] { return ended_.has_value(); }));
    static const LoadReport none;
    if (!ended_ || !*ended_) ADD_FAILURE() << (ended_ ? ended_->error().what : "it has not ended");
    return ended_ && *ended_ ? **ended_ : none;
  }
  std::string notes() {
    std::string all;
    for (const std::string& note : report().notes)
      if (!note.starts_with("Clocks")) all += note + "\n";
    return all;
  }

  net::Loop loop_;
  FakeCrew one_{"bees-1", 2}, two_{"bees-2", 1};
  std::optional<Expected<LoadReport>> ended_;
  std::string printed_;
  std::optional<LoadRun> run_;
};

TEST_F(LoadRunTest, users_are_split_over_the_workers_of_all_agents_who_begin_at_one_moment) {
  one_.known = {.offset = 5s, .error = 2ms};
  two_.known = {.offset = -1s, .error = 40ms};
  begin();
  load_all();
  int number = 0;
  for (const auto& worker : workers()) {
    const Json order = worker->last("start");
    EXPECT_EQ(order["worker"], number++);
    EXPECT_EQ(order["workers"], 3);
    EXPECT_EQ(order["data"]["x"], 1);
    EXPECT_EQ(order["at_ms"], one_.started[0]->last("start")["at_ms"]);
  }
  EXPECT_EQ(one_.started[1]->last("start")["clock_offset_ms"], 5000.0);
  EXPECT_EQ(two_.started[0]->last("start")["clock_offset_ms"], -1000.0);
  ASSERT_TRUE(one_.sent && two_.sent);
  ASSERT_EQ(one_.sent->files.size(), 2u) << "the scenario, and what its imports lead to";
  EXPECT_EQ(one_.sent->files[0].bytes, "// a scenario\n");
  run_->stop();
  for (const auto& worker : workers()) worker->says({{"done", "stop"}});
  report();
  EXPECT_EQ(report().end, LoadEnd::stopped);
  EXPECT_EQ(printed_, R"({"do":"teardown","data":{"x":1}})");
  EXPECT_EQ(report().notes.back(),
            "Clocks of the agents are known to within 40.00 ms: delays from one to another are as "
            "exact.");
}

TEST_F(LoadRunTest, an_agent_lost_in_the_midst_is_said_once_with_its_users_and_the_others_go_on) {
  begin();
  load_all();
  has_users(*one_.started[0], 10);
  has_users(*one_.started[1], 9);
  has_users(*two_.started[0], 10);
  one_.lose("the connection was lost");
  EXPECT_FALSE(ended_);
  two_.started[0]->says({{"over", true}});
  EXPECT_FALSE(two_.started[0]->last("stop").is_null());
  EXPECT_TRUE(one_.started[0]->last("stop").is_null()) << "it is gone";
  two_.started[0]->says({{"done", "stop"}});
  EXPECT_EQ(notes(),
            "Agent bees-1 was lost after 0 s (the connection was lost): its 19 users are missing "
            "from then on.\n");
  EXPECT_TRUE(report().doubts.empty());
}

TEST_F(LoadRunTest, one_lost_before_the_begin_leaves_its_share_to_the_others) {
  begin();
  loaded(*one_.started[0]);
  loaded(*one_.started[1]);
  two_.lose("it was told to end");
  ASSERT_TRUE(until([&] { return !one_.started[1]->last("start").is_null(); }));
  EXPECT_EQ(one_.started[1]->last("start")["workers"], 2);
  EXPECT_EQ(one_.started[1]->last("start")["worker"], 1);
  run_->stop();
  for (const auto& worker : one_.started) worker->says({{"done", "stop"}});
  EXPECT_EQ(notes(),
            "Agent bees-2 was lost before the run began (it was told to end): the others have its "
            "share of the users.\n");
}

TEST_F(LoadRunTest, when_all_are_lost_the_run_ends_and_its_figures_are_in_doubt) {
  begin();
  load_all();
  one_.lose("a");
  two_.lose("b");
  EXPECT_EQ(notes(),
            "Agent bees-1 was lost after 0 s (a): its users are missing from then on.\n"
            "Agent bees-2 was lost after 0 s (b): its users are missing from then on.\n");
  ASSERT_EQ(report().doubts.size(), 1u);
  EXPECT_EQ(report().doubts[0], "All agents were lost after 0 s: nothing was done from then on.");
}

TEST_F(LoadRunTest, when_all_are_lost_before_the_begin_nothing_is_run) {
  begin();
  one_.lose("a");
  two_.lose("b");
  EXPECT_TRUE(until([&] { return ended_.has_value(); }));
  ASSERT_TRUE(ended_ && !*ended_);
  EXPECT_EQ(ended_->error().what, "all agents were lost before the run began.\n");
}

TEST_F(LoadRunTest, nobody_waits_for_the_last_word_of_one_that_is_lost) {
  begin();
  load_all();
  run_->stop();
  one_.started[0]->says({{"done", "stop"}});
  one_.started[1]->says({{"done", "stop"}});
  two_.lose("the other end is silent");
  EXPECT_EQ(report().end, LoadEnd::stopped);
}

TEST_F(LoadRunTest, a_single_worker_of_an_agent_that_ends_is_said_by_name) {
  begin();
  load_all();
  has_users(*one_.started[1], 10);
  one_.started[1]->calls.ended({.signal = 9});
  run_->stop();
  one_.started[0]->says({{"done", "stop"}});
  two_.started[0]->says({{"done", "stop"}});
  EXPECT_EQ(notes(),
            "Worker 1 of bees-1 ended by signal 9 (Killed) after 0 s: its 10 users are missing "
            "from then on.\n");
  EXPECT_EQ(run_->broken(), "Worker 1 of bees-1 ended by signal 9 (Killed)");
}

}  // namespace
}  // namespace utakata::load

#include "realtime/host/parent.h"

#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "net/loop.h"
#include "net/secret.h"
#include "realtime/host/merged.h"
#include "realtime/host/switchboard.h"
#include "realtime/host/workers.h"

namespace utakata::realtime {
namespace {

class Parent {
 public:
  explicit Parent(const ParentSpec& spec) : spec_(spec) {
    for (const int signal : {SIGTERM, SIGINT}) loop_.on_signal(signal, [this] { stop(0); });
    loop_.on_signal(SIGHUP, [this] { workers_.signal(SIGHUP); });
    loop_.every(1s, [this] {
      board_.order("stats", [this](const Switchboard::Answers& answers) { remember(answers); });
    });
  }

  int run() {
    if (const auto started = workers_.start(); !started) {
      fmt::print(stderr, "{}\n", started.error().what);
      return 2;
    }
    loop_.run();
    return exit_code_;
  }

 private:
  void stop(int exit_code) {
    if (std::exchange(is_stopping_, true)) return loop_.stop();
    exit_code_ = exit_code;
    workers_.stop(from_seconds(spec_.stop_within + 2), [this] { loop_.stop(); });
  }

  void joined(std::size_t index, net::Descriptor link) {
    board_.connect(index, std::move(link));
    is_empty_.erase(index);
    // It does not know what all were told before it came.
    if (!drain_.empty()) board_.order(drain_);
    if (lease_end_) {
      const auto left = (*lease_end_ - loop_.turn_time()) / std::chrono::milliseconds{1};
      board_.order(fmt::format("lease {}", std::max<std::int64_t>(left, 100)));
    }
  }

  void died(std::size_t index, const std::string& how) {
    if (const auto known = last_.extract(index)) former_.push_back(std::move(known.mapped()));
    if (former_.size() > 1) former_ = {merged_stats(former_)};
    if (is_stopping_) return;
    if (how == "exit code 3") {
      fmt::print(stderr, "It stops: another may serve in its place.\n");
      return stop(3);
    }
    if (how == "exit code 2" && ready_.size() < spec_.workers) return stop(2);
    fmt::print(stderr, "worker {} died ({}); it is started again.\n", index, how);
  }

  void asked(std::size_t index, std::string_view text, const Switchboard::Answer& answer) {
    const std::string what(text);
    if (what == "listening") {
      if (ready_.insert(index).second && ready_.size() == spec_.workers) say(spec_.listening);
      return answer("");
    }
    if (what == "empty") {
      if (is_empty_.insert(index).second && is_empty_.size() == spec_.workers) say("empty\n");
      return answer("");
    }
    if (what.starts_with("drain ")) {
      const bool is_over = what.find(R"("serving")") != what.npos;
      drain_ = is_over ? "" : what;
      is_empty_.clear();
    }
    if (what.starts_with("lease ")) {
      std::int64_t ms = 0;
      std::from_chars(what.data() + 6, what.data() + what.size(), ms);
      lease_end_ = loop_.turn_time() + std::chrono::milliseconds(ms);
    }
    board_.order(what, [this, what, answer](const Switchboard::Answers& answers) {
      if (what == "stats") remember(answers);
      std::vector<std::string> texts;
      for (const auto& [worker, said] : answers) texts.push_back(said);
      if (what == "metrics") return answer(merged_metrics(texts));
      answer(merged_stats(with_former(std::move(texts))));
    });
  }

  // So that what is counted since the start does not fall when a worker dies: not below what
  // somebody was told, at least.
  void remember(const Switchboard::Answers& answers) {
    for (const auto& [worker, said] : answers) last_[worker] = said;
  }
  std::vector<std::string> with_former(std::vector<std::string> texts) const {
    for (const std::string& each : former_) texts.push_back(former_stats(each));
    return texts;
  }

  static void say(const std::string& text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  }

  const ParentSpec& spec_;
  net::Loop loop_;
  Switchboard board_{loop_,
                     [] { return net::random_token(12); },
                     {.asked = [this](std::size_t index, std::string_view text,
                                      Switchboard::Answer answer) { asked(index, text, answer); },
                      .gave_up = [this](std::size_t index, const std::string&,
                                        Duration grace) { workers_.kill(index, grace); }}};
  Workers workers_{
      loop_,
      {.count = spec_.workers, .argv = spec_.argv},
      {.joined = [this](std::size_t index,
                        net::Descriptor link) { joined(index, std::move(link)); },
       .died = [this](std::size_t index, const std::string& how) { died(index, how); }}};
  std::set<std::size_t> ready_, is_empty_;
  std::map<std::size_t, std::string> last_;  // what each said of itself
  std::vector<std::string> former_;          // of those that died
  std::string drain_;                        // the order that holds; empty: none
  std::optional<Instant> lease_end_;
  bool is_stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace

int run_parent(const ParentSpec& spec) { return Parent(spec).run(); }

}  // namespace utakata::realtime

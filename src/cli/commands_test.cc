// The commands as a user types them, against a controller that answers from a table.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/cli.h"
#include "cli/running.h"

namespace utakata {
namespace {

// One answer a connection; good enough for curl.
class TableController {
 public:
  std::map<std::string, std::pair<int, std::string>>
      answers;  // "GET /path" -> status, body; set before the first call
  std::function<void(const std::string& line)> on_call = [](const std::string&) {};
  std::vector<std::string> heard;  // "POST /path body"; read after the calls

  TableController() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~TableController() {
    shutdown(listener_, SHUT_RDWR);  // accept() returns
    thread_.join();
    close(listener_);
  }
  std::string url;

 private:
  void serve() {
    for (int client; (client = accept(listener_, nullptr, nullptr)) >= 0; close(client))
      answer(client);
  }
  void answer(int client) {
    std::string text;
    char buffer[4096];
    std::size_t body_at = std::string::npos, wanted = 0;
    while (body_at == std::string::npos || text.size() < body_at + wanted) {
      const ssize_t got = read(client, buffer, sizeof buffer);
      if (got <= 0) return;
      text.append(buffer, std::size_t(got));
      if (body_at != std::string::npos || text.find("\r\n\r\n") == text.npos) continue;
      body_at = text.find("\r\n\r\n") + 4;
      if (const auto length = text.find("Content-Length: "); length < body_at)
        wanted = std::stoul(text.substr(length + 16));
    }
    const std::string line = text.substr(0, text.find(" HTTP/"));
    heard.push_back(line + (wanted ? " " + text.substr(body_at) : ""));
    on_call(line);
    const auto found = answers.find(line);
    const auto [status, body] =
        found == answers.end()
            ? std::pair(404, std::string(R"({"detail":"there is no such thing"})"))
            : found->second;
    const std::string reply =
        "HTTP/1.1 " + std::to_string(status) +
        " X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    (void)!write(client, reply.data(), reply.size());
  }

  int listener_ = -1;
  std::thread thread_;
};

class Commands : public testing::Test {
 protected:
  Commands() {
    home_ =
        std::filesystem::temp_directory_path() / ("utakata-commands-" + std::to_string(getpid()));
    std::filesystem::create_directories(home_);
    setenv("UTAKATA_HOME", home_.c_str(), 1);
    for (const auto name : {"UTAKATA_STACK", "UTAKATA_API", "UTAKATA_ADMIN_TOKEN"}) unsetenv(name);
  }
  ~Commands() override {
    unsetenv("UTAKATA_HOME");
    std::filesystem::remove_all(home_);
  }
  int call(std::vector<std::string> words) {
    words.insert(words.begin(), "utakata");
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_command_line(int(words.size()), pointers.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }
  void controller_runs(const std::string& stack) {
    ASSERT_TRUE(write_running({.stack = stack,
                               .url = controller_.url,
                               .token = "t",
                               .pid = getpid(),
                               .store = "/s",
                               .run_folder = "/r"}));
  }
  std::string file(const std::string& text) {
    std::ofstream(home_ / "stack.yaml") << text;
    return home_ / "stack.yaml";
  }
  std::filesystem::path home_;
  TableController controller_;
  std::string out_, err_;
};

}  // namespace

TEST_F(Commands, that_are_mistyped_are_misuse_with_a_remedy) {
  const struct {
    std::vector<std::string> words;
    std::string said;
  } rows[] = {
      {{"scael"}, "did you mean `scale`?"},
      {{"realtime"}, "`realtime` is not yet supported"},
      {{"simulate"}, "file is required"},
      {{"frobnicate"}, "is no command"},
      {{"explain"}, "cluster is required"},
      {{"ps", "--jsn"}, "--jsn"},
      {{"scale", "lobby"}, "say how many instances, or --auto"},
      {{"scale", "lobby", "3", "--auto"}, "say how many instances, or --auto"},
      {{"drain", "lobby-1", "--deadline", "soon"}, "--deadline must be a time"},
      {{"place", "lobby", "--hold", "x"}, "--hold must be a time"},
      {{"check", "f", "-p", "size"}, "write it as -p name=value"},
      {{"check", "/nowhere.yaml"}, "cannot be read"},
      {{}, "Exit codes"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(call(row.words), 2) << row.said;
    EXPECT_NE(err_.find(row.said), std::string::npos) << row.said << "\n" << err_;
    EXPECT_EQ(out_, "");
  }
}

TEST_F(Commands, help_and_version_are_done) {
  EXPECT_EQ(call({"--help"}), 0);
  EXPECT_NE(out_.find("activities"), std::string::npos);
  EXPECT_EQ(call({"drain", "--help"}), 0);
  EXPECT_EQ(call({"--version"}), 0);
  EXPECT_TRUE(out_.starts_with("utakata ")) << out_;
}

TEST_F(Commands, check_tells_all_mistakes_with_their_places) {
  const std::string bad = file("stack: a\nclusters:\n  w:\n    rnu: x\n    capacity: 0\n");
  EXPECT_EQ(call({"check", bad}), 2);
  EXPECT_NE(err_.find(bad + ":4:5: `rnu` is not a key here, did you mean `run`?"),
            std::string::npos)
      << err_;
  EXPECT_NE(err_.find(bad + ":5:15: "), std::string::npos) << err_;
  EXPECT_EQ(call({"check", "--json", bad}), 2);
  EXPECT_EQ(nlohmann::json::parse(out_)["mistakes"].size(), 3u);
}

TEST_F(Commands, check_of_a_good_file_says_so) {
  const std::string good = file(
      "stack: a\nparameters: { n: { type: integer } }\nclusters: { w: { run: x, instances: "
      "\"${n}\" } }\n");
  EXPECT_EQ(call({"check", good, "-p", "n=3"}), 0);
  EXPECT_EQ(out_, good + ": good. Stack a, 1 cluster: w.\n");
  EXPECT_EQ(call({"check", good}), 2);
  EXPECT_NE(err_.find("has no default"), std::string::npos) << err_;
  EXPECT_EQ(call({"check", file("stack: a\nclusters: { w: { run: x, app: ./not-there } }\n")}), 2);
  EXPECT_NE(err_.find("not-there of `app` is not there"), std::string::npos) << err_;
  const auto trusting = [&](const std::string& ca) {
    return file("stack: a\napi: { certificate: stack.yaml, key: stack.yaml, ca: " + ca +
                " }\nclusters: { w: { run: x } }\n");
  };
  EXPECT_EQ(call({"check", trusting("stack.yaml")}), 2);
  EXPECT_NE(err_.find("`ca` of `api`: tls: the certificates " + good + " cannot be used"),
            std::string::npos)
      << err_;
  EXPECT_EQ(call({"check", trusting("not-there.pem")}), 2);
  EXPECT_NE(err_.find("not-there.pem of `api` is not there"), std::string::npos) << err_;
}

TEST_F(Commands, schema_is_json) {
  EXPECT_EQ(call({"schema"}), 0);
  EXPECT_TRUE(nlohmann::json::parse(out_)["properties"].contains("clusters"));
}

TEST_F(Commands, without_a_controller_say_what_to_do) {
  EXPECT_EQ(call({"ps"}), 1);
  EXPECT_NE(err_.find("no stack is running here"), std::string::npos) << err_;
  controller_runs("show");
  EXPECT_EQ(call({"ps", "--stack", "shwo"}), 1);
  EXPECT_NE(err_.find("did you mean show?"), std::string::npos) << err_;
  controller_runs("other");
  EXPECT_EQ(call({"ps"}), 1);
  EXPECT_NE(err_.find("several stacks are running: say which with --stack: other, show."),
            std::string::npos)
      << err_;
  EXPECT_EQ(call({"ps", "--url", "http://127.0.0.1:1", "--stack", "show"}), 1);
  EXPECT_NE(err_.find("no controller answers at http://127.0.0.1:1"), std::string::npos) << err_;
  EXPECT_EQ(call({"ps", "--url", "http://127.0.0.1:1"}), 1);
  EXPECT_NE(err_.find("--url needs --stack"), std::string::npos) << err_;
}

TEST_F(Commands, that_read_print_tables_or_the_answer_as_it_is) {
  controller_runs("show");
  const std::string status =
      R"({"clusters":[{"name":"lobby","instances":[{"id":"lobby-1","lifecycle":"serving"}]}]})";
  controller_.answers = {{"GET /v1/stacks/show", {200, status}},
                         {"GET /v1/stacks/show/clusters/lobby/explain",
                          {200, R"({"cluster":"lobby","want":{"instances":2}})"}},
                         {"GET /v1/stacks/show/activities?after=0&limit=5&cluster=lobby",
                          {200, R"({"activities":[{"number":1,"at":"x","kind":"launch"}]})"}}};
  EXPECT_EQ(call({"ps"}), 0);
  EXPECT_NE(out_.find("lobby-1"), std::string::npos) << out_;
  EXPECT_EQ(call({"ps", "--json"}), 0);
  EXPECT_EQ(out_, status + "\n");
  EXPECT_EQ(call({"explain", "lobby"}), 0);
  EXPECT_NE(out_.find("lobby wants 2 instances"), std::string::npos) << out_;
  EXPECT_EQ(call({"activities", "-n", "5", "--cluster", "lobby"}), 0);
  EXPECT_NE(out_.find("launch"), std::string::npos) << out_;
  EXPECT_EQ(call({"explain", "looby"}), 1);
  EXPECT_EQ(err_, "utakata: there is no such thing\n");
}

TEST_F(Commands, orders_are_sent_as_the_api_wants_them) {
  controller_runs("show");
  const std::string start = "POST /v1/stacks/show";
  controller_.answers["GET /v1/stacks/show"] = {
      200, R"({"clusters":[{"name":"lobby","instances":[{"id":"lobby-1"}]}]})"};
  const struct {
    std::vector<std::string> words;
    std::string path, body;
  } rows[] = {
      {{"scale", "lobby", "3"}, "/clusters/lobby/scale", R"({"instances":3})"},
      {{"scale", "lobby", "--auto"}, "/clusters/lobby/scale", R"({"instances":null})"},
      {{"drain", "lobby-1"}, "/instances/lobby-1/drain", "{}"},
      {{"drain", "lobby-1", "--deadline", "30s"},
       "/instances/lobby-1/drain",
       R"({"deadline_ms":30000})"},
      {{"drain", "lobby-1", "--now"}, "/instances/lobby-1/drain", R"({"now":true})"},
      {{"undrain", "lobby-1"}, "/instances/lobby-1/undrain", "{}"},
      {{"replace", "lobby-1"}, "/instances/lobby-1/replace", "{}"},
      {{"restart", "lobby-1"}, "/instances/lobby-1/restart", "{}"},
      {{"adopt", "lobby", "--pid", "4711"}, "/clusters/lobby/adopt", R"({"pid":4711})"},
      {{"adopt", "lobby", "--label", "app=lobby", "--port", "3000"},
       "/clusters/lobby/adopt",
       R"({"label":"app=lobby","port":3000})"},
      {{"restart", "lobby"}, "/clusters/lobby/restart", "{}"},
      {{"place", "lobby", "--seats", "2", "--key", "a b"},
       "/clusters/lobby/placements",
       R"({"key":"a b","seats":2})"},
  };
  for (const auto& row : rows) {
    controller_.answers[start + row.path] = {200, R"({"done":"as you wish","url":"ws://x"})"};
    EXPECT_EQ(call(row.words), 0) << err_;
    EXPECT_EQ(controller_.heard.back(), start + row.path + " " + row.body);
  }
  controller_.answers[start + "/instances/lobby-1/drain"] = {409,
                                                             R"({"detail":"lobby-1 is draining"})"};
  EXPECT_EQ(call({"drain", "lobby-1"}), 1);
  EXPECT_EQ(err_, "utakata: lobby-1 is draining\n");
}

TEST_F(Commands, exec_needs_an_instance_that_is_there) {
  controller_runs("show");
  controller_.answers["GET /v1/stacks/show"] = {
      200, R"({"clusters":[{"name":"lobby","instances":[{"id":"lobby-1"}]}]})"};
  EXPECT_EQ(call({"exec", "lobby-2", "--", "ls", "-l"}), 1);
  EXPECT_NE(err_.find("there is no instance lobby-2 in show"), std::string::npos) << err_;
  EXPECT_EQ(call({"exec", "lobby-1", "--", "ls", "-l"}), 1);
  EXPECT_NE(err_.find("has no process on this machine yet"), std::string::npos) << err_;
  EXPECT_EQ(call({"exec", "lobby-1"}), 2);
}

TEST_F(Commands, logs_of_instances_and_of_those_gone) {
  std::filesystem::create_directories(home_ / "run/logs");
  std::ofstream(home_ / "run/logs/lobby-1.log") << "one\ntwo\n";
  std::ofstream(home_ / "run/logs/lobby-0.log") << "old\n";
  ASSERT_TRUE(write_running({.stack = "show",
                             .url = controller_.url,
                             .token = "t",
                             .pid = getpid(),
                             .store = "/s",
                             .run_folder = home_ / "run"}));
  const std::string log = home_ / "run/logs/lobby-1.log";
  controller_.answers["GET /v1/stacks/show"] = {
      200,
      R"({"clusters":[{"name":"lobby","instances":[{"id":"lobby-1","log":")" + log + "\"}]}]}"};
  EXPECT_EQ(call({"logs", "-n", "1"}), 0);
  EXPECT_EQ(out_, "two\n");
  EXPECT_EQ(call({"logs", "lobby-0", "lobby"}), 0);
  EXPECT_EQ(out_, "lobby-0 | old\nlobby-1 | one\nlobby-1 | two\n");
  EXPECT_EQ(call({"logs", "game"}), 1);
  EXPECT_NE(err_.find("there is no instance or cluster game"), std::string::npos) << err_;
}

// A controller that is a process of its own, with one instance that is another.
class Down : public Commands {
 protected:
  Down()
      : controller_process_(started({})),
        instance_(started({"UTAKATA_FLEET=" + mark_, "UTAKATA_INSTANCE=w-1"})) {
    EXPECT_TRUE(write_running({.stack = "show",
                               .url = controller_.url,
                               .token = "t",
                               .pid = controller_process_,
                               .store = "/s.db",
                               .run_folder = "/r"}));
    controller_.answers["GET /v1/stacks/show"] = {
        200,
        R"({"clusters":[{"name":"w","instances":[{"id":"w-1","lifecycle":"draining",
      "connections":2,"address":"127.0.0.1:1","pid":)" +
            std::to_string(instance_) + "}]}]}"};
    controller_.answers["POST /v1/stacks/show/down"] = {200, R"({"done":"the stack goes down"})"};
  }
  ~Down() override {
    end(instance_);
    end(controller_process_);
  }
  // Runs until it is killed, with this environment; on return it has it.
  static pid_t started(std::vector<std::string> environment) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      std::vector<char*> pointers;
      for (auto& each : environment) pointers.push_back(each.data());
      pointers.push_back(nullptr);
      execle("/bin/sleep", "sleep", "1000", nullptr, pointers.data());
      _exit(127);
    }
    close(ends[1]);
    char nothing;
    EXPECT_EQ(read(ends[0], &nothing, 1), 0);  // closed by exec
    close(ends[0]);
    return child;
  }
  static void end(pid_t& child) {
    if (child <= 0) return;
    kill(child, SIGKILL);
    waitpid(std::exchange(child, 0), nullptr, 0);
  }
  std::string mark_ = "down-test-" + std::to_string(getpid());
  pid_t controller_process_, instance_;
};

TEST_F(Down, proves_that_nothing_is_left) {
  int polls = 0;
  controller_.on_call = [&](const std::string& line) {
    if (line.starts_with("GET") && ++polls == 3)
      end(instance_), end(controller_process_), controller_.answers.clear();
  };
  EXPECT_EQ(call({"down", "show", "--now"}), 0) << err_;
  EXPECT_EQ(out_,
            "w: 1 draining (2 clients)\n"
            "show is down\n"
            "processes: none left of 1 instance\n"
            "ports: nothing listens on 1\n"
            "kept: the record /s.db, the logs in /r\n");
  EXPECT_EQ(controller_.heard[1], R"(POST /v1/stacks/show/down {"now":true})");
}

TEST_F(Down, names_what_is_left) {
  controller_.on_call = [&](const std::string& line) {
    if (line.starts_with("POST"))
      end(controller_process_), controller_.answers.erase("GET /v1/stacks/show");
  };
  const pid_t left = instance_;
  EXPECT_EQ(call({"down"}), 1);
  EXPECT_EQ(err_, "left: process " + std::to_string(left) + " of w-1\n");
}

}  // namespace utakata

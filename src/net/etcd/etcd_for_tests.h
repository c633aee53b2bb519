// An etcd of a test's own: one member or several, on loopback, with a folder that vanishes. Where
// it cannot run `why_not()` says so, and tests are skipped by name.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/curl/http_client.h"
#include "net/etcd/etcd_client.h"
#include "net/run_until.h"

namespace utakata::net {

class EtcdForTests {
 public:
  // `words`: further ones of the command line, such as "--quota-backend-bytes=2000000". `tls`: its
  // files are what clients need; where it has any, members are at https://.
  explicit EtcdForTests(std::size_t members = 1, std::vector<std::string> words = {},
                        EtcdOptions tls = {})
      : words_(std::move(words)), tls_(std::move(tls)) {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-etcd-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    for (std::size_t i = 0; i < members; ++i)
      members_.push_back({.clients = free_port(), .peers = free_port()});
    if (!is_installed()) {
      why_not_ = "there is no etcd on this machine (Debian's package etcd-server)";
      return;
    }
    for (std::size_t i = 0; i < members; ++i) start(i);
    if (!wait_until_up()) why_not_ = "etcd does not start on this machine: " + last_lines();
  }
  ~EtcdForTests() {
    for (std::size_t i = 0; i < members_.size(); ++i) end(i);
    std::error_code none;
    std::filesystem::remove_all(folder_, none);
  }
  EtcdForTests(const EtcdForTests&) = delete;
  EtcdForTests& operator=(const EtcdForTests&) = delete;

  static bool is_installed() { return system("command -v etcd >/dev/null 2>&1") == 0; }
  const std::string& why_not() const { return why_not_; }

  // With the data of its earlier life, where it had one.
  void start(std::size_t i = 0) {
    Member& one = members_[i];
    std::string all;
    for (std::size_t k = 0; k < members_.size(); ++k)
      all += fmt::format("{}m{}=http://127.0.0.1:{}", k ? "," : "", k, members_[k].peers);
    const auto clients = endpoint(i);
    const auto peers = fmt::format("http://127.0.0.1:{}", one.peers);
    std::vector<std::string> line = {"etcd",
                                     fmt::format("--name=m{}", i),
                                     fmt::format("--data-dir={}/m{}", folder_, i),
                                     "--listen-client-urls=" + clients,
                                     "--advertise-client-urls=" + clients,
                                     "--listen-peer-urls=" + peers,
                                     "--initial-advertise-peer-urls=" + peers,
                                     "--initial-cluster=" + all,
                                     "--logger=zap",
                                     "--log-level=error"};
    line.insert(line.end(), words_.begin(), words_.end());
    std::vector<char*> words;
    for (auto& word : line) words.push_back(word.data());
    words.push_back(nullptr);
    one.process = fork();
    if (one.process != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(log, 1);
    dup2(log, 2);
    execvp("etcd", words.data());
    _exit(127);
  }
  void end(std::size_t i = 0) {
    if (members_[i].process <= 0) return;
    kill(members_[i].process, SIGKILL);
    waitpid(std::exchange(members_[i].process, -1), nullptr, 0);
  }
  void freeze(std::size_t i = 0) const { kill(members_[i].process, SIGSTOP); }
  void thaw(std::size_t i = 0) const { kill(members_[i].process, SIGCONT); }

  std::string endpoint(std::size_t i = 0) const {
    return fmt::format("{}://127.0.0.1:{}", tls_.ca_file.empty() ? "http" : "https",
                       members_[i].clients);
  }
  EtcdOptions options() const {
    EtcdOptions options = tls_;
    for (std::size_t i = 0; i < members_.size(); ++i) options.endpoints.push_back(endpoint(i));
    return options;
  }

  // Blocks until a read that needs a majority is answered.
  bool wait_until_up(Duration within = 30s) const {
    Loop loop;
    EtcdClient client(loop, options());
    const auto end = loop.now() + within;
    while (loop.now() < end) {
      std::optional<bool> is_up;
      client.range({.key = "up"}, [&](Expected<EtcdRows> rows) { is_up = rows.has_value(); });
      if (run_until(loop, [&] { return is_up.has_value(); }) && *is_up) return true;
      const auto again = loop.now() + 50ms;
      run_until(loop, [&] { return loop.now() >= again; });
    }
    return false;
  }
  // Who leads now; blocks.
  std::optional<std::size_t> leader() const {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (const auto status = post(i, "/v3/maintenance/status", "{}"); !status.empty()) {
        const auto own = value_of(status, "member_id"), leads = value_of(status, "leader");
        if (!own.empty() && own == leads) return i;
      }
    return std::nullopt;
  }
  // Blocks; the body of a 200, or nothing.
  std::string post(std::size_t i, const std::string& path, const std::string& body) const {
    Loop loop;
    HttpClient http(loop);
    std::optional<Expected<HttpResult>> result;
    HttpCall call;
    call.method = "POST";
    call.url = endpoint(i) + path;
    call.body = body;
    http.call(std::move(call), [&](Expected<HttpResult> got) { result = std::move(got); });
    run_until(loop, [&] { return result.has_value(); });
    return *result && (*result)->status == 200 ? (*result)->body : "";
  }

 private:
  struct Member {
    std::uint16_t clients = 0, peers = 0;
    pid_t process = -1;
  };
  static std::uint16_t free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    bind(probe, reinterpret_cast<sockaddr*>(&place), size);
    getsockname(probe, reinterpret_cast<sockaddr*>(&place), &size);
    close(probe);
    return ntohs(place.sin_port);
  }
  static std::string value_of(const std::string& json, const std::string& name) {
    const auto found = json.find('"' + name + "\":\"");
    if (found == json.npos) return "";
    const auto from = found + name.size() + 4;
    return json.substr(from, json.find('"', from) - from);
  }
  std::string last_lines() const {
    std::FILE* const pipe = popen(("tail -n 3 " + folder_ + "/log").c_str(), "r");
    std::string text(2000, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), pipe));
    pclose(pipe);
    return text;
  }

  const std::vector<std::string> words_;
  const EtcdOptions tls_;
  std::string folder_, why_not_;
  std::vector<Member> members_;
};

}  // namespace utakata::net

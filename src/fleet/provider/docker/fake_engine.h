// For tests: what the real Engine (20.10, API 1.41) answered, replayed over a unix socket by
// blocking threads of its own; and an Engine that misbehaves.
#pragma once

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace utakata {

class FakeEngine {
 public:
  using Json = nlohmann::json;
  struct Container {
    Json order;
    std::string state = "created", log;
    int starts = 0;
  };

  FakeEngine() {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-fake-XXXXXX").string();
    folder = mkdtemp(name.data());
    chmod(folder.c_str(), 0755);
    listen();
  }
  ~FakeEngine() {
    close_all();
    std::filesystem::remove_all(folder);
  }
  std::string socket() const { return folder + "/s"; }

  void listen() {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strncpy(path.sun_path, socket().c_str(), sizeof path.sun_path - 1);
    unlink(socket().c_str());
    bind(listener_, reinterpret_cast<sockaddr*>(&path), sizeof path);
    ::listen(listener_, 64);
    is_over_ = false;
    acceptor_ = std::thread([this] {
      for (int one; (one = accept(listener_, nullptr, nullptr)) >= 0;) {
        const std::lock_guard lock(mutex);
        connections_.push_back(one);
        threads_.emplace_back([this, one] { serve(one); });
      }
    });
  }
  // As an Engine that is stopped: its socket is still there, and nobody answers.
  void close_all() {
    if (listener_ < 0) return;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex);
      is_over_ = true;
      for (const int one : connections_) shutdown(one, SHUT_RDWR);
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    for (const int one : connections_) close(one);
    threads_.clear();
    connections_.clear();
    close(std::exchange(listener_, -1));
  }

  static std::string answer(int status, const std::string& body) {
    return fmt::format(
        "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "\r\n{}",
        status, body.size(), body);
  }
  // The container's end, as the Engine's own feed tells it.
  void die(const std::string& id, int code) {
    const std::lock_guard lock(mutex);
    containers[id].state = "exited";
    events_ += fmt::format(
        R"({{"status":"die","id":"{0}","from":"tiny:1","Type":"container","Action":"die",)"
        R"("Actor":{{"ID":"{0}","Attributes":{{"exitCode":"{1}","image":"tiny:1"}}}},)"
        R"("scope":"local","time":1795422592,"timeNano":1795422592712251453}})"
        "\n",
        id, code);
    changed_.notify_all();
  }
  static std::string frame(const std::string& text) {
    const std::string said = "2026-11-23T08:27:49.605576259Z " + text;
    return std::string("\2\0\0\0\0\0", 6) + char(said.size() >> 8) + char(said.size() & 255) + said;
  }
  // Instead of its answer, where it is not empty: raw bytes, after which it hangs up. "-": none.
  void misbehave(std::function<std::string(const std::string& request)> how) {
    const std::lock_guard lock(mutex);
    how_ = std::move(how);
  }

  std::string folder;
  std::mutex mutex;
  std::map<std::string, Container> containers;                  // by id
  std::vector<std::string> asked;                               // "POST /containers/c1/start"
  std::string body_now;                                         // of what is asked now
  std::map<std::string, std::size_t> images = {{"tiny:1", 0}};  // and the bytes they were sent as

 private:
  void serve(int socket) {
    std::string bytes;
    std::string piece(4096, 0);
    for (;;) {
      const auto head = bytes.find("\r\n\r\n");
      const auto length_at = bytes.find("Content-Length: ");
      const std::size_t length =
          length_at < head ? std::stoul(bytes.substr(length_at + 16)) : std::size_t(0);
      if (head != bytes.npos && bytes.size() >= head + 4 + length) {
        const auto line = bytes.substr(0, bytes.find(" HTTP/"));
        const auto body = bytes.substr(head + 4, length);
        bytes.erase(0, head + 4 + length);
        if (!reply(socket, line, body)) break;
        continue;
      }
      const auto size = recv(socket, piece.data(), piece.size(), 0);
      if (size <= 0) break;
      bytes.append(piece, 0, std::size_t(size));
    }
    shutdown(socket, SHUT_RDWR);
  }

  bool reply(int socket, std::string line, const std::string& body) {
    line.erase(line.find("/v1.41"), 6);
    std::unique_lock lock(mutex);
    asked.push_back(line);
    body_now = body;
    if (const auto odd = how_ ? how_(line) : std::string(); !odd.empty()) {
      if (odd != "-") put(socket, odd);
      return false;
    }
    if (line.starts_with("GET /events")) return feed(socket, lock);
    if (line.find("/logs?") != line.npos)
      return put(socket,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + containers[part(line, 1)].log),
             false;
    put(socket, plain(line, body));
    return true;
  }

  std::string plain(const std::string& line, const std::string& body) {
    const bool is_create = line.starts_with("POST /containers/create");
    if (is_create) {
      const auto order = Json::parse(body);
      if (!images.contains(order["Image"]))
        return answer(
            404, R"({"message":"No such image: )" + order["Image"].get<std::string>() + "\"}\n");
      const auto id = fmt::format("c{}", ++last_);
      containers[id].order = order;
      return answer(201, fmt::format(R"({{"Id":"{}","Warnings":[]}})"
                                     "\n",
                                     id));
    }
    if (line.starts_with("GET /containers/json")) return answer(200, list().dump());
    if (line.find(" /images/") != line.npos) return of_images(line, body);
    const auto found = containers.find(part(line, 1));
    if (found == containers.end()) return answer(404, R"({"message":"No such container: x"})");
    if (line.starts_with("DELETE")) {
      containers.erase(found);
      return "HTTP/1.1 204 No Content\r\n\r\n";
    }
    if (line.find("/start") != line.npos) found->second.state = "running", ++found->second.starts;
    return "HTTP/1.1 204 No Content\r\n\r\n";
  }

  std::string of_images(const std::string& line, const std::string& body) {
    if (line.starts_with("POST")) {
      const auto word = [&](const std::string& key) {
        const auto from = line.find("&" + key + "=") + key.size() + 2;
        auto text = line.substr(from, line.find('&', from) - from);
        if (const auto slash = text.find("%2F"); slash != text.npos) text.replace(slash, 3, "/");
        return text;
      };
      images[word("repo") + ":" + word("tag")] = body.size();
      return answer(200, "{\"status\":\"importing\"}\r\n{\"status\":\"sha256:4f5e\"}\r\n");
    }
    if (line.starts_with("DELETE")) {
      const auto name = line.substr(15, line.find('?') - 15);  // "DELETE /images/"
      return images.erase(name) ? answer(200, R"([{"Untagged":"x"}])")
                                : answer(404, R"({"message":"No such image"})");
    }
    Json all = Json::array();
    for (const auto& [name, bytes] : images)
      all.push_back({{"Id", "sha256:4f5e"}, {"RepoTags", {name}}});
    return answer(200, all.dump());
  }

  Json list() const {
    Json all = Json::array();
    for (const auto& [id, one] : containers)
      all.push_back({{"Id", id},
                     {"State", one.state},
                     {"Status", "Up 2 seconds"},
                     {"Labels", one.order["Labels"]}});
    return all;
  }

  // Word of the path: "/containers/c1/start" has "c1" as the first after the kind.
  static std::string part(const std::string& line, int number) {
    auto path = line.substr(line.find('/') + 1);
    path = path.substr(0, path.find('?'));
    for (; number > 0; --number) path = path.substr(std::min(path.size(), path.find('/') + 1));
    return path.substr(0, path.find('/'));
  }

  // In pieces of seven bytes: a line of JSON seldom comes whole.
  bool feed(int socket, std::unique_lock<std::mutex>& lock) {
    put(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::size_t from = events_.size();;) {
      changed_.wait(lock, [&] { return is_over_ || events_.size() > from; });
      if (is_over_) return false;
      for (; from < events_.size(); from += 7) {
        const auto piece = events_.substr(from, 7);
        put(socket, fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
      }
      from = events_.size();
    }
  }

  static void put(int socket, const std::string& bytes) {
    (void)send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  int listener_ = -1, last_ = 0;
  bool is_over_ = false;
  std::string events_;
  std::function<std::string(const std::string&)> how_;
  std::condition_variable changed_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace utakata

// A redis-server of a test's own on a free port.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wire/redis_address.h"

namespace utakata::net {

class RedisForTests {
 public:
  explicit RedisForTests(std::string password = "") : password_(std::move(password)) {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&place), size), 0);
    getsockname(probe, reinterpret_cast<sockaddr*>(&place), &size);
    port_ = ntohs(place.sin_port);
    close(probe);
    start();
  }
  ~RedisForTests() { end(); }
  RedisForTests(const RedisForTests&) = delete;
  RedisForTests& operator=(const RedisForTests&) = delete;

  void start() {
    const auto port = std::to_string(port_);
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      execlp("redis-server", "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "no", "--logfile", "/dev/null", "--requirepass",
             password_.c_str(), nullptr);
      _exit(127);
    }
    bool is_up = false;
    for (int i = 0; i < 1'000 && !is_up; ++i) {
      is_up = !ask({"PING"}).empty();
      if (!is_up) usleep(10'000);
    }
    EXPECT_TRUE(is_up) << "redis-server does not answer";
  }
  void end() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(std::exchange(process_, -1), nullptr, 0);
  }
  void freeze() { kill(process_, SIGSTOP); }
  void thaw() { kill(process_, SIGCONT); }
  wire::RedisAddress address() const { return {.port = port_, .password = password_}; }

  // Blocks; empty: no answer. An error's text, a number as a text, an array's size.
  std::string ask(const std::vector<std::string>& words) const {
    const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
        redisConnectWithTimeout("127.0.0.1", port_, timeval{5, 0}), redisFree);
    if (!context || context->err) return "";
    if (!password_.empty())
      freeReplyObject(redisCommand(context.get(), "AUTH %s", password_.c_str()));
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    auto* reply = static_cast<redisReply*>(
        redisCommandArgv(context.get(), int(words.size()), texts.data(), sizes.data()));
    if (!reply) return "";
    std::string out;
    if (reply->type == REDIS_REPLY_INTEGER)
      out = std::to_string(reply->integer);
    else if (reply->type == REDIS_REPLY_ARRAY)
      out = std::to_string(reply->elements);
    else if (reply->str)
      out.assign(reply->str, reply->len);
    freeReplyObject(reply);
    return out;
  }

 private:
  const std::string password_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace utakata::net

// For tests of HTTP requests: a client on a loop, and what it was told.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load/client/http.h"

namespace utakata::load {

struct Heard {
  int status = 0;  // 0: it failed
  std::string status_text, head, body;
  HttpTimes times;
  HttpPhase phase{};
  FailureKind kind{};
  std::string what;
  bool is_late = false;
};

class HttpTest : public testing::Test {
 protected:
  struct Question {
    std::string method = "GET", target = "/", headers{};
    std::optional<std::string> body{};
    std::uint32_t pool = 0;
    Duration deadline = 20s;
  };
  void use(std::uint16_t port, const HttpRequests::Limits& limits = {}) {
    port_ = port;
    client_ = std::make_unique<HttpRequests>(
        loop_, limits, sources_,
        HttpRequests::Calls{.answered =
                                [this](RequestId id, const HttpAnswer& answer) {
                                  tell(id, {.status = answer.status,
                                            .status_text = std::string(answer.status_text),
                                            .head = std::string(answer.head),
                                            .body = std::string(answer.body),
                                            .times = answer.times});
                                },
                            .failed =
                                [this](RequestId id, const HttpFailure& failure) {
                                  tell(id, {.phase = failure.phase,
                                            .kind = failure.kind,
                                            .what = failure.what,
                                            .is_late = failure.is_late});
                                }});
  }
  RequestId ask(const Question& question, const std::string& host = "a") {
    return client_->request(
        {.origin =
             client_->origin({.addresses = addresses(), .host = host, .tls = tls_, .name = host}),
         .pool = question.pool,
         .method = question.method,
         .target = question.target,
         .headers = "Host: " + host + "\r\n" + question.headers,
         .body = question.body,
         .deadline = question.deadline});
  }
  std::vector<net::TcpAddress> addresses() const {
    std::vector<net::TcpAddress> all;
    for (const auto& one : addresses_) all.push_back(*net::numeric_address(one, port_));
    return all;
  }
  void run_until(const std::function<bool()>& holds) {
    bool is_late = false, is_over = false;
    const auto patience = loop_.after(20s, [&] { is_late = true; });
    const auto look = loop_.on_turn_end([&] {
      if (!is_over && (holds() || is_late)) is_over = true, loop_.stop();
    });
    loop_.run();
    EXPECT_FALSE(is_late) << "waited in vain";
    loop_.cancel_turn_end(look);
    loop_.cancel(patience);
  }
  Heard get(const Question& question, const std::string& host = "a") {
    const RequestId id = ask(question, host);
    heard_.erase(id);
    run_until([&] { return heard_.contains(id); });
    return heard_[id];
  }
  void tell(RequestId id, const Heard& heard) {
    heard_[id] = heard;
    ++told_;
    if (on_told_) on_told_(id);
  }

  net::Loop loop_;
  Sources sources_;
  std::vector<std::string> addresses_ = {"127.0.0.1"};
  std::uint16_t port_ = 0;
  const net::TlsDialler* tls_ = nullptr;  // in the clear
  std::unique_ptr<HttpRequests> client_;
  std::map<RequestId, Heard> heard_;  // the last of each id
  std::size_t told_ = 0;
  std::function<void(RequestId)> on_told_;
};

}  // namespace utakata::load

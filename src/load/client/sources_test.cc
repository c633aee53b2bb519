#include "load/client/sources.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "net/loop.h"

namespace utakata::load {
namespace {

// Servers on this machine, and where who connects to them comes from.
class SourcesTest : public testing::Test {
 protected:
  std::unique_ptr<net::TcpListener> listens(const std::string& host = "127.0.0.1") {
    return net::TcpListener::open(loop_, host, 0, {.accepted = [](auto, auto) {}}).value();
  }
  static net::TcpAddress at(const net::TcpListener& server, const std::string& host = "127.0.0.1") {
    return *net::numeric_address(host, server.port());
  }
  static std::string came_from(const Line& line) {
    net::TcpAddress address{.size = sizeof address.bytes};
    getsockname(line.socket.get(), reinterpret_cast<sockaddr*>(&address.bytes), &address.size);
    return to_text(address);
  }
  // So many more to a server, each from its address; what is no connection counts by its kind.
  std::map<std::string, int> dial(Sources& sources, const net::TcpAddress& to, int count) {
    std::map<std::string, int> from;
    for (; count > 0; --count) {
      auto line = sources.dial(to);
      ++from[line ? came_from(*line) : std::string(to_text(line.error().kind))];
      if (line) lines_.push_back(std::move(*line));
    }
    return from;
  }
  void close_all(Sources& sources) {
    for (Line& line : lines_) sources.closed(line);
    lines_.clear();
  }
  using From = std::map<std::string, int>;
  net::Loop loop_;
  std::unique_ptr<net::TcpListener> server_ = listens();
  std::vector<Line> lines_;
};

TEST_F(SourcesTest, this_machine_has_ports) { EXPECT_GT(ephemeral_ports(), 1000u); }

TEST_F(SourcesTest,
       few_connections_to_loopback_then_the_kernel_chooses_and_beyond_they_are_spread) {
  Sources sources(24);  // 6 from each
  EXPECT_EQ(dial(sources, at(*server_), 6), (From{{"127.0.0.1", 6}}));
  EXPECT_EQ(dial(sources, at(*server_), 7), (From{{"127.0.0.2", 6}, {"127.0.0.3", 1}}));
  const auto another = listens();
  EXPECT_EQ(dial(sources, at(*another), 6), (From{{"127.0.0.1", 6}})) << "each server for itself";
  close_all(sources);
  EXPECT_EQ(dial(sources, at(*server_), 6), (From{{"127.0.0.1", 6}})) << "closed ones leave room";
}

TEST_F(SourcesTest, workers_share_what_the_kernel_chooses_and_keep_to_their_own_beyond) {
  Sources first(24), second(24);
  ASSERT_TRUE(first.use("", {.worker = 0, .workers = 2}));
  ASSERT_TRUE(second.use("", {.worker = 1, .workers = 2}));
  EXPECT_EQ(dial(first, at(*server_), 10),
            (From{{"127.0.0.1", 3}, {"127.0.0.2", 6}, {"127.0.0.4", 1}}));
  EXPECT_EQ(dial(second, at(*server_), 10),
            (From{{"127.0.0.1", 3}, {"127.0.0.3", 6}, {"127.0.0.5", 1}}));
}

TEST_F(SourcesTest, those_that_are_named_are_taken_in_turn) {
  Sources sources;
  ASSERT_TRUE(sources.use("127.0.0.5,127.0.0.9", {}));
  EXPECT_EQ(dial(sources, at(*server_), 5), (From{{"127.0.0.5", 3}, {"127.0.0.9", 2}}));
  ASSERT_TRUE(sources.use("127.1.0.0/16", {.worker = 3, .workers = 10}));
  EXPECT_EQ(dial(sources, at(*server_), 2), (From{{"127.1.0.4", 1}, {"127.1.0.14", 1}}));
  ASSERT_TRUE(sources.use("lo", {}));
  EXPECT_EQ(dial(sources, at(*server_), 2), (From{{"127.0.0.1", 2}}));
  ASSERT_TRUE(sources.use("", {}));
  EXPECT_EQ(dial(sources, at(*server_), 1), (From{{"127.0.0.1", 1}}));
}

TEST_F(SourcesTest, what_cannot_be_used_is_refused_and_all_is_as_it_was) {
  Sources sources;
  ASSERT_TRUE(sources.use("127.0.0.5", {}));
  EXPECT_EQ(sources.use("192.0.2.77", {}).error().what,
            "the source 192.0.2.77 is no address of this machine");
  EXPECT_EQ(sources.use("127.0.0.6,192.0.2.0/24", {}).error().what,
            "the source 192.0.2.1 is no address of this machine");
  EXPECT_EQ(sources.use("nowhere", {}).error().kind, Problem::Kind::invalid);
  EXPECT_EQ(dial(sources, at(*server_), 1), (From{{"127.0.0.5", 1}}));
}

// The other kind of address would not arrive, or not look like what it is.
TEST_F(SourcesTest, a_source_serves_for_its_own_kind_of_server_only) {
  const auto six = listens("::1");
  Sources sources;
  ASSERT_TRUE(sources.use("127.0.0.5", {}));
  EXPECT_EQ(dial(sources, at(*six, "::1"), 1), (From{{"::1", 1}}));
  ASSERT_TRUE(sources.use("127.0.0.5,::1", {.worker = 1, .workers = 2}));
  EXPECT_EQ(dial(sources, at(*six, "::1"), 1), (From{{"::1", 1}}));
  EXPECT_EQ(dial(sources, at(*server_), 1), (From{{"127.0.0.5", 1}}));
}

// Of a machine whose ports from some addresses are taken by others.
std::set<std::string> taken;
std::vector<std::string> asked;
std::expected<net::Descriptor, Failure> dial_where_some_are_taken(const net::TcpAddress& to,
                                                                  const net::TcpAddress& source) {
  asked.push_back(source.size == 0 ? "the kernel's" : to_text(source));
  if (taken.contains(asked.back())) return std::unexpected(failure_of(EADDRNOTAVAIL));
  return dial_tcp(to, source);
}

TEST_F(SourcesTest, all_ports_of_an_address_are_taken_then_the_next_is_tried_and_kept_to) {
  asked.clear();
  taken = {"the kernel's", "127.0.0.2"};
  Sources sources(24, dial_where_some_are_taken);
  EXPECT_EQ(dial(sources, at(*server_), 2), (From{{"127.0.0.3", 2}}));
  EXPECT_EQ(asked,
            (std::vector<std::string>{"the kernel's", "127.0.0.2", "127.0.0.3", "127.0.0.3"}))
      << "who had none is not asked again: to look for a port takes long where all are taken";
  taken = {"127.0.0.5"};
  ASSERT_TRUE(sources.use("127.0.0.5,127.0.0.6", {}));
  EXPECT_EQ(dial(sources, at(*server_), 2), (From{{"127.0.0.6", 2}}));
}

TEST_F(SourcesTest, no_port_is_free_then_after_some_tries_the_error_names_the_remedy) {
  taken = {"the kernel's", "127.0.0.5", "127.0.0.6"};
  for (int i = 2; i <= 8; ++i) taken.insert("127.0.0." + std::to_string(i));
  Sources sources(24, dial_where_some_are_taken);
  const auto error = [&](const net::TcpAddress& to) {
    asked.clear();
    const auto line = sources.dial(to);
    return line ? Failure{} : line.error();
  };
  const auto server = at(*server_);
  EXPECT_EQ(error(server).kind, FailureKind::ports);
  EXPECT_EQ(asked.size(), 8u);
  EXPECT_EQ(error(server).kind, FailureKind::none) << "127.0.0.9 has some";
  ASSERT_TRUE(sources.use("127.0.0.5,127.0.0.6", {}));
  EXPECT_EQ(error(server).what,
            "all 24 ports to 127.0.0.1 port " + std::to_string(server_->port()) +
                " are taken, from 2 addresses: name more with --source, or widen "
                "net.ipv4.ip_local_port_range");
  EXPECT_EQ(asked, (std::vector<std::string>{"127.0.0.5", "127.0.0.6"}));
  EXPECT_EQ(error(*net::numeric_address("192.0.2.1", 80)).what,
            "all 24 ports to 192.0.2.1 port 80 are taken, from 1 address: name more with --source, "
            "or widen net.ipv4.ip_local_port_range");
}

TEST_F(SourcesTest, nobody_listens_or_there_is_no_way_then_it_is_said_at_once_or_later) {
  Sources sources;
  EXPECT_EQ(dial(sources, *net::numeric_address("255.255.255.255", 1), 1).begin()->second, 1);
  const auto to = at(*server_);
  server_.reset();
  auto line = sources.dial(to);
  // Loopback tells at once or as soon as it is asked.
  EXPECT_EQ(line ? connect_failure(line->socket.get()) : ECONNREFUSED, ECONNREFUSED);
}

}  // namespace
}  // namespace utakata::load

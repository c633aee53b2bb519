// What is said to HAProxy's runtime API, and what it answers (2.6's management guide, 9.3). Pure.
//
// A connection carries one line: commands with `;` between them. HAProxy answers each with a line
// or several, or an empty one, mostly with an empty line after it, and closes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata {

inline constexpr int haproxy_weight_max = 256;

// A server of a backend, as HAProxy tells it.
struct HaproxyServer {
  std::string name;
  std::string address;  // a number
  std::uint16_t port = 0;
  bool is_maint = false, is_drained = false;  // as it was forced to be, whatever checks say
  int weight = 0;
  bool operator==(const HaproxyServer&) const = default;
};

std::string haproxy_question(const std::string& backend);  // a whole line
// The answer to it. `refused`: there is no such backend, or another reason in HAProxy's words, with
// what helps; `invalid`: that is no such answer, or it broke off.
Expected<std::vector<HaproxyServer>> haproxy_servers(std::string_view answer,
                                                     const std::string& backend);

// A server as it is to be. Who is drained keeps its sockets and is given no more.
struct HaproxyWish {
  enum class Be { open, drained, as_it_is };
  std::string name;
  std::string address;  // a number, as HAProxy writes it; empty with `as_it_is` only
  std::uint16_t port = 0;
  Be be = Be::open;
  int weight = haproxy_weight_max;  // 1 to 256
};

// The commands that lead from what stands there to what is wished, differences only: those that
// let clients in first. Of servers, only those are touched whose name begins with `prefix`; who is
// not wished, or has moved, is to take no more clients and removed, which is refused until the last
// of its sockets is gone: it is asked for again. What is not there and not open is not added.
std::vector<std::string> haproxy_steps(const std::string& backend, std::string_view prefix,
                                       std::span<const HaproxyWish> wishes,
                                       std::span<const HaproxyServer> standing);

// In whole lines, in this order, each of `bytes_most` or one command.
std::vector<std::string> haproxy_lines(std::span<const std::string> commands,
                                       std::size_t bytes_most);

// The first refusal in the answer to such a line, with what helps; none: all was done. That a
// server still has connections or is no more is none, either: the next look tells.
std::optional<std::string> haproxy_refusal(std::string_view answer, const std::string& backend);

// Any text as a part of a server's name: what may not stand in one is written `_XX`, in hex.
std::string haproxy_name(std::string_view text);

// Room as a weight, in steps of 16, so that not every client is a command; never 0.
int haproxy_weight(int free, int capacity);

}  // namespace utakata

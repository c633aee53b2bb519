#include "fleet/publish/haproxy/haproxy_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <utility>

namespace utakata {
namespace {

// Where a line of `show servers state` has what, in version 1 of its format.
constexpr std::string_view state_version = "1";
constexpr std::string_view state_columns =
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight ";
constexpr std::size_t name_column = 3, address_column = 4, admin_column = 6, weight_column = 7,
                      port_column = 18, columns_least = 20;
constexpr unsigned forced_maint = 1, forced_drain = 8;

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A name is said again in commands: none that HAProxy itself would refuse.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || std::string_view("-_.:").find(c) != std::string_view::npos;
  });
}

std::optional<HaproxyServer> server_in(std::string_view line) {
  std::array<std::string_view, columns_least> words;
  for (auto& word : words) {
    if (line.empty()) return std::nullopt;
    const auto end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  const auto admin = number<unsigned>(words[admin_column]);
  const auto weight = number<int>(words[weight_column]);
  const auto port = number<std::uint16_t>(words[port_column]);
  if (!is_name(words[name_column]) || !admin || !weight || !port) return std::nullopt;
  return HaproxyServer{.name = std::string(words[name_column]),
                       .address = std::string(words[address_column]),
                       .port = *port,
                       .is_maint = (*admin & forced_maint) != 0,
                       .is_drained = (*admin & forced_drain) != 0,
                       .weight = *weight};
}

// A word or two of what somebody else may have written, fit for a sentence.
std::string quoted(std::string_view text) {
  std::string out(text.substr(0, 80));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return fmt::format("`{}`{}", out, text.size() > 80 ? "..." : "");
}

std::string remedy(std::string_view words, const std::string& backend) {
  const auto has = [&](const char* what) { return words.find(what) != words.npos; };
  if (has("Permission denied"))
    return ": its `stats socket` line in haproxy.cfg needs `level admin`";
  if (has("No such backend") || has("find backend"))
    return fmt::format(
        ": haproxy.cfg needs a section `backend {}`, or `publish: haproxy:` another `backend`, or "
        "`clusters` without this one",
        backend);
  if (has("dynamic load balancing"))
    return fmt::format(": `backend {}` needs `balance leastconn`", backend);
  if (has("Unknown command")) return ": HAProxy 2.6 or later is needed";
  return "";
}

bool is_fine(std::string_view line) {
  constexpr std::array fine = {"New server registered", "Server deleted", "No such server",
                               "still has connections"};
  return line.empty() || std::ranges::any_of(fine, [&](const char* words) {
           return line.find(words) != line.npos;
         });
}

struct Steps {
  std::vector<std::string> let_in, keep_out;
};

void adjust(const std::string& place, const HaproxyWish& wish, const HaproxyServer& now,
            Steps& steps) {
  const auto set = [&](std::vector<std::string>& to, const std::string& what) {
    to.push_back(fmt::format("set server {} {}", place, what));
  };
  if (wish.be == HaproxyWish::Be::drained && (!now.is_drained || now.is_maint))
    set(steps.keep_out, "state drain");
  if (wish.be != HaproxyWish::Be::open) return;
  if (now.weight != wish.weight) set(steps.let_in, fmt::format("weight {}", wish.weight));
  if (now.is_drained || now.is_maint) set(steps.let_in, "state ready");
}

}  // namespace

std::string haproxy_question(const std::string& backend) {
  return fmt::format("show servers state {}\n", backend);
}

Expected<std::vector<HaproxyServer>> haproxy_servers(std::string_view answer,
                                                     const std::string& backend) {
  const bool is_whole = answer.ends_with("\n\n");
  const auto first = take_line(answer);
  if (auto help = remedy(first, backend); !help.empty())
    return problem(Problem::Kind::refused, fmt::format("it says {}{}", quoted(first), help));
  const auto not_it = [](std::string_view line) {
    return problem(Problem::Kind::invalid,
                   fmt::format("what answers is not the runtime API of HAProxy 2.6 or later: {}",
                               quoted(line)));
  };
  if (first != state_version) return not_it(first);
  if (!is_whole) return problem(Problem::Kind::invalid, "its answer broke off", true);
  if (const auto columns = take_line(answer); !columns.starts_with(state_columns))
    return not_it(columns);
  std::vector<HaproxyServer> servers;
  while (!answer.empty()) {
    const auto line = take_line(answer);
    if (line.empty() || line.starts_with('#')) continue;
    auto server = server_in(line);
    if (!server) return not_it(line);
    servers.push_back(std::move(*server));
  }
  return servers;
}

std::vector<std::string> haproxy_steps(const std::string& backend, std::string_view prefix,
                                       std::span<const HaproxyWish> wishes,
                                       std::span<const HaproxyServer> standing) {
  std::unordered_map<std::string_view, const HaproxyServer*> there;
  for (const auto& server : standing)
    if (server.name.starts_with(prefix)) there.emplace(server.name, &server);
  Steps steps;
  for (const auto& wish : wishes) {
    const std::string place = backend + "/" + wish.name;
    const auto found = there.find(wish.name);
    if (found == there.end()) {
      if (wish.be != HaproxyWish::Be::open) continue;
      const bool is_v6 = wish.address.find(':') != std::string::npos;
      steps.let_in.push_back(fmt::format("add server {} {}{}{}:{} weight {}", place,
                                         is_v6 ? "[" : "", wish.address, is_v6 ? "]" : "",
                                         wish.port, wish.weight));
      steps.let_in.push_back(fmt::format("set server {} state ready", place));
      continue;
    }
    const HaproxyServer& now = *found->second;
    const bool has_moved = now.address != wish.address || now.port != wish.port;
    if (wish.be != HaproxyWish::Be::as_it_is && has_moved) continue;
    adjust(place, wish, now, steps);
    there.erase(found);
  }
  for (const auto& server : standing) {
    if (!there.contains(server.name)) continue;
    const std::string place = backend + "/" + server.name;
    if (!server.is_maint) steps.keep_out.push_back(fmt::format("set server {} state maint", place));
    steps.keep_out.push_back(fmt::format("del server {}", place));
  }
  auto all = std::move(steps.let_in);
  all.insert(all.end(), steps.keep_out.begin(), steps.keep_out.end());
  return all;
}

std::vector<std::string> haproxy_lines(std::span<const std::string> commands,
                                       std::size_t bytes_most) {
  std::vector<std::string> lines;
  for (const auto& command : commands) {
    if (lines.empty() || lines.back().size() + command.size() + 2 > bytes_most)
      lines.emplace_back(command);
    else
      lines.back().append(";").append(command);
  }
  for (auto& line : lines) line += '\n';
  return lines;
}

std::optional<std::string> haproxy_refusal(std::string_view answer, const std::string& backend) {
  while (!answer.empty()) {
    const auto line = take_line(answer);
    if (!is_fine(line)) return fmt::format("it says {}{}", quoted(line), remedy(line, backend));
  }
  return std::nullopt;
}

std::string haproxy_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (is_letter(c) || c == '-' || c == '.')
      name += c;
    else
      name += fmt::format("_{:02X}", static_cast<unsigned char>(c));
  }
  return name;
}

int haproxy_weight(int free, int capacity) {
  constexpr int step = 16;
  const std::int64_t whole = std::max(capacity, 1), left = std::max(free, 1);
  const auto steps = (left * (haproxy_weight_max / step) + whole - 1) / whole;
  return int(std::clamp<std::int64_t>(steps * step, step, haproxy_weight_max));
}

}  // namespace utakata

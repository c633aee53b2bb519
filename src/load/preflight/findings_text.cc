#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "load/preflight/preflight.h"

namespace utakata::load {
namespace {

std::string_view word(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

}  // namespace

std::string to_text(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& one : findings)
    text += fmt::format("{}: {}: {}\n", word(one.severity), name(one.limit), one.what);
  return text;
}

std::string to_json(std::span<const Finding> findings) {
  auto all = nlohmann::ordered_json::array();
  for (const Finding& one : findings)
    all.push_back({{"severity", word(one.severity)},
                   {"limit", name(one.limit)},
                   {one.is_a_second ? "users_per_second" : "users", one.users},
                   {"what", one.what}});
  return all.dump();
}

}  // namespace utakata::load

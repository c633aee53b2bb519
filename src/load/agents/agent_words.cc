#include "load/agents/agent_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace utakata::load {
namespace {

constexpr std::array<std::string_view, 13> kVerbs = {"hello",   "ping",   "pong", "file", "data",
                                                     "refused", "worker", "tell", "said", "printed",
                                                     "kill",    "drop",   "ended"};

std::unexpected<Problem> unknown() {
  return problem(Problem::Kind::invalid, "the other end says what has no meaning here.");
}

}  // namespace

Expected<AgentWord> agent_word(std::string_view message) {
  const std::size_t end = message.find(' ');
  if (end == message.npos) return unknown();
  const auto verb = std::ranges::find(kVerbs, message.substr(0, end));
  if (verb == kVerbs.end()) return unknown();
  message.remove_prefix(end + 1);
  AgentWord word{.verb = AgentVerb(verb - kVerbs.begin())};
  const char* const last = message.data() + message.size();
  const auto [stop, error] = std::from_chars(message.data(), last, word.number);
  if (error != std::errc() || word.number < 0) return unknown();
  message.remove_prefix(std::size_t(stop - message.data()));
  if (message.empty()) return word;
  if (message.front() != ' ') return unknown();
  word.rest = message.substr(1);
  return word;
}

std::string to_message(const AgentWord& word) {
  std::string message = fmt::format("{} {}", kVerbs[std::size_t(word.verb)], word.number);
  if (!word.rest.empty()) (message += ' ') += word.rest;
  return message;
}

}  // namespace utakata::load

#include "fleet/stack/run_options.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "fleet/stack/stack_file.h"

namespace utakata {
namespace {

bool is_ours(std::string_view rest) {
  return rest.starts_with("${port}") || rest.starts_with("${host}") ||
         rest.starts_with("${instance}");
}

// One word of /bin/sh, and of a Template.
std::string shell_word(std::string_view word) {
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
  });
  if (is_plain) return std::string(word);
  std::string out = "'";
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\'')
      out += R"('\'')";
    else if (word[i] == '$' && !is_ours(word.substr(i)))
      out += "$$";
    else
      out += word[i];
  }
  return out + "'";
}

std::optional<int> number_from(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > 100'000)
    return std::nullopt;
  return number;
}

}  // namespace

Stack stack_from_run(const RunOptions& options) {
  ClusterSpec cluster;
  cluster.name = options.cluster;
  for (const auto& word : options.command)
    cluster.run.text += (cluster.run.text.empty() ? "" : " ") + shell_word(word);
  if (!cluster.run.text.empty()) cluster.run.text = "exec " + cluster.run.text;
  if (!options.port_env.empty()) cluster.env.emplace_back(options.port_env, Template{"${port}"});
  cluster.capacity = options.capacity;
  cluster.instances_min = options.instances_min;
  cluster.instances_max = options.instances_max;
  if (options.instances_max > options.instances_min)
    cluster.scale = {{"headroom", HeadroomRule{{30, true}}}};
  Stack stack;
  stack.name = options.name;
  stack.folder = options.folder;
  stack.store = options.store;
  stack.api = options.api;
  stack.clusters = {std::move(cluster)};
  complete_stack(stack);
  return stack;
}

std::optional<std::pair<int, int>> instances_range_from(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto min = number_from(text.substr(0, dots));
  const auto max = dots == text.npos ? min : number_from(text.substr(dots + 2));
  if (!min || !max || *max < 1 || *min > *max) return std::nullopt;
  return std::pair(*min, *max);
}

}  // namespace utakata

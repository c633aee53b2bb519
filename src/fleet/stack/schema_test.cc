#include "fleet/stack/schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "fleet/stack/stack_file.h"

namespace utakata {
namespace {

using nlohmann::json;

// Is this key known to the parser, at this place? Asked of the parser itself, by a file that holds
// nothing else there.
bool parser_knows(const std::string& section, const std::string& key) {
  static const std::map<std::string, std::pair<std::string, std::string>> around = {
      {"stack", {"", ""}},
      {"parameter", {"parameters: { p: { ", " } }"}},
      {"api", {"api: { ", " }"}},
      {"etcd_store", {"store: { ", " }"}},
      {"docker", {"docker: { ", " }"}},
      {"swarm", {"provider: { swarm: { ", " } }"}},
      {"cluster", {"clusters: { w: { ", " } }"}},
      {"ready", {"clusters: { w: { ready: { ", " } } }"}},
      {"verify_command", {"clusters: { w: { verify: { ", " } } }"}},
      {"count_of_connections", {"clusters: { w: { count: { ", " } } }"}},
      {"drain", {"clusters: { w: { drain: { ", " } } }"}},
      {"heal", {"clusters: { w: { heal: { ", " } } }"}},
      {"limits", {"clusters: { w: { limits: { ", " } } }"}},
      {"instances_range", {"clusters: { w: { instances: { ", " } } }"}},
      {"observed_containers", {"clusters: { w: { observe: { docker: { ", " } } } }"}},
      {"observe", {"clusters: { w: { observe: { ", " } } }"}},
      {"rebalance", {"clusters: { w: { rebalance: { ", " } } }"}},
      {"price", {"price: { ", " }"}},
      {"publish", {"publish: { ", " }"}},
      {"haproxy", {"publish: { haproxy: { ", " } }"}},
      {"show", {"shows: { s: { ", " } }"}},
      {"show_people", {"shows: { s: { clusters: { w: { ", " } } } }"}},
      {"rule", {"clusters: { w: { scale: [ { ", " } ] } }"}},
  };
  const auto& [before, after] = around.at(section);
  const auto stack =
      parse_stack({.text = before + key + ": x" + after, .folder = "/", .parameters = {}});
  if (stack) return true;
  for (const auto& mistake : stack.error())
    if (mistake.what.starts_with("`" + key + "` is not a key here") ||
        mistake.what.starts_with("`" + key + "` is not yet"))
      return false;
  return true;
}

const json& object_of(const json& schema, const std::string& section) {
  return section == "stack" ? schema : schema["definitions"][section];
}

void find_references(const json& part, std::set<std::string>& found) {
  if (part.is_object() && part.contains("$ref")) found.insert(part["$ref"].get<std::string>());
  if (part.is_structured())
    for (const auto& each : part) find_references(each, found);
}

}  // namespace

TEST(Schema, has_the_keys_that_the_parser_accepts_and_no_other) {
  const json schema = json::parse(stack_schema());
  std::set<std::string> all_keys = {"nonsense"};
  for (const auto& section : stack_file_sections())
    for (const auto& key : section.keys) all_keys.insert(std::string(key.name));
  for (const auto& section : stack_file_sections()) {
    const std::string name(section.name);
    for (const auto& key : all_keys)
      EXPECT_EQ(object_of(schema, name)["properties"].contains(key), parser_knows(name, key))
          << name << "." << key;
  }
}

TEST(Schema, every_key_is_described_and_every_reference_leads_somewhere) {
  const json schema = json::parse(stack_schema());
  for (const auto& section : stack_file_sections())
    for (const auto& key : section.keys)
      EXPECT_TRUE(key.mark == Mark::later || key.about.ends_with('.'))
          << section.name << "." << key.name;
  std::set<std::string> references;
  find_references(schema, references);
  EXPECT_GT(references.size(), 20u);
  for (const auto& reference : references)
    EXPECT_TRUE(schema.contains(json::json_pointer(reference.substr(1)))) << reference;
}

}  // namespace utakata

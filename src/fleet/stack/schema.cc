#include "fleet/stack/schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "fleet/stack/stack_keys.h"

namespace utakata {
namespace {

using Json = nlohmann::ordered_json;

Json reference(std::string_view name) { return {{"$ref", fmt::format("#/definitions/{}", name)}}; }

// A form whose value may also come from a parameter: "${size}".
Json or_parameter(Json form) {
  return {
      {"anyOf", {std::move(form), {{"type", "string"}, {"pattern", R"(\$\{[A-Za-z0-9_-]+\})"}}}}};
}
Json texts_like(std::string_view pattern) {
  return or_parameter({{"type", "string"}, {"pattern", pattern}});
}
Json one_of(std::initializer_list<const char*> words) { return or_parameter({{"enum", words}}); }

void add_scalars(Json& all) {
  all["text"] = {{"type", {"string", "number", "boolean"}}};
  all["scalar"] = {{"type", {"string", "number", "boolean"}}};
  all["texts"] = {
      {"anyOf", {reference("text"), {{"type", "array"}, {"items", reference("text")}}}}};
  all["count_from_0"] = or_parameter({{"type", "integer"}, {"minimum", 0}});
  all["count_from_1"] = or_parameter({{"type", "integer"}, {"minimum", 1}});
  all["number"] = or_parameter({{"type", "number"}, {"exclusiveMinimum", 0}});
  all["duration"] = texts_like(R"(^([0-9.]+(ms|s|m|h|d))+$)");
  all["duration_or_none"] = texts_like(R"(^(none|([0-9.]+(ms|s|m|h|d))+)$)");
  all["amount_or_auto"] = {{"anyOf", {reference("amount"), texts_like("^auto$")}}};
  all["percentage"] = texts_like("^[0-9.]+ ?%$");
  all["amount"] = {{"anyOf", {reference("count_from_1"), reference("percentage")}}};
  all["rate"] = texts_like("^[0-9.]+/[sm]$");
  all["size"] = {{"anyOf", {reference("count_from_1"), texts_like("^[0-9]+[KMGTkmgt]?$")}}};
  all["yes_or_no"] = or_parameter({{"type", "boolean"}});
  all["powers"] = {{"type", "array"},
                   {"items", {{"enum", {"observe", "place", "launch", "drain", "heal"}}}}};
  all["range"] = texts_like("^[0-9]+-[0-9]+$");
  all["web_path"] = texts_like("^/");
  all["method_and_path"] = texts_like("^(POST|PUT|GET|PATCH|DELETE) /");
  all["only_true"] = or_parameter({{"const", true}});
  all["policy"] = one_of({"least", "pack", "weighted"});
  all["spread_over"] = one_of({"zones", "hosts", "none"});
  Json with_settings = {{"type", "object"}, {"additionalProperties", false}};
  with_settings["properties"]["docker"] = reference("docker");
  with_settings["properties"]["swarm"] = reference("swarm");
  with_settings["maxProperties"] = 1;
  all["provider"] = {{"anyOf", {one_of({"process", "docker", "swarm", "observe"}), with_settings}}};
  all["docker_host"] = texts_like("^(tcp://[^/]+:[0-9]+|unix:///.+)$");
  all["docker_network"] = one_of({"host", "published"});
  all["parameter_type"] = {{"enum", {"integer", "number", "string", "boolean", "duration"}}};
}

Json map_of(std::string_view name) {
  return {{"type", "object"}, {"additionalProperties", reference(name)}};
}

void add_composites(Json& all) {
  all["env"] = {{"type", "object"},
                {"additionalProperties", {{"type", {"string", "number", "boolean", "null"}}}}};
  all["parameters"] = map_of("parameter");
  all["clusters"] = map_of("cluster");
  all["clusters"]["minProperties"] = 1;
  all["shows"] = map_of("show");
  all["show_clusters"] = map_of("show_people");
  all["scale_list"] = {{"type", "array"}, {"items", reference("rule")}};
  all["store"] = {{"anyOf", {reference("text"), reference("etcd_store")}}};
  all["verify"] = {{"anyOf", {reference("text"), reference("verify_command")}}};
  all["instances"] = {{"anyOf", {reference("count_from_1"), reference("instances_range")}}};
}

Json object_of(const Section& section) {
  Json object = {{"type", "object"}, {"additionalProperties", false}};
  for (const auto& key : section.keys) {
    if (key.mark == Mark::later) continue;
    // Draft 7 ignores what stands beside a $ref, hence the allOf.
    object["properties"][std::string(key.name)] = {{"description", key.about},
                                                   {"allOf", {reference(key.form)}}};
    if (key.is_required) object["required"].push_back(key.name);
  }
  return object;
}

}  // namespace

std::vector<Section> stack_file_sections() { return stack_sections(); }

std::string stack_schema() {
  const auto sections = stack_file_sections();
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "Utakata stack file"}};
  schema.update(object_of(sections.front()));
  Json definitions = Json::object();
  for (std::size_t i = 1; i < sections.size(); ++i)
    definitions[std::string(sections[i].name)] = object_of(sections[i]);
  add_scalars(definitions);
  add_composites(definitions);
  schema["definitions"] = std::move(definitions);
  return schema.dump(2) + "\n";
}

}  // namespace utakata

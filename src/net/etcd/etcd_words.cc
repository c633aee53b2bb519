#include "net/etcd/etcd_words.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "wire/base64.h"

namespace utakata::net {
namespace {

using Json = nlohmann::json;

// 64-bit numbers are texts in this dialect: a double would lose digits.
std::string text_of(std::int64_t number) { return std::to_string(number); }

Json json_of(const EtcdRange& range) {
  Json json = {{"key", wire::base64_of(range.key)}};
  if (!range.end.empty()) json["range_end"] = wire::base64_of(range.end);
  if (range.limit) json["limit"] = text_of(range.limit);
  if (range.revision) json["revision"] = text_of(range.revision);
  if (range.keys_only) json["keys_only"] = true;
  return json;
}

Json json_of(const EtcdCompare& compare) {
  Json json = {{"key", wire::base64_of(compare.key)}, {"result", "EQUAL"}};
  const auto set = [&](const char* target, const char* field) {
    json["target"] = target;
    json[field] = text_of(compare.equals);
  };
  switch (compare.what) {
    case EtcdCompare::What::create_revision:
      set("CREATE", "create_revision");
      break;
    case EtcdCompare::What::mod_revision:
      set("MOD", "mod_revision");
      break;
    case EtcdCompare::What::version:
      set("VERSION", "version");
      break;
  }
  return json;
}

Json json_of(const EtcdPut& put) {
  Json json = {{"key", wire::base64_of(put.key)}, {"value", wire::base64_of(put.value)}};
  if (put.lease) json["lease"] = text_of(put.lease);
  return json;
}

Json json_of(const EtcdDelete& one) {
  Json json = {{"key", wire::base64_of(one.key)}};
  if (!one.end.empty()) json["range_end"] = wire::base64_of(one.end);
  return json;
}

}  // namespace

std::string etcd_prefix_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // etcd's word for "to the end of all"
  ++prefix.back();
  return prefix;
}

std::string etcd_text(const EtcdRange& range) { return json_of(range).dump(); }

std::string etcd_text(const EtcdTxn& txn) {
  Json compares = Json::array(), then = Json::array(), otherwise = Json::array();
  for (const auto& compare : txn.compares) compares.push_back(json_of(compare));
  for (const auto& put : txn.puts) then.push_back({{"request_put", json_of(put)}});
  for (const auto& one : txn.deletes) then.push_back({{"request_delete_range", json_of(one)}});
  for (const auto& range : txn.otherwise) otherwise.push_back({{"request_range", json_of(range)}});
  return Json{{"compare", compares}, {"success", then}, {"failure", otherwise}}.dump();
}

std::string etcd_grant_text(Duration ttl) {
  const auto seconds = std::max<std::int64_t>(1, (to_ms(ttl) + 999) / 1000);
  return Json{{"TTL", text_of(seconds)}}.dump();
}

std::string etcd_lease_text(std::int64_t lease) { return Json{{"ID", text_of(lease)}}.dump(); }

std::string etcd_compact_text(std::int64_t revision) {
  return Json{{"revision", text_of(revision)}}.dump();
}

std::string etcd_watch_text(std::string_view prefix, std::int64_t from) {
  auto range = etcd_prefix(prefix);
  Json json = json_of(range);
  if (from) json["start_revision"] = text_of(from);
  json["progress_notify"] = true;
  return Json{{"create_request", json}}.dump();
}

}  // namespace utakata::net

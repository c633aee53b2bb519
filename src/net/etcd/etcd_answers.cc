#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "net/etcd/etcd_words.h"
#include "wire/base64.h"

namespace utakata::net {
namespace {

using Json = nlohmann::json;
using Kind = Problem::Kind;
using Then = EtcdNo::Then;

// What etcd says is five deep; a million brackets would become a gigabyte of values.
bool is_shallow(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text && c == '\\') ++i;
    if (c == '"') in_text = !in_text;
    if (in_text) continue;
    if ((c == '{' || c == '[') && ++depth > 16) return false;
    if (c == '}' || c == ']') --depth;
  }
  return true;
}

// Null where it is no object.
Json object_from(std::string_view text) {
  if (!is_shallow(text)) return {};
  auto json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json();
}

// Reads fields; what is absent is zero, as etcd leaves zeros out. What has another form than etcd's
// makes the whole answer bad.
struct Fields {
  bool is_bad = false;

  const Json* find(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
  std::int64_t number(const Json& object, const char* name) {
    const Json* const one = find(object, name);
    if (!one) return 0;
    if (one->is_number_integer()) return one->get<std::int64_t>();
    std::int64_t number = 0;
    if (one->is_string()) {
      const auto& text = one->get_ref<const std::string&>();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size()) return number;
    }
    is_bad = true;
    return 0;
  }
  Duration seconds(const Json& object, const char* name) {  // within what a Duration holds
    return std::chrono::seconds{std::clamp<std::int64_t>(number(object, name), 0, 1'000'000'000)};
  }
  std::string bytes(const Json& object, const char* name) {
    const Json* const one = find(object, name);
    if (!one) return {};
    auto bytes =
        one->is_string() ? wire::bytes_of_base64(one->get_ref<const std::string&>()) : std::nullopt;
    is_bad = is_bad || !bytes;
    return std::move(bytes).value_or(std::string());
  }
  bool flag(const Json& object, const char* name) {
    const Json* const one = find(object, name);
    is_bad = is_bad || (one && !one->is_boolean());
    return one && one->is_boolean() && one->get<bool>();
  }
  const Json& object(const Json& parent, const char* name) {
    static const Json none = Json::object();
    const Json* const one = find(parent, name);
    is_bad = is_bad || (one && !one->is_object());
    return one && one->is_object() ? *one : none;
  }
  // `each` of a list's objects.
  void list(const Json& parent, const char* name, auto each) {
    const Json* const all = find(parent, name);
    is_bad = is_bad || (all && !all->is_array());
    if (!all || !all->is_array()) return;
    for (const Json& one : *all) {
      is_bad = is_bad || !one.is_object();
      if (one.is_object()) each(one);
    }
  }
  std::int64_t revision(const Json& answer) { return number(object(answer, "header"), "revision"); }
};

std::unexpected<Problem> nonsense(std::string_view body) {
  std::string shown(body.substr(0, 60));
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return problem(Kind::refused, fmt::format("it answered what is not etcd's: \"{}\"", shown));
}

EtcdRow row_from(Fields& fields, const Json& json) {
  return {.key = fields.bytes(json, "key"),
          .value = fields.bytes(json, "value"),
          .create_revision = fields.number(json, "create_revision"),
          .mod_revision = fields.number(json, "mod_revision"),
          .version = fields.number(json, "version"),
          .lease = fields.number(json, "lease")};
}

EtcdRows rows_from(Fields& fields, const Json& json) {
  EtcdRows rows{.revision = fields.revision(json), .rows = {}};
  fields.list(json, "kvs", [&](const Json& one) { rows.rows.push_back(row_from(fields, one)); });
  rows.has_more = fields.flag(json, "more");
  return rows;
}

// Every answer of etcd tells its revision, but for those of a stream, which stand in `result`.
template <class T>
Expected<T> read(std::string_view body, auto read_it) {
  const Json json = object_from(body);
  if (json.is_null() || !json.contains("header")) return nonsense(body);
  Fields fields;
  T value = read_it(fields, json);
  if (fields.is_bad) return nonsense(body);
  return value;
}

template <class T>
Expected<T> read_result(std::string_view body, auto read_it) {
  const Json json = object_from(body);
  if (json.is_null() || !json.contains("result")) return nonsense(body);
  Fields fields;
  T value = read_it(fields, fields.object(json, "result"));
  if (fields.is_bad) return nonsense(body);
  return value;
}

enum Code {  // gRPC's
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  out_of_range = 11,
  unimplemented = 12,
  unavailable = 14,
  unauthenticated = 16
};

EtcdNo no_of(int code, const std::string& said) {
  const auto quoted = fmt::format("it says \"{}\"", said);
  const auto has = [&](const char* words) { return said.find(words) != said.npos; };
  switch (code) {
    case unavailable:
    case deadline_exceeded:
      return {{Kind::unavailable, quoted, true}, Then::ask_later};
    case resource_exhausted:
      if (has("larger than max")) return {{Kind::invalid, quoted}, Then::give_up};
      if (!has("database space exceeded"))
        return {{Kind::unavailable, quoted, true}, Then::ask_later};
      return {{Kind::unavailable,
               "its database is full: compact and defragment it (etcdctl compact, etcdctl defrag), "
               "or start it with a larger --quota-backend-bytes; then etcdctl alarm disarm",
               true},
              Then::give_up};
    case not_found:
      return {{Kind::not_found, quoted}, Then::give_up};
    case out_of_range:
      return {{has("compacted") ? Kind::conflict : Kind::invalid, quoted}, Then::give_up};
    case invalid_argument:
      if (!has("user name is empty")) return {{Kind::invalid, quoted}, Then::give_up};
      [[fallthrough]];
    case permission_denied:
    case unauthenticated:
      return {{Kind::refused,
               quoted + ": it asks for names and passwords, which are not supported: let it know "
                        "us by a client certificate (--client-cert-auth)"},
              Then::give_up};
    case failed_precondition:
      return {{Kind::refused, quoted}, Then::give_up};
    case unimplemented:
      return {{Kind::refused, quoted + ": etcd 3.4 or newer is needed"}, Then::ask_another};
    default:
      return {{Kind::unavailable, quoted, true}, Then::ask_another};
  }
}

}  // namespace

std::optional<EtcdNo> etcd_no_from(int status, std::string_view body) {
  const bool may_be_error = status != 200 || body.find("\"error\"") != body.npos;
  if (!may_be_error) return std::nullopt;
  const Json json = object_from(body);
  const Json* error = json.is_object() && json.contains("error") ? &json["error"] : nullptr;
  if (status == 200 && !error) return std::nullopt;
  if (!error) {
    const auto what = fmt::format("it answers with HTTP status {}", status);
    if (status >= 500) return EtcdNo{{Kind::unavailable, what, true}, Then::ask_another};
    return EtcdNo{{Kind::refused, what + ": is it etcd, 3.4 or newer, and not a proxy?"},
                  Then::ask_another};
  }
  // An error of a stream is an object, every other a text beside its code.
  const Json& facts = error->is_object() ? *error : json;
  const auto text = [&](const char* name) {
    return facts.contains(name) && facts[name].is_string() ? facts[name].get<std::string>() : "";
  };
  std::string said = text("message").empty() ? text("error") : text("message");
  std::ranges::replace_if(said, [](char c) { return c >= 0 && c < ' '; }, ' ');
  if (said.size() > 300) said.resize(300);
  int code = 0;
  for (const char* name : {"code", "grpc_code"})
    if (facts.contains(name) && facts[name].is_number_integer())
      code = int(std::clamp<std::int64_t>(facts[name].get<std::int64_t>(), 0, 99));
  return no_of(code, said);
}

Expected<EtcdRows> etcd_rows_from(std::string_view body) {
  return read<EtcdRows>(body, [](Fields& f, const Json& json) { return rows_from(f, json); });
}

Expected<EtcdTxnAnswer> etcd_txn_from(std::string_view body) {
  return read<EtcdTxnAnswer>(body, [](Fields& f, const Json& json) {
    EtcdTxnAnswer answer{.has_succeeded = f.flag(json, "succeeded"), .revision = f.revision(json)};
    if (!answer.has_succeeded)
      f.list(json, "responses", [&](const Json& one) {
        answer.otherwise.push_back(rows_from(f, f.object(one, "response_range")));
      });
    return answer;
  });
}

Expected<EtcdLease> etcd_lease_from(std::string_view body) {
  return read<EtcdLease>(body, [](Fields& f, const Json& json) {
    const EtcdLease lease{f.number(json, "ID"), f.seconds(json, "TTL")};
    f.is_bad = f.is_bad || lease.id == 0 || lease.ttl <= 0s;
    return lease;
  });
}

Expected<Duration> etcd_keep_alive_from(std::string_view body) {
  auto left = read_result<Duration>(body, [](Fields& f, const Json& json) {
    f.is_bad = !json.contains("header");
    return f.seconds(json, "TTL");
  });
  if (left && *left <= 0s) return problem(Kind::not_found, "the lease has ended");
  return left;
}

Expected<void> etcd_done_from(std::string_view body) {
  if (auto done = read<int>(body, [](Fields&, const Json&) { return 0; }); !done)
    return std::unexpected(done.error());
  return {};
}

Expected<EtcdWatchLine> etcd_watch_line_from(std::string_view line) {
  return read_result<EtcdWatchLine>(line, [](Fields& f, const Json& json) {
    f.is_bad = !json.contains("header");
    EtcdWatchLine read{.revision = f.revision(json)};
    const auto kept = f.number(json, "compact_revision");
    f.list(json, "events", [&](const Json& one) {
      const Json* const type = f.find(one, "type");  // absent: PUT
      read.events.push_back(
          {.is_delete = type && *type == "DELETE", .row = row_from(f, f.object(one, "kv"))});
    });
    if (kept > 0) {
      read.kind = EtcdWatchLine::Kind::compacted;
      read.revision = kept;
    } else if (f.flag(json, "canceled")) {
      read.kind = EtcdWatchLine::Kind::canceled;
      const Json* const reason = f.find(json, "cancel_reason");
      if (reason && reason->is_string()) read.reason = reason->get<std::string>().substr(0, 300);
    } else if (f.flag(json, "created")) {
      read.kind = EtcdWatchLine::Kind::created;
    } else if (!read.events.empty()) {
      read.kind = EtcdWatchLine::Kind::events;
    }
    return read;
  });
}

}  // namespace utakata::net

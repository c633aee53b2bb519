// Everything but placing: read and checked here, answered by the control loop.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fleet/api/api_state.h"
#include "fleet/api/route.h"
#include "wire/prometheus.h"

namespace utakata {
namespace {

using nlohmann::json;

// "line 2, column 5 (byte 17)"
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const auto start = before.rfind('\n');
  return fmt::format("line {}, column {} (byte {})", std::ranges::count(before, '\n') + 1,
                     start == std::string_view::npos ? byte + 1 : byte - start, byte);
}

Expected<json> body_of(std::string_view text) {
  if (text.empty()) return json::object();
  try {
    json body = json::parse(text);
    if (!body.is_object())
      return problem(Problem::Kind::invalid, "The body must be a JSON object.");
    return body;
  } catch (const json::parse_error& error) {
    std::string what = error.what();  // "[json.exception...] parse error at line 1, column 2: ..."
    if (const auto colon = what.find(": "); colon != std::string::npos)
      what = what.substr(colon + 2);
    return problem(Problem::Kind::invalid,
                   fmt::format("The body is not JSON, at {}: {}.",
                               place_of(text, error.byte > 0 ? error.byte - 1 : 0), what));
  }
}

// Members by name, each with the type it must have; the first mistake is kept.
class Members {
 public:
  explicit Members(const json& body) : body_(body) {}

  void integer(const char* name, auto& into, std::int64_t low, std::int64_t high) {
    const json* value = take(name);
    if (!value || value->is_null()) return;
    if (!value->is_number_integer() || value->get<std::int64_t>() < low ||
        value->get<std::int64_t>() > high)
      return wrong(
          fmt::format("`{}` must be a whole number from {} to {}, or null.", name, low, high));
    into = value->get<std::int64_t>();
  }
  void number(const char* name, std::optional<double>& into, double low, double high) {
    const json* value = take(name);
    if (!value) return;
    if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high))
      return wrong(fmt::format("`{}` must be a number from {} to {}.", name, low, high));
    into = value->get<double>();
  }
  void truth(const char* name, bool& into) {
    const json* value = take(name);
    if (!value) return;
    if (!value->is_boolean()) return wrong(fmt::format("`{}` must be true or false.", name));
    into = value->get<bool>();
  }
  void text(const char* name, std::string& into) {
    const json* value = take(name);
    if (!value) return;
    if (!value->is_string()) return wrong(fmt::format("`{}` must be a text.", name));
    into = value->get<std::string>();
  }
  // Nothing unknown is ignored. Empty: all is well.
  std::string finish() {
    for (const auto& [name, value] : body_.items()) {
      if (std::ranges::find(known_, name) != known_.end()) continue;
      const auto close = nearest(name, known_);
      wrong(fmt::format("There is no member `{}` here{}", name,
                        close ? fmt::format("; did you mean `{}`?", *close) : "."));
    }
    return wrong_;
  }

 private:
  const json* take(const char* name) {
    known_.push_back(name);
    const auto found = body_.find(name);
    return found == body_.end() ? nullptr : &*found;
  }
  void wrong(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }
  const json& body_;
  std::vector<std::string_view> known_;
  std::string wrong_;
};

}  // namespace

bool Api::State::allows(ApiCall& call, std::string_view method) {
  if (call.method == method) return true;
  send_problem(call.reply,
               {.status = 405,
                .detail = fmt::format("{} is not for {}, but {} is.", call.request.method,
                                      call.request.path, method),
                .headers = fmt::format("Allow: {}\r\n", method == "GET" ? "GET, HEAD" : method)},
               call.cors);
  return false;
}

bool Api::State::may_read(ApiCall& call) {
  if (call.caller == Caller::admin || call.caller == Caller::placer) return true;
  return may_change(call);
}

bool Api::State::may_change(ApiCall& call) {
  if (call.caller == Caller::admin) return true;
  const char* why =
      call.caller == Caller::bad_token ? "The token is not one of this controller's."
      : call.caller == Caller::placer
          ? "Whatever changes a cluster needs the admin token, also from this machine: "
            "`Authorization: Bearer "
            "TOKEN`. The command line finds it by itself; it was made at the first start."
          : "From another machine, or a page of another site, this needs a token: `Authorization: "
            "Bearer TOKEN`.";
  send_problem(
      call.reply,
      {.status = 401, .detail = why, .headers = "WWW-Authenticate: Bearer realm=\"utakata\"\r\n"},
      call.cors);
  return false;
}

void Api::State::not_found(ApiCall& call, const std::string& kind, const std::string& name) {
  if (!may_read(call)) return;
  std::vector<std::string_view> names;
  for (const auto& places : clusters) names.push_back(places->cluster());
  const std::string there_are =
      fmt::format("the stack is `{}`, its clusters: {}", options.stack, fmt::join(names, ", "));
  if (kind == "stack") names = {options.stack};
  const auto close = kind.empty() ? std::nullopt : nearest(name, names);
  send_problem(call.reply,
               {.status = 404,
                .detail = fmt::format("There is no {}{}`{}`{}", kind, kind.empty() ? "" : " ", name,
                                      close          ? fmt::format("; did you mean `{}`?", *close)
                                      : kind.empty() ? "."
                                                     : "; " + there_are + ".")},
               call.cors);
}

void Api::State::ask(net::HttpReply to, AdminCall admin) {
  auto reply = std::make_shared<net::HttpReply>(std::move(to));
  fleet.ask(std::move(admin), [reply](Expected<std::string> answer) {
    if (answer) return send_json(*reply, 200, *answer);
    const Problem& why = answer.error();
    send_problem(*reply, {.status = status_of(why.kind),
                          .detail = why.what,
                          .retry_after = why.retry ? Duration{1s} : Duration{}});
  });
}

void Api::State::route(ApiCall& call) {
  const auto pieces = path_pieces(call.request.path);
  if (!pieces)
    return send_problem(call.reply,
                        {.status = 400, .detail = "The path is not percent-encoded UTF-8."});
  if (*pieces == std::vector<std::string>{"healthz"}) {
    if (allows(call, "GET")) send_json(call.reply, 200, R"({"ok":true})");
    return;
  }
  if (!gate.is_host_ours(call.request)) {
    admits_origin(call);  // says so
    return;
  }
  if (pieces->size() >= 4 && (*pieces)[0] == "v1" && (*pieces)[1] == "stacks" &&
      (*pieces)[2] == options.stack && (*pieces)[3] == "clusters" && pieces->size() >= 5)
    return route_cluster(call, *pieces);
  call.caller = gate.caller(call.request);
  if (*pieces == std::vector<std::string>{"metrics"}) {
    if (allows(call, "GET") && may_read(call)) metrics(call);
    return;
  }
  if (pieces->size() < 2 || (*pieces)[0] != "v1" || (*pieces)[1] != "stacks")
    return not_found(call, "", std::string(call.request.path));
  if (pieces->size() == 2) {
    if (allows(call, "GET") && may_read(call))
      send_json(call.reply, 200, json{{"stacks", {{{"name", options.stack}}}}}.dump());
    return;
  }
  if ((*pieces)[2] != options.stack) return not_found(call, "stack", (*pieces)[2]);
  route_stack(call, *pieces);
}

void Api::State::route_stack(ApiCall& call, const std::vector<std::string>& pieces) {
  if (pieces.size() == 3) {
    if (allows(call, "GET") && may_read(call)) ask_status(call);
    return;
  }
  if (pieces.size() != 4 || pieces[3] != "activities") return route_change(call, pieces);
  if (!allows(call, "GET") || !may_read(call)) return;
  AdminCall admin{.verb = AdminCall::Verb::activities};
  const std::string_view query = call.request.query;
  admin.cluster = query_value(query, "cluster").value_or("");
  admin.instance = query_value(query, "instance").value_or("");
  for (const auto& [name, high] : {std::pair{"after", std::int64_t{1} << 53}, {"limit", 10'000}}) {
    const auto text = query_value(query, name);
    if (!text) continue;
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size() || number < 0 || number > high)
      return send_problem(
          call.reply,
          {.status = 400,
           .detail = fmt::format("`{}` must be a whole number from 0 to {}.", name, high)});
    if (name == std::string_view("after"))
      admin.after = number;
    else
      admin.limit = int(number);
  }
  ask(call, std::move(admin));
}

// Whatever changes something: POST, by the admin token alone.
void Api::State::route_change(ApiCall& call, const std::vector<std::string>& pieces) {
  using Verb = AdminCall::Verb;
  const std::string& kind = pieces[3];
  const std::string verb = pieces.size() == 6 ? pieces[5] : "";
  AdminCall admin;
  bool is_known = true;
  const std::pair<std::string_view, Verb> orders[] = {{"drain", Verb::drain},
                                                      {"undrain", Verb::undrain},
                                                      {"replace", Verb::replace},
                                                      {"restart", Verb::restart}};
  if (pieces.size() == 4 && kind == "apply") {
    admin.verb = Verb::apply;
  } else if (pieces.size() == 4 && kind == "down") {
    admin.verb = Verb::down;
  } else if (kind == "clusters" && (verb == "scale" || verb == "restart" || verb == "adopt")) {
    admin.verb = verb == "scale" ? Verb::scale : verb == "adopt" ? Verb::adopt : Verb::restart;
    admin.cluster = pieces[4];
  } else if (pieces.size() == 7 && kind == "clusters" && pieces[5] == "functions") {
    admin.verb = Verb::answer;
    admin.cluster = pieces[4];
    admin.function = pieces[6];
  } else if (const auto order =
                 std::ranges::find(orders, verb, &std::pair<std::string_view, Verb>::first);
             kind == "instances" && order != std::end(orders)) {
    admin.verb = order->second;
    admin.instance = pieces[4];
  } else {
    is_known = false;
  }
  if (!is_known) return not_found(call, "", std::string(call.request.path));
  if (!allows(call, "POST")) return;
  if (gate.is_cross_site(call.request))
    return send_problem(
        call.reply,
        {.status = 403,
         .detail = "Pages of other sites may not change a cluster, whatever token they have."});
  if (!may_change(call)) return;
  if (const std::string wrong = read_change(call.request.body, admin); !wrong.empty())
    return send_problem(call.reply, {.status = 400, .detail = wrong});
  if (admin.verb == Verb::down || (admin.verb == Verb::apply && !admin.dry_run))
    return ask_all(call, std::move(admin));
  const std::string cluster =
      !admin.cluster.empty() ? admin.cluster : admin.instance.substr(0, admin.instance.rfind('-'));
  if (!cluster.empty() && is_elsewhere(cluster))
    return send_on(call, {.cluster = cluster, .is_repeatable = false});
  ask(call, std::move(admin));
}

// Fills in what the body says; the sentence that says what is wrong with it, or nothing.
std::string Api::State::read_change(std::string_view text, AdminCall& admin) {
  using Verb = AdminCall::Verb;
  const auto body = body_of(text);
  if (!body) return body.error().what;
  Members members(*body);
  switch (admin.verb) {
    case Verb::scale:
      if (!body->contains("instances"))
        return "`instances` must say how many, or be null to give the size back to the rules.";
      members.integer("instances", admin.number, 0, 1'000'000);
      break;
    case Verb::answer:
      members.number("want", admin.want, 0, 1e9);
      members.text("because", admin.text);
      if (!admin.want) return "`want` must say how many instances: a number from 0 on.";
      break;
    case Verb::adopt:
      members.integer("pid", admin.foreign.pid, 0, 1 << 22);
      members.text("label", admin.foreign.label);
      members.integer("port", admin.foreign.port, 1, 65535);
      if ((admin.foreign.pid == 0) == admin.foreign.label.empty())
        return "`pid` must name a process, or `label` containers: one of the two.";
      break;
    case Verb::apply:
      members.truth("override_freeze", admin.override_freeze);
      members.text("text", admin.text);
      members.truth("dry_run", admin.dry_run);
      if (admin.text.empty()) return "`text` must be a whole stack file.";
      break;
    case Verb::down:
    case Verb::drain:
    case Verb::undrain:
    case Verb::replace:
    case Verb::restart:
      members.truth("now", admin.now);
      if (admin.verb == Verb::drain) members.truth("override_budget", admin.override_budget);
      members.integer("deadline_ms", admin.deadline_ms, 0, std::int64_t{366} * 24 * 3600 * 1000);
      break;
    case Verb::status:
    case Verb::explain:
    case Verb::activities:
      break;
  }
  return members.finish();
}

void Api::State::metrics(ApiCall& call) {
  wire::PrometheusWriter writer;
  std::vector<SeatReport> reports;
  for (const auto& places : clusters) reports.push_back(places->ledger().report());
  writer.counter("utakata_placements_total", "Placements by what came of them.");
  for (const SeatReport& report : reports) {
    writer.sample({{"cluster", report.cluster}, {"outcome", "granted"}}, report.granted);
    writer.sample({{"cluster", report.cluster}, {"outcome", "refused"}}, report.refused);
  }
  const auto sum = [](const SeatReport& report, auto field) {
    std::int64_t total = 0;
    for (const auto& line : report.lines) total += line.*field;
    return total;
  };
  writer.gauge("utakata_seats_held", "Seats held for clients that have not been counted yet.");
  for (const SeatReport& report : reports)
    writer.sample({{"cluster", report.cluster}}, sum(report, &SeatReport::Line::seats_held));
  writer.gauge("utakata_keys", "Keys bound to an instance.");
  for (const SeatReport& report : reports)
    writer.sample({{"cluster", report.cluster}}, sum(report, &SeatReport::Line::keys));
  writer.gauge("utakata_waiting", "Clients in line for a place.");
  for (const SeatReport& report : reports)
    writer.sample({{"cluster", report.cluster}}, std::int64_t{report.waiting});
  writer.counter("utakata_http_requests_total", "Requests that reached the API.");
  writer.sample(requests);
  writer.gauge("utakata_http_connections", "Connections to the API.");
  writer.sample(std::int64_t(server->connections()));
  call.reply.send({.status = 200,
                   .content_type = wire::PrometheusWriter::content_type,
                   .headers = "Cache-Control: no-store\r\n",
                   .body = writer.text()});
}

}  // namespace utakata

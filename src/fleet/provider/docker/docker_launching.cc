// DockerProvider: from launch() to release().
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "fleet/model/template.h"
#include "fleet/provider/docker/docker_state.h"

namespace utakata {

Expected<void> DockerProvider::State::launch(const InstanceId& id, const LaunchSpec& spec) {
  if (find(id)) return {};
  if (spec.image.empty())
    return problem(Problem::Kind::invalid,
                   fmt::format("docker: cluster {} has no `image`.", spec.cluster));
  if (const auto order = order_for(id, spec, 0); !order) return std::unexpected(order.error());
  own[id];
  create(id, spec);
  return {};
}

DockerProvider::State::Json DockerProvider::State::host_config(const LaunchSpec& spec,
                                                               std::uint16_t port) const {
  // An init of the Engine's is process 1: it passes SIGTERM on, which a program that is process 1
  // itself would not hear without a handler. Nothing restarts but by our loop.
  Json host = {
      {"NetworkMode", options.publishes ? "bridge" : "host"},
      {"Init", true},
      {"RestartPolicy", {{"Name", "no"}}},
      {"LogConfig",
       {{"Type", "json-file"},
        {"Config", {{"max-size", fmt::to_string(options.log_bytes_max)}, {"max-file", "2"}}}}}};
  if (options.publishes)
    host["PortBindings"][fmt::format("{}/tcp", port)] = {{{"HostPort", fmt::to_string(port)}}};
  if (spec.limits.memory) host["Memory"] = host["MemorySwap"] = *spec.limits.memory;
  // The Engine counts in billionths of a core.
  if (spec.limits.cpus) host["NanoCpus"] = std::llround(*spec.limits.cpus * 1e9);
  if (spec.limits.files)
    host["Ulimits"] = {
        {{"Name", "nofile"}, {"Soft", *spec.limits.files}, {"Hard", *spec.limits.files}}};
  return host;
}

Expected<DockerProvider::State::Json> DockerProvider::State::order_for(const InstanceId& id,
                                                                       const LaunchSpec& spec,
                                                                       std::uint16_t port) const {
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "port") return std::to_string(port);
    if (name == "host") return options.advertise;
    return std::nullopt;
  };
  const auto named = [&](std::string_view where, const Problem& why) {
    return problem(Problem::Kind::invalid,
                   fmt::format("docker: {} of cluster {}: {}", where, spec.cluster, why.what));
  };
  Json env = {"UTAKATA_FLEET=" + options.fleet_id, "UTAKATA_INSTANCE=" + id.text,
              fmt::format("PORT={}", port)};
  if (options.publishes) env.push_back("HOST=0.0.0.0");
  for (const auto& [name, value] : spec.env) {
    const auto text = expand(value, lookup);
    if (!text) return named(fmt::format("`env` {}", name), text.error());
    env.push_back(name + "=" + *text);
  }
  Json order = {{"Image", spec.image},
                {"Env", std::move(env)},
                {"Labels",
                 {{"utakata.fleet", options.fleet_id},
                  {"utakata.stack", options.stack},
                  {"utakata.cluster", spec.cluster},
                  {"utakata.instance", id.text},
                  {"utakata.version", spec.version},
                  {"utakata.port", fmt::to_string(port)}}},
                {"HostConfig", host_config(spec, port)}};
  for (const auto& [name, value] : spec.labels) order["Labels"].emplace(name, value);
  if (options.publishes) order["ExposedPorts"][fmt::format("{}/tcp", port)] = Json::object();
  if (spec.run.empty()) return order;  // the image's own command
  const auto run = expand(spec.run, lookup);
  if (!run) return named("`run`", run.error());
  order["Entrypoint"] = {"/bin/sh", "-c"};
  order["Cmd"] = {*run};
  return order;
}

void DockerProvider::State::create(const InstanceId& id, const LaunchSpec& spec) {
  auto& box = own.at(id);
  if (!box.address.port) {
    const auto port = ports.take();
    if (!port)
      return fail(id,
                  {Problem::Kind::unavailable,
                   fmt::format("docker: every port from {} to {} is in use; widen `api: ports`.",
                               options.ports_first, options.ports_last),
                   true});
    box.address = {options.advertise, *port};
  }
  const auto order = order_for(id, spec, box.address.port);
  if (!order) return fail(id, order.error());
  engine.ask({.method = "POST",
              .path = "/containers/create?name=" + query_escaped(name_of(id)),
              .body = order->dump(-1, ' ', false, Json::error_handler_t::replace)},
             [this, id, spec](const Expected<Json>& answer) { created(id, spec, answer); });
}

void DockerProvider::State::created(const InstanceId& id, const LaunchSpec& spec,
                                    const Expected<Json>& answer) {
  auto& box = own.at(id);
  if (!answer) {
    if (box.stop_asked && answer.error().kind != Problem::Kind::conflict) {
      box.end_text = "stopped before it was started";
      return tell_gone(id);
    }
    if (answer.error().kind == Problem::Kind::conflict) return meet_namesake(id, spec);
    const bool has_no_image = answer.error().kind == Problem::Kind::not_found;
    if (has_no_image && is_packed_image(spec.image) && !std::exchange(box.was_packed, true))
      return pack(id, spec);
    if (has_no_image)
      return fail(id, {Problem::Kind::invalid,
                       fmt::format("docker: there is no image {} on this host: build it, or fetch "
                                   "it by `docker pull {}`",
                                   spec.image, spec.image)});
    return fail(id, answer.error());
  }
  box.container = text_at(*answer, "Id");
  if (box.container.empty())
    return fail(id, {Problem::Kind::unavailable,
                     "docker: the Engine created a container and did not say which", true});
  box.listed = list_number;
  box.phase = BoxPhase::waiting;
  if (box.stop_asked) return remove(id, "stopped before it was released");
  tell_launched(id, box);
}

void DockerProvider::State::pack(const InstanceId& id, const LaunchSpec& spec) {
  packings.want(engine, spec, [this, id, spec](const Expected<void>& outcome) {
    auto& box = own.at(id);
    if (box.stop_asked) {
      box.end_text = "stopped before it was started";
      return tell_gone(id);
    }
    if (!outcome) return fail(id, outcome.error());
    create(id, spec);
  });
}

// Of an answer that was lost, or of a former life. What never ran makes room; what runs is it.
void DockerProvider::State::meet_namesake(const InstanceId& id, const LaunchSpec& spec) {
  engine.ask({.path = "/containers/" + query_escaped(name_of(id)) + "/json"},
             [this, id, spec](const Expected<Json>& answer) {
               if (!answer) return fail(id, answer.error());
               const auto state = answer->is_object() ? answer->value("State", Json()) : Json();
               const auto container = text_at(*answer, "Id");
               if (text_at(state, "Status") != "created")
                 return fail(id, {Problem::Kind::conflict,
                                  fmt::format("docker: {} has run already, as container {:.12}",
                                              id.text, container)});
               engine.ask({.method = "DELETE", .path = "/containers/" + container + "?force=1&v=1"},
                          [this, id, spec](const Expected<Json>& removed) {
                            if (removed) return create(id, spec);
                            fail(id, removed.error());
                          });
             });
}

// What was made all the same, without our hearing of it, is removed by the next list.
void DockerProvider::State::fail(const InstanceId& id, const Problem& why) {
  const auto node = own.extract(id);
  if (node.mapped().address.port) ports.give_back(node.mapped().address.port);
  if (why.retry) list_soon(options.retry_after);
  tell({.kind = ProviderNews::Kind::launch_failed,
        .id = id,
        .handle = {},
        .address = {},
        .what = why.what,
        .retry = why.retry});
}

void DockerProvider::State::release(const InstanceId& id, const std::string& handle) {
  auto* const box = find(id);
  if (!box || box->phase != BoxPhase::waiting) return;
  if (handle != docker_handle(box->container)) return remove(id, "ended before it was released");
  box->phase = BoxPhase::starting;
  start(id);
}

// Asked once only: whether it has started where the answer is lost cannot be known, and nothing
// may run twice. Then it goes, and another is launched.
void DockerProvider::State::start(const InstanceId& id) {
  engine.ask({.method = "POST", .path = "/containers/" + own.at(id).container + "/start"},
             [this, id](const Expected<Json>& answer) {
               auto* const box = find(id);
               if (!box || box->phase != BoxPhase::starting) return;
               if (!answer) return remove(id, "could not be started: " + answer.error().what);
               box->phase = BoxPhase::running;
               if (box->stop_asked) return terminate(id, box->kill_at - clock.now());
               follow_log(id);
               look_inside(id);
             });
}

}  // namespace utakata

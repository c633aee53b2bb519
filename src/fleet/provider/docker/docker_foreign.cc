// DockerProvider: containers that somebody else started.
#include <fmt/format.h>

#include <utility>

#include "fleet/provider/docker/docker_state.h"
#include "fleet/provider/docker/foreign_containers.h"

namespace utakata {

using namespace nlohmann::literals;

void DockerProvider::State::find_foreign(const ForeignQuery& query, FoundForeign done) {
  if (query.label.empty())
    return done(problem(Problem::Kind::invalid,
                        "with `provider: docker` instances are containers: name them by --label, "
                        "not --pid"));
  const Json filters = {{"label", {query.label}}, {"status", {"running"}}};
  engine.ask(
      {.path = "/containers/json?filters=" + query_escaped(filters.dump())},
      [this, query, done = std::move(done)](const Expected<Json>& answer) mutable {
        if (!answer) return done(std::unexpected(answer.error()));
        auto found = foreign_containers(
            *answer, query, {.advertise = options.advertise, .publishes = options.publishes});
        if (!found) return done(std::unexpected(found.error()));
        std::erase_if(*found, [this](const Foreign& one) {
          return by_container(container_of(one.handle)) != own.end();
        });
        if (found->empty())
          return done(problem(
              Problem::Kind::conflict,
              fmt::format("docker: those with the label {} are adopted already", query.label)));
        inspect_foreign(std::move(*found), 0, std::move(done));
      });
}

// One after another. Whom the Engine starts anew, no stop would end.
void DockerProvider::State::inspect_foreign(std::vector<Foreign> found, std::size_t next,
                                            FoundForeign done) {
  if (next == found.size()) return done(std::move(found));
  const auto path = "/containers/" + container_of(found[next].handle) + "/json";
  engine.ask({.path = path}, [this, found = std::move(found), next,
                              done = std::move(done)](const Expected<Json>& answer) mutable {
    if (!answer) return done(std::unexpected(answer.error()));
    const auto policy_at = "/HostConfig/RestartPolicy/Name"_json_pointer;
    const auto policy = answer->contains(policy_at) && (*answer)[policy_at].is_string()
                            ? (*answer)[policy_at].get<std::string>()
                            : std::string();
    if (!policy.empty() && policy != "no") {
      auto name = text_at(*answer, "Name");
      if (name.starts_with('/')) name.erase(0, 1);
      return done(problem(Problem::Kind::conflict,
                          fmt::format("docker: the Engine itself would start container {} anew "
                                      "({}): first say `docker update --restart=no {}`",
                                      name, policy, name)));
    }
    inspect_foreign(std::move(found), next + 1, std::move(done));
  });
}

std::unordered_map<InstanceId, Box>::iterator DockerProvider::State::by_container(
    const std::string& container) {
  return std::ranges::find_if(own, [&](const auto& one) {
    return !container.empty() && one.second.container == container;
  });
}

// Those that carry no mark of ours are in no list of ours, but are asked for by their own numbers.
std::vector<std::string> DockerProvider::State::unlisted(const Json& list) const {
  std::vector<std::string> containers;
  for (const auto& [id, box] : own)
    if (!box.container.empty()) containers.push_back(box.container);
  for (const Json& listed : list) std::erase(containers, text_at(listed, "Id"));
  return containers;
}

}  // namespace utakata

// From a cluster's spec to what a provider is asked for. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/problem.h"
#include "fleet/model/stack.h"
#include "fleet/provider/provider.h"

namespace utakata {

struct LaunchWords {  // what is filled in here; ${port} and ${host} are the provider's
  std::string instance, token, api_url, stack;
  std::string host, zone;  // where it is to run; empty: that is not known
  // "redis", "port" -> "20000"; nothing where that cluster does not serve.
  std::function<std::optional<std::string>(std::string_view cluster, std::string_view field)>
      cluster;
};
Expected<LaunchSpec> launch_spec(const Stack& stack, const ClusterSpec& spec,
                                 const LaunchWords& words);

// What must succeed before that instance serves.
std::string verify_command(const ClusterSpec& spec, const Instance& instance);

// The url that clients are told, `${ticket}` still in it.
std::string client_url(const ClusterSpec& spec, const Instance& instance);

}  // namespace utakata

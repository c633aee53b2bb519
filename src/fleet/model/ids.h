// Names that must not be mixed up.
#pragma once

#include <compare>
#include <functional>
#include <string>

namespace utakata {

// "game-12": the cluster's name and a number that its store never gives twice. It is also the
// launch's intent id: an instance is launched once, so a launch repeated under the same id never
// starts two.
struct InstanceId {
  std::string text;
  auto operator<=>(const InstanceId&) const = default;
};

}  // namespace utakata

template <>
struct std::hash<utakata::InstanceId> {
  std::size_t operator()(const utakata::InstanceId& id) const noexcept {
    return std::hash<std::string>{}(id.text);
  }
};

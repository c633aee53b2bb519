// The keys at the top of a stack file, and those of `api:`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/stack/cluster_keys.h"
#include "fleet/stack/keys.h"
#include "fleet/stack/show_keys.h"

namespace utakata {

struct StackDraft {
  Stack stack;
  std::vector<ClusterDraft> clusters;  // as in the file
  const Yaml* api = nullptr;
  const Yaml* store = nullptr;
  const Yaml* powers = nullptr;
  const Yaml* docker = nullptr;
  const Yaml* haproxy = nullptr;
  std::vector<ShowDraft> shows;
  bool is_advertise_given = false;
};

void read_stack(Reader& reader, const Yaml& root, StackDraft& into);

// "2376"; none: it is no port.
std::optional<std::uint16_t> port_from(std::string_view text);

std::vector<Section> stack_sections();  // "stack" is the first

}  // namespace utakata

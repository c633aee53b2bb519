// The key `provider` at the top of a stack file, and what belongs to each kind.
#pragma once

#include <vector>

#include "fleet/stack/keys.h"

namespace utakata {

struct StackDraft;

void read_provider(Reader& r, const Yaml& y, StackDraft& d);
void read_docker(Reader& r, const Yaml& y, StackDraft& d);  // also where it stands by itself

std::vector<Section> provider_sections();

}  // namespace utakata

// The keys of a cluster's blocks: ready, verify, count, drain, heal, limits, observe.
#pragma once

#include <vector>

#include "fleet/model/stack.h"
#include "fleet/stack/keys.h"

namespace utakata {

void read_ready(Reader& reader, const Yaml& y, ReadySpec& into);
void read_verify(Reader& reader, const Yaml& y, VerifySpec& into);
void read_count(Reader& reader, const Yaml& y, CountSpec& into);
void read_drain(Reader& reader, const Yaml& y, DrainSpec& into);
void read_heal(Reader& reader, const Yaml& y, HealSpec& into);
void read_rebalance(Reader& reader, const Yaml& y, RebalanceSpec& into);
void read_observe(Reader& reader, const Yaml& y, ObserveSpec& into);
void read_limits(Reader& reader, const Yaml& y, LimitSpec& into);

std::vector<Section> part_sections();

}  // namespace utakata

// The keys of one cluster.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/stack/keys.h"

namespace utakata {

// A cluster on its way to be checked, with the places to point at. The Yaml tree outlives it.
struct ClusterDraft {
  ClusterSpec spec;
  const Yaml* at = nullptr;
  const Yaml* run = nullptr;
  const Yaml* url = nullptr;
  const Yaml* needs = nullptr;
  const Yaml* place = nullptr;
  const Yaml* weight = nullptr;
  const Yaml* scale = nullptr;
  const Yaml* count = nullptr;
  const Yaml* observe = nullptr;
  const Yaml* image = nullptr;
  const Yaml* verify = nullptr;
  const Yaml* limits = nullptr;
  const Yaml* labels = nullptr;
  const Yaml* secrets = nullptr;
  const Yaml* configs = nullptr;
  const Yaml* lease = nullptr;
  std::vector<const Yaml*> env;  // parallel to spec.env
};

void read_cluster(Reader& reader, const Yaml& y, ClusterDraft& into);

std::vector<Section> cluster_sections();  // for the schema

}  // namespace utakata

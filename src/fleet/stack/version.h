// A cluster's version: what a running instance cannot change without being started anew.
#pragma once

#include <string>

#include "fleet/model/stack.h"

namespace utakata {

// 16 hexadecimal digits over app, install, run, env and limits. The same on every machine and in
// every release.
std::string version_of(const ClusterSpec& spec);

}  // namespace utakata

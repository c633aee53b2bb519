// One HTTP call from the command line to a controller; blocks until it is answered.
#pragma once

#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "cli/running.h"

namespace utakata {

// The answer's body. `path` begins with /v1. Problems carry the controller's own `detail`
// (application/problem+json): 400 and 413 `invalid`, 401 and 403 `refused`, 404 `not_found`, 409
// `conflict`, other answers and no controller `unavailable`.
Expected<std::string> request(const Running& running, const std::string& method,
                              const std::string& path, const std::string& body = {},
                              Duration deadline = 30s);

// The same, put right for a person's eyes: the sentence of a problem+json, or what else the answer
// was.
std::string problem_text(int status, const std::string& body);

// A name as one segment of a path.
std::string percent_encoded(const std::string& text);

}  // namespace utakata

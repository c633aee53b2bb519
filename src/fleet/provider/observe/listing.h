// What a team's own program or service says of its instances: a JSON list. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "fleet/model/instance.h"

namespace utakata {

struct Listed {
  std::string handle;  // its `id`, or "host:port" where it tells none
  Address address;
  bool operator==(const Listed&) const = default;
};

// `[{"host": "10.0.0.5", "port": 3000, "id": "i-0abc"}]`; `id` may be left out, "10.0.0.5:3000"
// may stand for an object, other keys are passed over. An empty list is a list. `invalid`: anything
// else, one named twice, more than 10,000: a list of which a part is unreadable is not read at all,
// or the rest would count as gone.
Expected<std::vector<Listed>> read_listing(std::string_view json);

// One that is where another before it is already: such two would be counted as one. Null: none.
const Listed* same_address(const std::vector<Listed>& all);

}  // namespace utakata

// What an edited stack file changes, one line a change, for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/stack.h"

namespace utakata {

// "lobby: instances.max 20 -> 40", "game: rolled out anew (run, env)", "chat: added". Empty:
// nothing changes.
std::vector<std::string> difference(const Stack& before, const Stack& after);

std::string words_of(const Powers& powers);  // "observe, place"

}  // namespace utakata

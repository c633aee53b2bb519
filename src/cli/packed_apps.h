// The clusters of `provider: docker` and `swarm` that name no image: their apps are packed into
// images of ours.
#pragma once

#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"

namespace utakata {

// Runs each `install` of theirs in its folder, on the terminal: what is packed is what it leaves.
// Blocks until they have ended. `invalid`: one has failed.
Expected<void> install_packed_apps(const Stack& stack);

// Gives each of them the image's name, which tells what is in the app's folder and its program now,
// and its version by that: a changed folder is another version. The image itself is made by the
// provider where the Engine does not have it. Blocks: reads all of it, about a second a gigabyte.
// `file`: the stack file's path, or empty. `invalid`: an app cannot be packed.
Expected<void> name_images(Stack& stack, const std::string& file);

// What is beside an app and no part of it: the stack file, and the store with what belongs to it.
std::vector<std::string> left_out_of_packs(const Stack& stack, const std::string& file);

}  // namespace utakata

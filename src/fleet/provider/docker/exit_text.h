// How a container's first process ended, in words.
#pragma once

#include <string>

namespace utakata {

// "exit code 3", "exit code 127: the command was not found", "killed by signal 9 (SIGKILL)".
std::string exit_text(int code);

}  // namespace utakata

// The command line whole. bin/utakata.cc calls it and does nothing else.
//
// Exit codes: 0 done, 1 failed, 2 misuse or cannot start, 130 interrupted.
#pragma once

namespace utakata {

int run_command_line(int argc, char** argv);

}  // namespace utakata

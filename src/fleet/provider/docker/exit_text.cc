#include "fleet/provider/docker/exit_text.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>

namespace utakata {

std::string exit_text(int code) {
  if (code > 128 && code < 128 + NSIG) {
    const char* const name = sigabbrev_np(code - 128);
    return fmt::format("killed by signal {} (SIG{})", code - 128, name ? name : "?");
  }
  std::string text = fmt::format("exit code {}", code);
  if (code == 126) text += ": the command is not executable";
  if (code == 127) text += ": the command was not found";
  return text;
}

}  // namespace utakata

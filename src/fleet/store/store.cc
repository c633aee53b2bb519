#include "fleet/store/store.h"

namespace utakata {

Expected<std::string> Store::keep(std::string_view name, std::string_view text) {
  const auto saved = load();
  if (!saved) return std::unexpected(saved.error());
  for (const auto& [known, kept] : saved->settings)
    if (known == name && !kept.empty()) return kept;
  if (auto written = set(name, text); !written) return std::unexpected(written.error());
  return std::string(text);
}

}  // namespace utakata

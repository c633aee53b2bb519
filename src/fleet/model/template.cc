#include "fleet/model/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace utakata {
namespace {

bool is_name_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

struct Piece {
  enum class Kind { plain, dollar, reference, broken };
  Kind kind = Kind::plain;
  std::string_view text;  // as it stands
  std::string_view name;  // of a reference
};

Piece reference_at(std::string_view rest) {  // rest starts with "${"
  std::size_t end = 2;
  while (end < rest.size() && is_name_letter(rest[end])) ++end;
  if (end < rest.size() && rest[end] == '}' && end > 2)
    return {Piece::Kind::reference, rest.substr(0, end + 1), rest.substr(2, end - 2)};
  return {Piece::Kind::broken, rest.substr(0, 2), {}};
}

Piece next_piece(std::string_view rest) {
  if (rest.starts_with("$$")) return {Piece::Kind::dollar, rest.substr(0, 2), {}};
  if (rest.starts_with("${")) return reference_at(rest);
  const std::size_t end = rest.find('$', 1);
  return {Piece::Kind::plain, rest.substr(0, end), {}};
}

std::string_view broken_excerpt(std::string_view rest) {
  const std::size_t close = rest.find('}');
  const std::size_t end = close == rest.npos ? rest.size() : close + 1;
  return rest.substr(0, std::min<std::size_t>(end, 40));
}

}  // namespace

Expected<std::string> expand(std::string_view text, const Lookup& lookup) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const Piece piece = next_piece(rest);
    switch (piece.kind) {
      case Piece::Kind::plain:
        out += piece.text;
        break;
      case Piece::Kind::dollar:
        out += '$';
        break;
      case Piece::Kind::broken:
        return problem(Problem::Kind::invalid,
                       fmt::format("`{}` is not a reference: write `$$` for a dollar sign.",
                                   broken_excerpt(rest)));
      case Piece::Kind::reference: {
        const auto value = lookup(piece.name);
        if (!value)
          return problem(Problem::Kind::invalid,
                         fmt::format("`${{{}}}` is not known here.", piece.name));
        out += *value;
      }
    }
    rest.remove_prefix(piece.text.size());
  }
  return out;
}

std::string expand_known(std::string_view text, const Lookup& lookup) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const Piece piece = next_piece(rest);
    rest.remove_prefix(piece.text.size());
    const auto value = piece.kind == Piece::Kind::reference ? lookup(piece.name) : std::nullopt;
    if (!value) {
      out += piece.text;
      continue;
    }
    for (const char c : *value) out.append(c == '$' ? 2 : 1, c);
  }
  return out;
}

std::vector<Reference> references(std::string_view text) {
  std::vector<Reference> found;
  for (std::string_view rest = text; !rest.empty();) {
    const Piece piece = next_piece(rest);
    const std::size_t at = text.size() - rest.size();
    if (piece.kind == Piece::Kind::reference) found.push_back({at, piece.name, false});
    if (piece.kind == Piece::Kind::broken) found.push_back({at, broken_excerpt(rest), true});
    rest.remove_prefix(piece.text.size());
  }
  return found;
}

}  // namespace utakata

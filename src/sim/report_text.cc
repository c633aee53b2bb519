#include "sim/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kListMost = 20;  // faults, or broken promises; JSON has them all
constexpr std::size_t kNameMost = 30;
// 38 + 2 x 31 columns: 100 are left for two sides.
constexpr std::size_t kLabelWidth = 38;
constexpr std::size_t kValueWidth = 31;

struct Side {
  const SimResult* result;
  std::string name;  // empty: there is only one
};

// Control characters, those of C1 too, become spaces: foreign text must not drive the terminal.
std::string plain(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c < 0x20 || c == 0x7f) out[i] = ' ';
    if (c == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0)
      out[i] = out[i + 1] = ' ';
  }
  return out;
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Columns, if every character takes one.
std::size_t width(std::string_view text) {
  return std::size_t(std::ranges::count_if(text, begins_character));
}

// The bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && columns-- == 0) return i;
  return text.size();
}

std::string clipped(std::string_view text, std::size_t columns) {
  const std::string safe = plain(text);
  if (width(safe) <= columns) return safe;
  return safe.substr(0, bytes_of(safe, columns - 3)) + "...";
}

std::string spaces(std::size_t columns, std::string_view beside) {
  return std::string(columns - width(beside), ' ');
}
std::string left(std::string_view text, std::size_t columns) {
  const std::string fits = clipped(text, columns - 1);
  return fits + spaces(columns, fits);
}
std::string right(std::string_view text, std::size_t columns) {
  const std::string fits = clipped(text, columns - 1);
  return spaces(columns, fits) + fits;
}

// Lines of at most 100 columns, broken at spaces where there are some; the first begins with
// `begin`, the others are indented by as much.
std::string wrapped(std::string_view begin, std::string_view text) {
  std::string rest = plain(text), out, margin = plain(begin);
  const std::size_t room = kColumns - width(margin);
  do {
    std::size_t end = bytes_of(rest, room);
    if (end < rest.size()) {
      const auto space = rest.rfind(' ', end);
      if (space != rest.npos && space > 0) end = space;
    }
    out += margin + rest.substr(0, end) + "\n";
    rest.erase(0, std::min(rest.size(), rest.find_first_not_of(' ', end)));
    margin.assign(width(margin), ' ');
  } while (!rest.empty());
  return out;
}

std::string head_line(const Side& side) {
  const std::string what = fmt::format("{} under {}", clipped(side.result->stack, kNameMost),
                                       clipped(side.result->load, kNameMost));
  const std::string begin = side.name.empty() ? "" : side.name + ": ";
  return wrapped(begin, fmt::format("{}: {}", what, report_run(*side.result)));
}

std::vector<std::string> cluster_names(std::span<const Side> sides) {
  std::vector<std::string> names;
  for (const Side& side : sides)
    for (const SimCluster& cluster : side.result->clusters)
      if (std::ranges::find(names, cluster.name) == names.end()) names.push_back(cluster.name);
  return names;
}

// Label and a value for each side; "-" where the side has no such cluster or row.
struct Line {
  std::string label;
  std::vector<std::string> values;
};

std::vector<Line> lines_of(std::string_view name, std::span<const Side> sides) {
  std::vector<Line> lines;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const auto& clusters = sides[i].result->clusters;
    const auto cluster = std::ranges::find(clusters, name, &SimCluster::name);
    if (cluster == clusters.end()) continue;
    for (auto& [label, value] : report_rows(*cluster, sides[i].result->currency)) {
      auto line = std::ranges::find(lines, label, &Line::label);
      if (line == lines.end())
        line = lines.insert(line, {label, std::vector<std::string>(sides.size(), "-")});
      line->values[i] = std::move(value);
    }
  }
  return lines;
}

std::string cluster_text(std::string_view name, std::span<const Side> sides) {
  std::string out = "\n" + left(fmt::format("cluster {}", name), kLabelWidth);
  for (const Side& side : sides) out += right(side.name, kValueWidth);
  out.erase(out.find_last_not_of(' ') + 1);
  out += "\n";
  for (const Line& line : lines_of(name, sides)) {
    out += left("  " + line.label, kLabelWidth);
    for (const std::string& value : line.values) out += right(value, kValueWidth);
    out += "\n";
  }
  return out;
}

std::string and_more(std::size_t count) {
  if (count <= kListMost) return "";
  return fmt::format("  ... and {} more\n", thousands(std::int64_t(count - kListMost)));
}

std::string of_side(const Side& side) { return side.name.empty() ? "" : " in " + side.name; }

std::string faults_text(const Side& side) {
  const auto& faults = side.result->faults;
  if (faults.empty()) return "";
  std::string out = fmt::format("\n{}{}\n", plural(std::ssize(faults), "fault"), of_side(side));
  for (const SimFault& fault : std::span(faults).first(std::min(kListMost, faults.size())))
    out += wrapped(fmt::format("  {:>9}  ", clock_text_with_seconds(fault.at)), fault.what);
  return out + and_more(faults.size());
}

std::string broken_text(const Side& side) {
  const auto& broken = side.result->broken;
  if (broken.empty()) return fmt::format("\nno promise broken{}\n", of_side(side));
  std::string out =
      fmt::format("\n{} BROKEN{}\n", plural(std::ssize(broken), "promise"), of_side(side));
  for (const std::string& promise : std::span(broken).first(std::min(kListMost, broken.size())))
    out += wrapped("  ", promise);
  return out + and_more(broken.size());
}

std::string text_of(std::span<const Side> sides) {
  std::string out;
  for (const Side& side : sides) out += head_line(side);
  for (const std::string& name : cluster_names(sides)) out += cluster_text(name, sides);
  for (const Side& side : sides) out += faults_text(side);
  for (const Side& side : sides) out += broken_text(side);
  return out;
}

}  // namespace

std::string to_text(const SimResult& result) {
  const Side side{&result, ""};
  return text_of({&side, 1});
}

std::string to_text(const SimResult& a, const SimResult& b, std::string_view name_a,
                    std::string_view name_b) {
  const Side sides[] = {{&a, clipped(name_a, kNameMost)}, {&b, clipped(name_b, kNameMost)}};
  return text_of(sides);
}

}  // namespace utakata

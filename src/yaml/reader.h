// Reads typed values out of a Yaml tree and gathers every mistake on the way, so that one run tells
// them all.
//
// A read that fails notes why, with place and remedy, and leaves its target as it was.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/text.h"  // did_you_mean
#include "yaml/mistake.h"
#include "yaml/yaml.h"

namespace utakata {

class YamlReader {
 public:
  // Beyond that nobody reads, and a hostile file would make megabytes of them.
  static constexpr std::size_t mistakes_max = 200;
  virtual ~YamlReader() = default;

  std::vector<Mistake> mistakes;  // 200 at most

  void mistake(const Yaml& at, std::string what);         // at the value
  void mistake_at_key(const Yaml& at, std::string what);  // at the key of a map's item
  void mistake(int line, int column, std::string what);

  virtual std::optional<std::string> text(const Yaml& y) { return raw(y); }
  void text(const Yaml& y, std::string& into);
  void integer(const Yaml& y, int lowest, int highest, int& into);
  void integer(const Yaml& y, std::int64_t lowest, std::int64_t highest,
               std::optional<std::int64_t>& into);
  void number(const Yaml& y, double highest, std::optional<double>& into);  // above 0
  void bytes(const Yaml& y, std::int64_t lowest, std::optional<std::int64_t>& into);
  void duration(const Yaml& y, Duration lowest, Duration highest, Duration& into);
  void rate(const Yaml& y, double& into);   // `50/s`, `600/m`: a second
  void flag(const Yaml& y, bool& into);     // true or false
  void share(const Yaml& y, double& into);  // `25%` gives 0.25; above 0, at most 100 %
  void texts(const Yaml& y,
             std::vector<std::string>& into);  // a list of texts; a single text is a list of one
  // Notes a mistake unless `text` is a lower-case name such as `game-2`.
  bool name(int line, int column, std::string_view text, std::string_view noun);

 protected:
  std::optional<std::string> raw(const Yaml& y);
};

// "`capacity`" of a map's item, "this" of a list's.
std::string called(const Yaml& y);
// "25%" and "25 %" give 25.
std::optional<double> percent_from(std::string_view text);

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace utakata

// Reads typed values out of a Yaml tree and gathers every mistake on the way, so that one run tells
// them all.
//
// A read that fails notes why, with place and remedy, and leaves its target as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/calendar.h"
#include "base/instant.h"
#include "fleet/model/rule.h"
#include "fleet/model/stack.h"
#include "fleet/stack/mistake.h"
#include "fleet/stack/yaml.h"

namespace utakata {

class Reader {
 public:
  // Beyond that nobody reads, and a hostile file would make megabytes of them.
  static constexpr std::size_t mistakes_max = 200;
  explicit Reader(std::string folder, ZoneTable zone_of = {}, ZoneNames zone_names = {})
      : folder_(std::move(folder)),
        zone_of_(std::move(zone_of)),
        zone_names_(std::move(zone_names)) {}

  // No value: declared, but wrong or not given, which was noted; its uses are passed over in
  // silence.
  std::map<std::string, std::optional<std::string>, std::less<>> parameters;
  std::vector<Mistake> mistakes;  // 200 at most

  void mistake(const Yaml& at, std::string what);         // at the value
  void mistake_at_key(const Yaml& at, std::string what);  // at the key of a map's item
  void mistake(int line, int column, std::string what);

  // With ${parameters} filled in and `$$` undone. For everything but templates.
  std::optional<std::string> text(const Yaml& y);
  void text(const Yaml& y, std::string& into);
  // With ${parameters} filled in, everything else still to be expanded; see references.h for what
  // it may then name.
  void read_template(const Yaml& y, Template& into);

  void integer(const Yaml& y, int lowest, int highest, int& into);
  void integer(const Yaml& y, std::int64_t lowest, std::int64_t highest,
               std::optional<std::int64_t>& into);
  void number(const Yaml& y, double highest, std::optional<double>& into);  // above 0
  void bytes(const Yaml& y, std::optional<std::int64_t>& into);
  void duration(const Yaml& y, Duration lowest, Duration highest, Duration& into);
  void rate(const Yaml& y, double& into);   // `50/s`, `600/m`: a second
  void flag(const Yaml& y, bool& into);     // true or false
  void share(const Yaml& y, double& into);  // `25%` gives 0.25; above 0, at most 100 %
  void amount(const Yaml& y,
              std::optional<Amount>& into);  // `30%` gives 30 and is_percent, `200` gives 200
  void web_path(const Yaml& y, std::string& into);  // `/healthz`
  void path(const Yaml& y,
            std::string& into);  // of a file: absolute, against the stack file's folder
  void calendar(const Yaml& y, std::optional<Calendar>& into);  // `Sat 18:30`
  void zone(const Yaml& y, Zone& into);                         // `Asia/Tokyo`
  void texts(const Yaml& y,
             std::vector<std::string>& into);  // a list of texts; a single text is a list of one
  // Notes a mistake unless `text` is a lower-case name such as `game-2`.
  bool name(int line, int column, std::string_view text, std::string_view noun);

 private:
  std::optional<std::string> raw(const Yaml& y);
  std::string zone_guess(std::string_view name) const;
  void parameter_unknown(const Yaml& y, std::string_view name);
  std::string folder_;
  ZoneTable zone_of_;
  ZoneNames zone_names_;
};

// "`capacity`" of a map's item, "this" of a list's.
std::string called(const Yaml& y);
// ", did you mean `x`?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);
// What ${...} may name without being a parameter.
bool is_reserved_name(std::string_view name);

}  // namespace utakata

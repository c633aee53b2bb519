// What a stack file's values are, beyond those of any YAML file (yaml/reader.h): ${parameters},
// templates, times and zones.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/calendar.h"
#include "fleet/model/rule.h"
#include "fleet/model/stack.h"
#include "yaml/reader.h"

namespace utakata {

class Reader final : public YamlReader {
 public:
  explicit Reader(std::string folder, ZoneTable zone_of = {}, ZoneNames zone_names = {})
      : folder_(std::move(folder)),
        zone_of_(std::move(zone_of)),
        zone_names_(std::move(zone_names)) {}

  // No value: declared, but wrong or not given, which was noted; its uses are passed over in
  // silence.
  std::map<std::string, std::optional<std::string>, std::less<>> parameters;

  // With ${parameters} filled in and `$$` undone. For everything but templates.
  std::optional<std::string> text(const Yaml& y) override;
  using YamlReader::text;
  // With ${parameters} filled in, everything else still to be expanded; see references.h for what
  // it may then name.
  void read_template(const Yaml& y, Template& into);

  void amount(const Yaml& y,
              std::optional<Amount>& into);  // `30%` gives 30 and is_percent, `200` gives 200
  void web_path(const Yaml& y, std::string& into);  // `/healthz`
  void path(const Yaml& y,
            std::string& into);  // of a file: absolute, against the stack file's folder
  void calendar(const Yaml& y, std::optional<Calendar>& into);  // `Sat 18:30`
  void zone(const Yaml& y, Zone& into);                         // `Asia/Tokyo`

 private:
  std::string zone_guess(std::string_view name) const;
  void parameter_unknown(const Yaml& y, std::string_view name);
  std::string folder_;
  ZoneTable zone_of_;
  ZoneNames zone_names_;
};

// What ${...} may name without being a parameter.
bool is_reserved_name(std::string_view name);

}  // namespace utakata

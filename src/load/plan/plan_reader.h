// Reads typed values out of the JSON of a plan and gathers every mistake on the way, so that one
// run tells them all. A read that fails notes why, with place and remedy, and answers nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/instant.h"
#include "load/plan/load_plan.h"

namespace utakata::load {

// A value and where it stands. Refers to the JSON, which outlives it.
class PlanValue {
 public:
  using Json = nlohmann::ordered_json;
  enum class Kind : std::uint8_t { nothing, flag, number, text, list, map };

  PlanValue(const Json& json, std::string path, std::string key)
      : json_(&json), path_(std::move(path)), key_(std::move(key)) {}

  Kind kind() const;
  bool is(Kind kind) const { return this->kind() == kind; }
  const std::string& path() const { return path_; }
  const std::string& key() const { return key_; }  // of a list's item: empty
  std::string called() const;                      // "`duration`"; "This" of a list's item
  std::string shown() const;                       // "`soon`", "a list": as what was found
  // Of that kind only:
  bool flag() const;
  double number() const;
  const std::string& text() const;
  std::vector<PlanValue> items() const;  // of a list or a map, in the text's order

 private:
  const Json* json_;
  std::string path_, key_;
};

class PlanReader;
template <class Into>
struct PlanKey {
  std::string_view name;
  void (*read)(PlanReader&, const PlanValue&, Into&);
};

class PlanReader {
 public:
  static constexpr std::size_t mistakes_max = 100;
  std::vector<PlanMistake> mistakes;

  void mistake(const PlanValue& at, std::string what) { mistake(at.path(), std::move(what)); }
  void mistake(const std::string& path, std::string what);

  std::optional<double> number(const PlanValue& at, double lowest, double highest);
  std::optional<std::int64_t> whole(const PlanValue& at, std::int64_t lowest, std::int64_t highest);
  std::optional<Duration> duration(const PlanValue& at, Duration highest);  // not negative
  std::optional<double> rate(const PlanValue& at);                          // a second
  std::optional<bool> flag(const PlanValue& at);
  std::optional<std::string> text(const PlanValue& at, std::string_view example);
  std::optional<Tags> tags(const PlanValue& at);
  bool is_list(const PlanValue& at, std::size_t items_max,
               std::string_view example);  // of 1 or more
  bool is_map(const PlanValue& at, std::string_view example);

  // Each known key is read, of the others the nearest known one is told. False: it is no map.
  template <class Into>
  bool keys(const PlanValue& at, std::type_identity_t<std::span<const PlanKey<Into>>> known,
            std::string_view example, Into& into) {
    if (!is_map(at, example)) return false;
    std::vector<std::string_view> names;
    for (const auto& key : known) names.push_back(key.name);
    for (const PlanValue& item : at.items())
      if (const auto index = match(item, names)) known[*index].read(*this, item, into);
    return true;
  }

 private:
  std::optional<std::size_t> match(const PlanValue& item, std::span<const std::string_view> names);
};

}  // namespace utakata::load

// What a cluster's `scale:` list says, as values: the rule language's tree included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/calendar.h"
#include "base/instant.h"

namespace utakata {

// An expression over the cluster's numbers of one tick, such as `avg(connections) > 400`, a truth,
// or `ceil(sum(connections) / 400)`, a number. The tree
// lies flat in `nodes`: children stand before their parents, the last node is the root. It was
// type-checked when it was parsed.
struct Expression {
  enum class Op : std::uint8_t {
    number,
    aggregate,
    negate,
    ceil,
    floor,  // number -> number
    add,
    subtract,
    multiply,
    divide,  // number x number -> number
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,  // number x number -> truth
    logical_and,
    logical_or,
    logical_not  // truth x truth -> truth
  };
  // count: serving instances that have the number. Percentiles by nearest rank.
  enum class Aggregate : std::uint8_t { count, sum, avg, min, max, percentile };
  struct Node {
    Op op = Op::number;
    Aggregate aggregate = Aggregate::count;
    std::uint8_t percent = 0;  // of percentile: 1..99
    std::uint16_t metric = 0;  // of an aggregate: index into ClusterSpec::metrics
    std::uint16_t left = 0, right = 0;
    double number = 0;
    bool operator==(const Node&) const = default;
  };
  std::string text;  // as the user wrote it
  std::vector<Node> nodes;
  bool operator==(const Expression&) const = default;
};

// A share of something or a plain number of it: `30%` or `200`.
struct Amount {
  double value = 0;
  bool is_percent = false;
  bool operator==(const Amount&) const = default;
};

struct HeadroomRule {  // free seats beyond the present connections and holds
  Amount amount;
  bool is_auto = false;  // as many as arrive while an instance boots; `amount` does not count then
  bool operator==(const HeadroomRule&) const = default;
};

struct TargetRule {  // so much of a number on each instance, and no more
  double each = 0;   // above 0
  std::uint16_t metric = 0;
  bool operator==(const TargetRule&) const = default;
};

struct ScheduleRule {  // so many from each `at` on
  Calendar at;
  std::optional<Calendar> until;  // the first after `at`; none: for `lasts`
  Duration lasts{};
  Zone zone;
  int min = 0;
  bool operator==(const ScheduleRule&) const = default;
};

struct ShowRule {  // a planned peak: so many connections are expected
  std::string show;
  Calendar at;
  std::optional<Calendar> until;  // the first after `at`; none: for `lasts`
  Duration lasts{};
  Zone zone;
  Duration ready_by{};      // before `at`: all serve from then on
  std::int64_t people = 0;  // connections expected of this cluster
  bool freeze = false;      // on air nothing is rolled out, scaled in, rebalanced or changed
  bool operator==(const ShowRule&) const = default;
};

struct FunctionRule {  // the last number that a user's program gave, while it is fresh
  std::string function;
  Duration stale{300s};
  bool operator==(const FunctionRule&) const = default;
};

struct WhenRule {
  Expression condition;
  Duration sustained{};  // `for:`; zero means at once
  // Exactly one of the three is set.
  std::optional<Amount> add;  // instances, or percent of those serving
  std::optional<Amount> remove;
  std::optional<Expression> to;  // so many, as long as the condition holds
  Duration pause{180s};          // between two firings of this rule
  bool operator==(const WhenRule&) const = default;
};

struct Rule {
  std::string name;  // the user's, or "headroom", "when-2"
  std::variant<HeadroomRule, TargetRule, ScheduleRule, ShowRule, FunctionRule, WhenRule> kind;
  bool operator==(const Rule&) const = default;
};

}  // namespace utakata

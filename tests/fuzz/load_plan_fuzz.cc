// Any text: a plan that can be run as it is, or mistakes that can be shown.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "load/pacing/mix.h"
#include "load/plan/load_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace utakata::load;
  using utakata::check;
  const auto plan = read_load_plan({reinterpret_cast<const char*>(data), size});
  if (!plan) {
    check(!plan.error().empty() && plan.error().size() <= 100,
          "a refusal has its reasons, and not too many");
    for (const auto& [path, what] : plan.error())
      check(path.starts_with("load") && !what.empty() && what.size() < 10'000,
            "a mistake is a sentence with a path");
    return 0;
  }
  check(!plan->flows.empty() && to_text(*plan).size() < 100'000, "a plan can be told in words");
  for (const auto& [model, scenarios, start_after] : plan->flows) {
    std::vector<int> weights;
    for (const auto& scenario : scenarios) weights.push_back(scenario.weight);
    check(Mix(weights).of(12'345) < scenarios.size(), "a user gets one of the scenarios");
    if (const auto* open = std::get_if<OpenModel>(&model)) {
      Arrivals arrivals(open->stages, {1, 3});
      check(arrivals.total() > 0, "somebody comes");
      for (int i = 0; i < 10; ++i)
        if (const auto next = arrivals.next())
          check(next->at >= utakata::Duration{} && next->at <= arrivals.end(), "and in time");
    } else {
      const Population population(std::get<ClosedModel>(model).stages);
      const auto first = population.next_change(utakata::Duration{-1});
      check(!first || population.at(*first) > 0, "what changes first is that somebody is there");
    }
  }
  return 0;
}

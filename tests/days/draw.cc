#include "draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace utakata {
namespace {

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15 + 17) {}

  SimOptions day(std::uint64_t seed) {
    SimOptions day;
    day.seed = seed;
    day.stack.name = "day";
    day.stack.folder = "/";
    day.stack.clusters = {cluster("lobby"), cluster("game")};
    if (chance(0.4)) day.stack.clusters[1].needs = {"lobby"};
    day.session = seconds(15, 240);
    day.boot = seconds(0.5, 5);
    day.stop = seconds(0.05, 4);
    day.reconnect = seconds(0.1, 5);
    if (chance(0.4)) day.dawdlers = 0.3 * random_.unit();
    if (chance(0.3)) day.friends = 0.2 * random_.unit();
    if (chance(0.15)) day.nostalgics = random_.unit();
    day.load = load(day.stack);
    faults(day);
    calls(day);
    hosts(day);
    if (chance(0.4)) controllers(day);
    return day;
  }

 private:
  bool chance(double of) { return random_.unit() < of; }
  int number(int least, int most) {
    return least + int(random_.below(std::uint64_t(most - least + 1)));
  }
  double between(double least, double most) { return least + (most - least) * random_.unit(); }
  Duration seconds(double least, double most) { return from_seconds(between(least, most)); }
  Duration whole_seconds(int least, int most) { return number(least, most) * 1s; }

  ClusterSpec cluster(const char* name) {
    ClusterSpec spec;
    spec.name = name;
    spec.version = "v1";
    spec.run = {"node app.js"};
    spec.url = {"ws://${host}:${port}"};
    spec.capacity = number(3, 20);
    spec.instances_min = number(1, 4);
    spec.instances_max = std::min(20, spec.instances_min + number(1, 12));
    spec.settle = whole_seconds(5, 60);
    spec.step = between(0.1, 0.6);
    spec.hold = whole_seconds(4, 40);
    if (chance(0.5)) spec.drain.deadline = whole_seconds(15, 120);
    spec.drain.grace = whole_seconds(1, 8);
    spec.heal.clients_wait = whole_seconds(8, 45);
    if (chance(0.4)) spec.accept_per_second = chance(0.2) ? 0.5 : number(1, 8);
    if (chance(0.35)) spec.seats_per_key = number(2, std::min(6, spec.capacity));
    if (chance(0.7)) spec.count.accepted = "accepted";
    spec.place = PlacePolicy(chance(0.5) ? 0 : 1);
    spec.scale = rules(spec);
    return spec;
  }

  std::vector<Rule> rules(const ClusterSpec& spec) {
    std::vector<Rule> rules;
    if (chance(0.6))
      rules.push_back({"headroom", HeadroomRule{{double(number(5, 60)), true}}});
    else if (chance(0.5))
      rules.push_back({"headroom", HeadroomRule{{double(number(1, spec.capacity)), false}}});
    if (rules.empty() || chance(0.3))
      rules.push_back({"target", TargetRule{.each = between(0.5, 0.95) * spec.capacity}});
    if (chance(0.1))
      rules.push_back({"schedule", ScheduleRule{.at = every_third_minute(),
                                                .until = {},
                                                .lasts = 60s,
                                                .zone = {},
                                                .min = number(1, spec.instances_max)}});
    return rules;
  }

  static Calendar every_third_minute() {
    Calendar calendar{.text = "*/3 * * * *"};
    for (std::size_t minute = 0; minute < 60; minute += 3) calendar.minutes.set(minute);
    calendar.hours.set(), calendar.days.set(), calendar.months.set(), calendar.weekdays.set();
    return calendar;
  }

  // Up and down, twice or so; now and then more than fit.
  LoadCurve load(const Stack& stack) {
    double fit = 200;
    for (const ClusterSpec& spec : stack.clusters)
      fit = std::min(fit, double(spec.capacity) * spec.instances_max);
    const double most = fit * between(0.2, chance(0.25) ? 1.4 : 0.9);
    LoadCurve load{.name = "drawn", .points = {{0s, most * between(0, 0.4)}}};
    Duration at{};
    const Duration length = whole_seconds(600, 720);
    for (bool is_high = true; at < length; is_high = !is_high) {
      at = std::min(length, at + whole_seconds(5, 60));
      load.points.push_back({at, most * (is_high ? between(0.6, 1) : between(0, 0.3))});
      at = std::min(length, at + whole_seconds(40, 200));
      load.points.push_back({at, load.points.back().connections});
    }
    return load;
  }

  void faults(SimOptions& day) {
    const double length = to_seconds(day.load.length());
    for (int left = number(3, 6); left > 0; --left) {
      Fault fault{.at = seconds(0.05 * length, 0.85 * length),
                  .kind = chance(0.1) ? FaultKind::crash_controller
                                      : FaultKind(random_.below(kFaultKindsAlone)),
                  .lasts = from_seconds(1 + 79 * random_.unit() * random_.unit()),
                  .draw = random_.next()};
      if (chance(0.85)) fault.when = Lifecycle(random_.below(4));
      day.faults.push_back(fault);
    }
    std::ranges::sort(day.faults, {}, &Fault::at);
  }

  // Several: what goes wrong with one alone, and what only can between them.
  void controllers(SimOptions& day) {
    const double length = to_seconds(day.load.length());
    day.controllers = number(2, 3);
    day.give_back_after = whole_seconds(5, 40);
    for (ClusterSpec& spec : day.stack.clusters)
      if (chance(0.7)) spec.owner = std::string(1, char('a' + number(0, day.controllers - 1)));
    for (int left = number(2, 6); left > 0; --left) {
      Fault fault{.at = seconds(0.05 * length, 0.85 * length),
                  .kind = FaultKind(number(kFaultKindsAlone, kFaultKinds - 1)),
                  .lasts = from_seconds(1 + 59 * random_.unit() * random_.unit()),
                  .draw = random_.next()};
      if (chance(0.7)) fault.when = Lifecycle(random_.below(4));
      day.faults.push_back(fault);
    }
    std::ranges::sort(day.faults, {}, &Fault::at);
  }

  void calls(SimOptions& day) {
    const double length = to_seconds(day.load.length());
    const std::string& whose = day.stack.clusters[random_.below(2)].name;
    if (chance(0.35))
      day.calls.push_back({seconds(0.1 * length, 0.8 * length),
                           {.verb = AdminCall::Verb::restart, .cluster = whose}});
    if (chance(0.15))
      day.calls.push_back({seconds(0.1 * length, 0.8 * length),
                           {.verb = AdminCall::Verb::drain, .cluster = whose}});
  }

  // By numbers of their own, so that the day is else the same.
  void hosts(SimOptions& day) {
    Random random(day.seed * 0xd1342543de82ef95 + 5);
    if (random.below(10) < 4) return;
    const int count = std::array{1, 3, 6}[random.below(3)];
    const int zones = 1 + int(random.below(std::uint64_t(std::min(3, count))));
    for (int k = 0; k < count; ++k)
      day.hosts.push_back(
          {.name = fmt::format("worker-{}", k + 1),
           .zone = std::string(
               1, char('a' + (k < zones ? k : int(random.below(std::uint64_t(zones))))))});
    for (ClusterSpec& spec : day.stack.clusters)
      if (const auto other = random.below(10); other < 3)
        spec.spread = other < 2 ? SpreadOver::hosts : SpreadOver::none;
  }

  Random random_;
};

}  // namespace

SimOptions drawn_day(std::uint64_t seed) { return Drawing(seed).day(seed); }

bool goes_by_wall_clock(const SimOptions& day) {
  return std::ranges::any_of(day.stack.clusters, [](const ClusterSpec& spec) {
    return std::ranges::any_of(spec.scale, [](const Rule& rule) {
      return std::holds_alternative<ScheduleRule>(rule.kind);
    });
  });
}

std::string described(const Fault& fault) {
  std::string text = fmt::format("{} at {} for {}, draw {}", to_text(fault.kind), to_text(fault.at),
                                 to_text(fault.lasts), fault.draw);
  if (fault.when) text += fmt::format(", when one is {}", to_text(*fault.when));
  return text;
}

std::string described(const SimOptions& day) {
  std::string text;
  for (const ClusterSpec& spec : day.stack.clusters) {
    text += fmt::format(
        "  {}: {}..{} of {}, settle {}, step {:.2f}, deadline {}, hold {}, accept {}, clients wait "
        "{}, "
        "{} seats a key, {}{}; rules:",
        spec.name, spec.instances_min, spec.instances_max, spec.capacity, to_text(spec.settle),
        spec.step, spec.drain.deadline ? to_text(*spec.drain.deadline) : "none", to_text(spec.hold),
        spec.accept_per_second, to_text(spec.heal.clients_wait), spec.seats_per_key,
        spec.count.accepted.empty() ? "tells no arrivals" : "tells arrivals",
        spec.needs.empty() ? "" : ", needs " + spec.needs[0]);
    for (const Rule& rule : spec.scale) text += " " + rule.name;
    text += "\n";
  }
  if (day.controllers > 1) {
    text += fmt::format("  {} controllers, given back after {}; preferred:", day.controllers,
                        to_text(day.give_back_after));
    for (const ClusterSpec& spec : day.stack.clusters)
      text += fmt::format(" {}", spec.owner.empty() ? "-" : spec.owner);
    text += "\n";
  }
  text += fmt::format(
      "  people stay {}, boot {}, stop {}, reconnect {}, {:.0f} % dawdle, "
      "{:.0f} % dial old addresses\n",
      to_text(day.session), to_text(day.boot), to_text(day.stop), to_text(day.reconnect),
      100 * day.dawdlers, 100 * day.nostalgics);
  if (!day.hosts.empty()) {
    text += "  hosts:";
    for (const Host& host : day.hosts) text += fmt::format(" {}/{}", host.name, host.zone);
    for (const ClusterSpec& spec : day.stack.clusters)
      text += fmt::format("; {} spread over {}", spec.name, to_text(spec.spread));
    text += "\n";
  }
  for (const SimCall& one : day.calls)
    text += fmt::format("  an operator {} {} at {}\n",
                        one.call.verb == AdminCall::Verb::restart ? "restarts" : "drains one of",
                        one.call.cluster, to_text(one.at));
  return text;
}

}  // namespace utakata

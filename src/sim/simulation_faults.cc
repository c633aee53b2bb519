#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "sim/simulation.h"

namespace utakata {

void Simulation::note(std::string what) {
  last_fault_ = timeline_.now();
  result_.faults.push_back({timeline_.since_begin(), std::move(what)});
}

void Simulation::undo_later(Duration wait, std::function<void()> undo) {
  ++lasting_;
  timeline_.after(wait, [this, undo = std::move(undo)] {
    undo();
    --lasting_;
    last_fault_ = timeline_.now();
  });
}

void Simulation::schedule(const Fault& fault) {
  timeline_.after(fault.at, [this, fault] {
    if (!fault.when || may_strike(fault)) return strike(fault);
    waiting_.push_back(fault);
    timeline_.after(60s, [this, fault] {
      if (std::erase(waiting_, fault) > 0) strike(fault);
    });
  });
}

bool Simulation::may_strike(const Fault& fault) {
  return std::ranges::any_of(
      hosts_.there(), [&](std::uint32_t index) { return hosts_[index].decided == *fault.when; });
}

// One that is as the fault wants it; otherwise one that serves.
Guest* Simulation::victim(const Fault& fault) {
  std::vector<std::uint32_t> meant, serving;
  for (const std::uint32_t index : hosts_.there()) {
    if (fault.when && hosts_[index].decided == *fault.when) meant.push_back(index);
    if (hosts_[index].answers()) serving.push_back(index);
  }
  const auto& of = meant.empty() ? serving : meant;
  return of.empty() ? nullptr : &hosts_[of[fault.draw % of.size()]];
}

void Simulation::crash(Lives& lives, Duration away) {
  for (std::uint32_t i = 0; i < watched_.size(); ++i) people_.crowd(i).ledger = nullptr;
  lives.crash();
  if (!company_) recorded_.begin_life();
  undo_later(away, [this, &lives] {
    // Before it begins: it may record, or end again, at once.
    for (Watched& one : watched_)
      if (!company_) begin_life(one);
    for (std::uint32_t i = 0; !company_ && i < watched_.size(); ++i) people_.forget_line(i);
    lives.begin();
  });
}

void Simulation::strike(const Fault& fault) {
  auto& struck = result_.struck[std::size_t(fault.kind)];
  if (fault.kind == FaultKind::kill || fault.kind == FaultKind::freeze) return strike_one(fault);
  std::array<bool, 4> are{};
  for (const std::uint32_t index : hosts_.there())
    if (const auto state = std::size_t(hosts_[index].decided); state < are.size())
      are[state] = true;
  for (std::size_t state = 0; state < are.size(); ++state) struck[state] += are[state];
  switch (fault.kind) {
    case FaultKind::crash_controller:
    case FaultKind::freeze_controller:
    case FaultKind::full_store:
    case FaultKind::step_clock:
      return strike_controller(fault);
    case FaultKind::lose_lease:
    case FaultKind::freeze_owner:
    case FaultKind::cut_etcd:
    case FaultKind::cut_controllers:
    case FaultKind::split_brain:
    case FaultKind::etcd_away:
      return strike_company(fault);
    default:
      return strike_all(fault);
  }
}

std::string lasting(const Fault& fault) {
  return fmt::format("{} for {}", to_text(fault.kind),
                     to_text(std::chrono::floor<std::chrono::seconds>(fault.lasts)));
}

void Simulation::strike_one(const Fault& fault) {
  Guest* const guest = victim(fault);
  if (!guest) return;
  if (const auto state = std::size_t(guest->decided); state < 4)
    ++result_.struck[std::size_t(fault.kind)][state];
  const std::string whom = fmt::format("{} ({}) with {} on it", guest->id.text,
                                       to_text(guest->decided), guest->connections);
  if (fault.kind == FaultKind::kill) {
    note("kill of " + whom);
    return hosts_.die(*guest, "killed by signal 9 (SIGKILL)");
  }
  note(lasting(fault) + ": " + whom);
  hosts_.freeze(*guest, fault.lasts);
  undo_later(fault.lasts, [] {});
}

void Simulation::lose_zone(const Fault& fault) {
  int lost = 0;
  for (const std::uint32_t index : hosts_.there())
    if (hosts_[index].answers() && (fault.draw + index) % 2 == 0)
      hosts_.freeze(hosts_[index], fault.lasts), ++lost;
  note(fmt::format("a zone is lost for {}, with {}",
                   to_text(std::chrono::floor<std::chrono::seconds>(fault.lasts)),
                   plural(lost, "instance")));
  undo_later(fault.lasts, [] {});
}

// One, or all of its zone, dead for a while; of a zone now and then only out of reach, which its
// engine does not notice.
void Simulation::lose_machines(const Fault& fault) {
  std::vector<Host>& machines = hosts_.machines;
  std::vector<int> up, lost;
  for (int k = 0; k < int(machines.size()); ++k)
    if (machines[std::size_t(k)].is_up) up.push_back(k);
  if (up.empty()) return;
  const auto chosen = std::size_t(up[fault.draw % up.size()]);
  for (const int k : up)
    if (k == int(chosen) || (fault.kind == FaultKind::lose_zone &&
                             machines[std::size_t(k)].zone == machines[chosen].zone))
      lost.push_back(k);
  const bool is_only_unreachable =
      fault.kind == FaultKind::lose_zone && (fault.draw >> 32) % 3 == 0;
  note(fmt::format("{} of zone {} {} for {}", plural(int(lost.size()), "host"),
                   machines[chosen].zone, is_only_unreachable ? "out of reach" : "lost",
                   to_text(std::chrono::floor<std::chrono::seconds>(fault.lasts))));
  if (is_only_unreachable) {
    for (const std::uint32_t index : hosts_.there())
      if (hosts_[index].answers() && std::ranges::find(lost, hosts_[index].machine) != lost.end())
        hosts_.freeze(hosts_[index], fault.lasts);
    return undo_later(fault.lasts, [] {});
  }
  for (const int k : lost) hosts_.lose(k);
  const auto come_back = [&machines, lost] {
    for (const int k : lost) machines[std::size_t(k)].is_up = true;
  };
  // As long as there are others everybody must be served on them.
  if (std::ranges::any_of(machines, &Host::is_up))
    timeline_.after(fault.lasts, come_back);
  else
    undo_later(fault.lasts, come_back);
}

// No excuse either: there are others.
void Simulation::fill_machine(const Fault& fault) {
  const int machine = int(fault.draw / 2 % hosts_.machines.size());
  note(fmt::format("{} is full for {}", hosts_.machines[std::size_t(machine)].name,
                   to_text(std::chrono::floor<std::chrono::seconds>(fault.lasts))));
  int& full = hosts_.habits.full_machine;
  full = machine;
  timeline_.after(fault.lasts, [&full] { full = -1; });
}

void Simulation::strike_all(const Fault& fault) {
  Hosts::Habits& habits = hosts_.habits;
  const bool is_of_hosts = fault.kind == FaultKind::lose_host || fault.kind == FaultKind::lose_zone;
  if (is_of_hosts && !hosts_.machines.empty()) return lose_machines(fault);
  if (fault.kind == FaultKind::refusals && hosts_.machines.size() > 1 && fault.draw % 2 == 0)
    return fill_machine(fault);
  if (fault.kind == FaultKind::lose_host) {
    int lost = 0;
    for (const std::uint32_t index : std::vector(hosts_.there()))
      if (hosts_[index].is_there() && (fault.draw + index) % 3 == 0)
        hosts_.die(hosts_[index], "its host is lost"), ++lost;
    return note(fmt::format("a host is lost, with {}", plural(lost, "instance")));
  }
  if (fault.kind == FaultKind::lose_zone) return lose_zone(fault);
  note(lasting(fault));
  const auto turn_on = [&](bool Hosts::Habits::* habit) {
    habits.*habit = true;
    undo_later(fault.lasts, [&habits, habit] { habits.*habit = false; });
  };
  if (fault.kind == FaultKind::bad_boots) {
    habits.bad_boots = 1;
    undo_later(fault.lasts, [&habits] { habits.bad_boots = 0; });
  } else if (fault.kind == FaultKind::refusals) {
    turn_on(&Hosts::Habits::refuses);
  } else if (fault.kind == FaultKind::slow_probe) {
    turn_on(&Hosts::Habits::is_probe_slow);
  } else if (fault.kind == FaultKind::lying_probe) {
    turn_on(&Hosts::Habits::is_probe_lying);
  } else if (fault.kind == FaultKind::repeated_news) {
    turn_on(&Hosts::Habits::repeats_news);
  } else if (fault.kind == FaultKind::twin_launches) {
    turn_on(&Hosts::Habits::launches_twice);
  } else if (fault.kind == FaultKind::slow_boots) {
    habits.boot = 10 * options_.boot;
    undo_later(fault.lasts + 15 * options_.boot, [] {});  // until the last of them is up
    undo_later(fault.lasts, [this] { hosts_.habits.boot = options_.boot; });
  } else {
    turn_on(&Hosts::Habits::is_probe_broken);
  }
}

void Simulation::strike_controller(const Fault& fault) {
  Lives& lives = *lives_[fault.draw / 7 % lives_.size()];
  const std::string whose = company_ ? fmt::format(" ({})", lives.name()) : "";
  if (fault.kind == FaultKind::crash_controller) {
    if (!lives.control()) return;
    note(to_text(fault.kind) + whose);
    lives.crash_after(1 + int(fault.draw % 6));
  } else if (fault.kind == FaultKind::freeze_controller) {
    note(lasting(fault) + whose);
    lives.freeze(fault.lasts);
    undo_later(fault.lasts, [] {});
  } else if (fault.kind == FaultKind::full_store) {
    note(lasting(fault));
    record_.rows.set_full(is_full_ = true);
    undo_later(fault.lasts, [this] { record_.rows.set_full(is_full_ = false); });
  } else {
    step_clock(fault);
  }
}

// Nobody but `at:` notices: it is no reason to wait for anything.
void Simulation::step_clock(const Fault& fault) {
  const Instant last = last_fault_;
  note(to_text(fault.kind));
  last_fault_ = last;
  const std::chrono::milliseconds by{std::int64_t(fault.draw % 172'800'000) - 86'400'000};
  if (company_)
    lives_[fault.draw / 7 % lives_.size()]->clock().wall_ahead += by;
  else
    timeline_.step_wall(by);
}

void Simulation::strike_company(const Fault& fault) {
  if (!company_) return;
  Company& company = *company_;
  if (fault.kind == FaultKind::etcd_away) {
    if (company.etcd.is_away()) return;
    note(lasting(fault));
    company.etcd.set_away(true);
    return undo_later(fault.lasts, [&company] { company.etcd.set_away(false); });
  }
  const std::size_t who = fault.draw / 7 % lives_.size();
  Lives& lives = *lives_[who];
  // As long as a lease, or a little longer; the others as long as it pleases.
  const double share = to_seconds(fault.lasts) - std::floor(to_seconds(fault.lasts));
  Duration lasts = fault.lasts;
  if (fault.kind == FaultKind::lose_lease) lasts = from_seconds(3.2 + 3 * share);
  if (fault.kind == FaultKind::freeze_owner) lasts = from_seconds(2 + 8 * share);
  note(fmt::format("{} for {} ({})", to_text(fault.kind), to_text(lasts), lives.name()));
  if (fault.kind == FaultKind::freeze_owner) {
    if (!lives.control()) return;
    // Later than now, but of those steps that it may never take it waits for none.
    lives.freeze_after(1 + int(fault.draw % 6), lasts);
    return undo_later(lasts + 10s, [&lives] { lives.freeze_after(0, {}); });
  }
  const bool from_etcd = fault.kind != FaultKind::cut_controllers;
  const bool from_others =
      fault.kind == FaultKind::cut_controllers || fault.kind == FaultKind::split_brain;
  if (from_etcd) company.cut_from_etcd(who, 1);
  if (from_others) company.cut_from_others(who, 1);
  undo_later(lasts, [&company, who, from_etcd, from_others] {
    if (from_etcd) company.cut_from_etcd(who, -1);
    if (from_others) company.cut_from_others(who, -1);
  });
}

void Simulation::call(const AdminCall& call) {
  Watched* const one = watched(call.cluster);
  Lives* const lives = one ? acting(*one) : nullptr;
  if (!lives || is_full_) {
    timeline_.after(5s, [this, call] { this->call(call); });
    return;
  }
  AdminCall meant = call;
  if (call.verb == AdminCall::Verb::drain && call.instance.empty()) {
    for (const auto& [id, one] : recorded_.of(call.cluster))
      if (one.lifecycle == Lifecycle::serving) meant.instance = id.text;
    if (meant.instance.empty()) return;
  }
  note(fmt::format("an operator {} {}", call.verb == AdminCall::Verb::drain ? "drains" : "restarts",
                   meant.instance.empty() ? call.cluster : meant.instance));
  (void)lives->control()->ask(meant);
}

}  // namespace utakata

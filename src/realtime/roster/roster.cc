#include "realtime/roster/roster.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace utakata::realtime {
namespace {

using Kind = RosterEntry::Kind;

// The same in every process and build: FNV-1a, then the finalizer of SplitMix64.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325) {
  for (const char c : text) hash = (hash ^ std::uint8_t(c)) * 0x100000001b3;
  return hash;
}

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

auto key_of(const RosterEntry& entry) {
  return std::tuple(entry.tenant, entry.channel, entry.kind, entry.user, entry.key);
}

}  // namespace

Roster::Roster(RosterSpec spec, RosterShares& shares, Publish publish)
    : spec_(std::move(spec)),
      id_hash_(hash_of(spec_.id)),
      shares_(shares),
      publish_(std::move(publish)) {
  check(!spec_.id.empty() && spec_.id.size() <= roster_id_bytes_max, "a process has an id");
}

Roster::Pending& Roster::pending(std::string_view tenant, const std::string& channel) {
  auto of = pending_.find(tenant);
  if (of == pending_.end()) of = pending_.try_emplace(std::string(tenant)).first;
  return of->second[channel];
}

void Roster::changed(std::string_view tenant, const Channels::LocalChange& change) {
  if (is_over_) return;
  Pending& of = pending(tenant, change.channel);
  of.readers = change.readers;
  if (change.came) of.users[change.came->user] = change.came;
  if (change.gone) of.users[*change.gone] = std::nullopt;
}

void Roster::put(std::string_view tenant, const std::string& channel, const std::string& key,
                 const std::string* value) {
  if (is_over_) return;
  pending(tenant, channel).states[key] = value ? std::optional(*value) : std::nullopt;
}

void Roster::tenants_changed() {
  for (auto& [id, other] : others_) other.is_whole = false, other.asked.reset();
  owes_snapshot_ = true;
  ++number_;  // what was heard of us so far is not all
}

// What was not heard of us for a lease is forgotten by others: they have done our work as keepers.
void Roster::notice_absence(Instant now) {
  if (!heard_self_ || now - *heard_self_ < spec_.lease) return;
  says_ready_ = is_ready_ = false;
  contact_since_ = now;
}

void Roster::reaches(bool is_reaching, Instant now) {
  if (is_over_) return;
  is_reaching_ = is_reaching;
  if (!is_reaching) return;
  notice_absence(now);
  contact_since_ = now;
  heard_self_ = now;
  owes_snapshot_ = true;
  is_snapshot_under_way_ = false;
}

Roster::Other* Roster::known(std::string_view id, Instant now) {
  auto other = others_.find(id);
  if (other == others_.end()) {
    if (others_.size() >= spec_.others_max) return nullptr;
    other = others_.try_emplace(std::string(id)).first;
    other->second.process = ++last_process_;
    other->second.id_hash = hash_of(id);
  }
  other->second.heard = now;
  return &other->second;
}

void Roster::hears(std::string_view body, Instant now) {
  if (is_over_) return;
  notice_absence(now);
  const auto word = read_roster_word(body);
  if (!word) return void(++counts_.refused);
  if (word->from == spec_.id) return hears_self(*word, now);
  if (word->kind == RosterWord::Kind::bye) {
    const auto gone = others_.find(word->from);
    if (gone != others_.end()) forget(gone);
    return;
  }
  Other* const other = known(word->from, now);
  if (!other) return void(++counts_.refused);
  other->is_ready = word->is_ready;
  if (word->kind == RosterWord::Kind::changes) return hears_changes(*other, *word);
  if (word->kind == RosterWord::Kind::snapshot) return hears_snapshot(*other, *word, body);
  if (word->number != other->number) lose(*other);
  other->number = word->number;
  if (word->kind == RosterWord::Kind::ask) hears_ask(*word);
}

void Roster::hears_self(const RosterWord& word, Instant now) {
  // Who has just come back hears others' old words first: all get their lease anew.
  if (heard_self_ && now - *heard_self_ > spec_.lease / 2) contact_since_ = now;
  heard_self_ = now;
  is_ready_ = says_ready_ && word.is_ready;
  if (word.kind == RosterWord::Kind::snapshot && word.part == 0) is_snapshot_under_way_ = false;
}

// Whoever asks before our snapshot is on the bus hears it there.
void Roster::hears_ask(const RosterWord& word) {
  const bool is_asked =
      word.whom.empty() || std::ranges::find(word.whom, spec_.id) != word.whom.end();
  if (is_asked && !is_snapshot_under_way_) owes_snapshot_ = true;
}

// What is said of a channel holds whatever was before it, so it is taken after a gap, too.
void Roster::hears_changes(Other& other, const RosterWord& word) {
  if (word.number != other.number + 1) lose(other);
  other.gathered.reset();
  other.number = word.number;
  for (const RosterEntry& entry : word.entries) apply(other.process, entry);
}

void Roster::hears_snapshot(Other& other, const RosterWord& word, std::string_view body) {
  if (other.is_whole && word.number == other.number) return;  // asked for by somebody else
  if (word.number != other.number) lose(other);
  other.number = word.number;
  if (word.part == 0 && word.parts <= spec_.snapshot_parts_max)
    other.gathered = Gathered{.number = word.number, .bodies = {}};
  if (!other.gathered || other.gathered->number != word.number ||
      other.gathered->bodies.size() != word.part)
    return other.gathered.reset();
  other.gathered->bodies.emplace_back(body);
  if (word.part + 1 < word.parts) return;
  const Gathered gathered = *std::exchange(other.gathered, std::nullopt);
  take_whole(other, gathered);
}

void Roster::take_whole(Other& other, const Gathered& gathered) {
  std::vector<RosterEntry> entries;
  for (const std::string& body : gathered.bodies) {
    const auto word = read_roster_word(body);
    check(word.has_value(), "it was understood when it came");
    entries.insert(entries.end(), word->entries.begin(), word->entries.end());
  }
  std::vector<RosterEntry> sorted = entries;
  std::ranges::sort(sorted, {}, key_of);
  const auto is_said = [&](const RosterEntry& entry) {
    return std::ranges::binary_search(sorted, key_of(entry), {}, key_of);
  };
  struct TakenBack {
    std::string tenant, channel;
    std::optional<std::string> user{}, key{};
  };
  std::vector<TakenBack> taken_back;
  shares_.each_of(other.process, [&](std::string_view tenant, const std::string& channel,
                                     std::size_t readers, const std::vector<std::string>& users) {
    RosterEntry entry{.kind = Kind::joins, .tenant = tenant, .channel = channel};
    for (const std::string& user : users) {
      entry.user = user;
      if (!is_said(entry)) taken_back.push_back({std::string(tenant), channel, user});
    }
    entry = {.kind = Kind::reads, .tenant = tenant, .channel = channel};
    if (readers > 0 && !is_said(entry)) taken_back.push_back({std::string(tenant), channel});
  });
  shares_.each_state_of(other.process, [&](std::string_view tenant, const std::string& channel,
                                           const std::string& key, std::string_view) {
    if (!is_said({.kind = Kind::puts, .tenant = tenant, .channel = channel, .key = key}))
      taken_back.push_back({.tenant = std::string(tenant), .channel = channel, .key = key});
  });
  other.is_whole = true;
  other.asked.reset();
  ++counts_.snapshots_taken;
  const Process process = other.process;
  for (const TakenBack& each : taken_back)
    if (each.key)
      shares_.removes(process, each.tenant, each.channel, *each.key);
    else if (each.user)
      shares_.leaves(process, each.tenant, each.channel, *each.user);
    else
      shares_.reads(process, each.tenant, each.channel, 0);
  for (const RosterEntry& entry : entries) apply(process, entry);
}

void Roster::apply(Process process, const RosterEntry& entry) {
  switch (entry.kind) {
    case Kind::reads:
      return shares_.reads(process, entry.tenant, entry.channel, entry.readers);
    case Kind::joins:
      return shares_.joins(process, entry.tenant, entry.channel,
                           {std::string(entry.user), std::string(entry.info)});
    case Kind::leaves:
      return shares_.leaves(process, entry.tenant, entry.channel, std::string(entry.user));
    case Kind::puts:
      return shares_.puts(process, entry.tenant, entry.channel, entry.key, entry.value);
    case Kind::removes:
      return shares_.removes(process, entry.tenant, entry.channel, entry.key);
  }
}

void Roster::lose(Other& other) {
  if (other.is_whole) ++counts_.gaps;
  other.is_whole = false;
  other.gathered.reset();
}

void Roster::forget(Others::iterator other) {
  const Process process = other->second.process;
  others_.erase(other);  // first: it keeps nothing any more
  shares_.forget(process);
}

std::string_view Roster::id_of(Process process) const {
  if (process == 0) return spec_.id;
  const auto known =
      std::ranges::find_if(others_, [&](const auto& one) { return one.second.process == process; });
  return known == others_.end() ? std::string_view() : known->first;
}

bool Roster::is_settled() const {
  return std::ranges::all_of(others_, [](const auto& one) { return one.second.is_whole; });
}

bool Roster::is_keeper(std::string_view tenant, std::string_view channel) const {
  const std::uint64_t hash = hash_of(channel, hash_of("/", hash_of(tenant)));
  const auto weight = [&](bool is_ready, std::uint64_t id_hash, std::string_view id) {
    return std::tuple(is_ready, mixed(id_hash ^ hash), id);
  };
  const auto own = weight(is_ready_, id_hash_, spec_.id);
  return std::ranges::none_of(others_, [&](const auto& one) {
    return weight(one.second.is_ready, one.second.id_hash, one.first) > own;
  });
}

}  // namespace utakata::realtime

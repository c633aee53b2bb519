// What a roster says, and whom it forgets, as time goes by.
#include <algorithm>
#include <utility>

#include "realtime/roster/roster.h"

namespace utakata::realtime {
namespace {

// Ids of 100 bytes: 40 KiB.
constexpr std::size_t kAskedAtOnce = 400;

}  // namespace

void Roster::tick(Instant now) {
  if (is_over_) return;
  notice_absence(now);
  if (!is_reaching_) {
    // A snapshot follows when contact is back; that something was left out must be seen until then.
    if (!pending_.empty()) ++number_;
    pending_.clear();
    return;
  }
  say_changes(now);
  say_snapshot(now);
  say_asks(now);
  forget_silent(now);
  become_ready(now);
  if (!said_at_ || now - *said_at_ >= spec_.heartbeat_every)
    say({.kind = RosterWord::Kind::heartbeat}, now);
}

bool Roster::say(RosterWord head, Instant now, std::string_view entries) {
  head.from = spec_.id;
  head.number = number_;
  head.is_ready = says_ready_;
  if (!publish_(write_roster_word(head, entries))) return false;
  said_at_ = now;
  return true;
}

void Roster::say_changes(Instant now) {
  if (pending_.empty()) return;
  RosterEntries entries;
  const auto add = [&](const RosterEntry& entry) { counts_.unsaid += !entries.add(entry); };
  for (const auto& [tenant, channels] : pending_)
    for (const auto& [channel, pending] : channels) {
      const RosterEntry reads{
          .tenant = tenant, .channel = channel, .readers = pending.readers.value_or(0)};
      // A channel is occupied before somebody comes, and vacated after the last has gone.
      if (reads.readers > 0) add(reads);
      for (const auto& [user, came] : pending.users)
        add({.kind = came ? RosterEntry::Kind::joins : RosterEntry::Kind::leaves,
             .tenant = tenant,
             .channel = channel,
             .user = user,
             .info = came ? std::string_view(came->info) : std::string_view()});
      // What is gone first: there may have been no place for what came.
      for (const auto& [key, value] : pending.states)
        if (!value)
          add({.kind = RosterEntry::Kind::removes,
               .tenant = tenant,
               .channel = channel,
               .key = key});
      for (const auto& [key, value] : pending.states)
        if (value)
          add({.kind = RosterEntry::Kind::puts,
               .tenant = tenant,
               .channel = channel,
               .key = key,
               .value = *value});
      if (pending.readers == 0u) add(reads);
    }
  for (const std::string& text : entries.take()) {
    ++number_;
    if (!say({.kind = RosterWord::Kind::changes}, now, text)) owes_snapshot_ = true;
  }
  pending_.clear();
}

// After the changes, so that it holds just what its number says.
void Roster::say_snapshot(Instant now) {
  // Its beginning was lost on the way: whoever still needs it asks again.
  if (snapshot_at_ && now - *snapshot_at_ >= spec_.ask_again) is_snapshot_under_way_ = false;
  if (!owes_snapshot_ || (snapshot_at_ && now - *snapshot_at_ < spec_.snapshot_every)) return;
  RosterEntries entries;
  const auto add = [&](const RosterEntry& entry) { counts_.unsaid += !entries.add(entry); };
  shares_.each_own([&](std::string_view tenant, const std::string& channel, std::size_t readers,
                       const std::vector<Member>& members) {
    add({.tenant = tenant, .channel = channel, .readers = readers});
    for (const Member& member : members)
      add({.kind = RosterEntry::Kind::joins,
           .tenant = tenant,
           .channel = channel,
           .user = member.user,
           .info = member.info});
  });
  shares_.each_own_state([&](std::string_view tenant, const std::string& channel,
                             const std::string& key, std::string_view value) {
    add({.kind = RosterEntry::Kind::puts,
         .tenant = tenant,
         .channel = channel,
         .key = key,
         .value = value});
  });
  const std::vector<std::string> texts = entries.take();
  RosterWord head{.kind = RosterWord::Kind::snapshot, .parts = std::uint32_t(texts.size())};
  snapshot_at_ = now;
  owes_snapshot_ = false;
  is_snapshot_under_way_ = true;
  ++counts_.snapshots_said;
  for (const std::string& text : texts) {
    if (!say(head, now, text)) {
      owes_snapshot_ = true;
      return;
    }
    ++head.part;
  }
}

void Roster::say_asks(Instant now) {
  RosterWord ask{.kind = RosterWord::Kind::ask};
  if (asks_all_) {
    asks_all_ = !say(ask, now);
    return;
  }
  for (auto& [id, other] : others_) {
    if (other.is_whole || (other.asked && now - *other.asked < spec_.ask_again)) continue;
    if (ask.whom.size() == kAskedAtOnce) break;
    other.asked = now;
    ask.whom.push_back(id);
  }
  if (!ask.whom.empty()) say(std::move(ask), now);
}

void Roster::forget_silent(Instant now) {
  // Who does not hear itself is deaf: that others are silent means nothing.
  if (now - *heard_self_ > spec_.lease / 2 || now - contact_since_ < spec_.lease) return;
  for (auto other = others_.begin(); other != others_.end();) {
    const auto next = std::next(other);
    if (now - other->second.heard >= spec_.lease) {
      ++counts_.forgotten;
      forget(other);
    }
    other = next;
  }
}

// By then every other has said something, and what was asked was told; who never tells, or not all
// that is needed, holds this up for no more than a lease.
void Roster::become_ready(Instant now) {
  if (says_ready_) return;
  const Duration contact = now - contact_since_;
  if (contact < 2 * spec_.heartbeat_every || (!is_settled() && contact < spec_.lease)) return;
  says_ready_ = true;
  say({.kind = RosterWord::Kind::heartbeat}, now);
}

void Roster::bye() {
  if (is_over_) return;
  if (is_reaching_) say({.kind = RosterWord::Kind::bye}, Instant{});
  is_over_ = true;
}

}  // namespace utakata::realtime

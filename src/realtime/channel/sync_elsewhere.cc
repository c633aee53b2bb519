// What a SyncState knows of other processes, and what they are to know of this one.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"
#include "realtime/channel/sync.h"

namespace utakata::realtime {

SyncState::Shades::iterator SyncState::shade_of(Process process, std::string_view key) {
  const auto [first, last] = shades_.equal_range(key);
  const auto known =
      std::find_if(first, last, [&](const auto& one) { return one.second.process == process; });
  return known == last ? shades_.end() : known;
}

void SyncState::put_elsewhere(Process process, std::string_view key, std::string_view value) {
  check(precedes_ != nullptr, "there are other processes");
  if (key.empty() || value.empty()) return;
  const Owner owner{.process = process};
  if (const auto shade = shade_of(process, key); shade != shades_.end()) {
    shade->second.json = value;
    return;
  }
  const auto known = values_.find(key);
  const bool is_there = known != values_.end() && known->second.is_there;
  if (is_there && known->second.owner == owner) return set(key, value, owner);
  if (keys_of(owner) >= limits_.keys) return;
  if (is_there) {
    const Process rival = known->second.owner.process;
    const bool is_older = (*precedes_)(process, rival);
    // What is ours and loses is gone for good: its client hears whose the key is now.
    if (is_older && rival == 0) return set(key, value, owner);
    Shade shade = is_older ? Shade{rival, known->second.json} : Shade{process, std::string(value)};
    if (is_older) set(key, value, owner);
    count({.process = shade.process}, 1);
    shades_.emplace(key, std::move(shade));
    return;
  }
  set(key, value, owner);
}

void SyncState::remove_elsewhere(Process process, std::string_view key) {
  if (const auto shade = shade_of(process, key); shade != shades_.end()) {
    count({.process = process}, -1);
    shades_.erase(shade);
    return;
  }
  const auto known = values_.find(key);
  if (known != values_.end() && known->second.is_of({.process = process})) unset(known);
}

// The eldest of those that lost it to the one that removes it has the key now.
bool SyncState::pass_on(const std::string& key) {
  const auto [first, last] = shades_.equal_range(key);
  if (first == last) return false;
  const auto heir = std::min_element(first, last, [&](const auto& one, const auto& other) {
    return (*precedes_)(one.second.process, other.second.process);
  });
  const Shade shade = std::move(heir->second);
  shades_.erase(heir);
  count({.process = shade.process}, -1);
  set(key, shade.json, {.process = shade.process});
  return true;
}

void SyncState::forget(Process process) {
  std::vector<std::string> keys;
  each_elsewhere(process, [&](const std::string& key) { keys.push_back(key); });
  for (const std::string& key : keys) remove_elsewhere(process, key);
}

void SyncState::each_elsewhere(Process process,
                               const std::function<void(const std::string& key)>& take) const {
  const Owner owner{.process = process};
  if (!keys_of_.contains(owner)) return;
  for (const auto& [key, value] : values_)
    if (value.is_of(owner)) take(key);
  for (const auto& [key, shade] : shades_)
    if (shade.process == process) take(key);
}

void SyncState::take_own_changes(const TakeOwn& take) {
  const auto own = [&](const std::string& key) -> const std::string* {
    const auto known = values_.find(key);
    const bool is_own =
        known != values_.end() && known->second.is_there && known->second.owner.process == 0;
    return is_own ? &known->second.json : nullptr;
  };
  for (const std::string& key : own_changed_)
    if (!own(key)) take(key, nullptr);
  for (const std::string& key : own_changed_)
    if (const std::string* const value = own(key)) take(key, value);
  own_changed_.clear();
}

void SyncState::each_own(const TakeOwn& take) const {
  for (const auto& [key, value] : values_)
    if (value.is_there && value.owner.process == 0) take(key, &value.json);
}

// The youngest of those that have something here takes back what is too much; when that is not
// enough, the next hears of it and does the same.
void SyncState::give_back() {
  if (keys_ <= limits_.keys && bytes_ <= limits_.bytes) return;
  for (const auto& [owner, keys] : keys_of_)
    if (owner.process != 0 && (*precedes_)(0, owner.process)) return;
  std::vector<Values::iterator> own;
  for (auto each = values_.begin(); each != values_.end(); ++each)
    if (each->second.is_there && each->second.owner.process == 0) own.push_back(each);
  for (; !own.empty() && (keys_ > limits_.keys || bytes_ > limits_.bytes); own.pop_back())
    unset(own.back());
}

}  // namespace utakata::realtime

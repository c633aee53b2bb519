#include "realtime/channel/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "realtime/channel/json_text.h"

namespace utakata::realtime {
namespace {

void append(std::string& object, std::string_view key, std::string_view json) {
  object += object.empty() ? '{' : ',';
  object += json_text(key);
  object += ':';
  object += json;
}

}  // namespace

void SyncState::count(Owner owner, int change) {
  const auto known = keys_of_.try_emplace(owner).first;
  known->second += std::size_t(change);
  if (known->second == 0) keys_of_.erase(known);
}

std::size_t SyncState::keys_of(Owner owner) const {
  const auto known = keys_of_.find(owner);
  return known == keys_of_.end() ? 0 : known->second;
}

// Whosever it was.
void SyncState::set(std::string_view key, std::string_view json, Owner owner) {
  auto known = values_.find(key);
  if (known == values_.end()) known = values_.try_emplace(std::string(key)).first;
  Value& value = known->second;
  const bool is_as_it_was = value.is_of(owner) && value.json == json;
  const bool was_here = value.is_there && value.owner.process == 0;
  if (precedes_ && !is_as_it_was && (was_here || owner.process == 0)) own_changed_.emplace(key);
  if (value.is_there) {
    count(value.owner, -1);
    bytes_ -= value.json.size();
  } else {
    ++keys_;
    bytes_ += key.size();
  }
  count(owner, 1);
  bytes_ += json.size();
  value.owner = owner;
  value.is_there = true;
  value.json = json;
  if (value.json == value.told)
    changed_.erase(known->first);
  else
    changed_.insert(known->first);
}

void SyncState::unset(Values::iterator known) {
  if (pass_on(known->first)) return;
  Value& value = known->second;
  if (precedes_ && value.owner.process == 0) own_changed_.insert(known->first);
  count(value.owner, -1);
  --keys_;
  bytes_ -= known->first.size() + value.json.size();
  if (value.told.empty()) {
    changed_.erase(known->first);
    values_.erase(known);
    return;
  }
  value.is_there = false;
  value.json.clear();
  changed_.insert(known->first);
}

Expected<void> SyncState::put(std::string_view key, std::string_view value, ClientSlot client) {
  const auto refuse = [](std::string why) {
    return problem(Problem::Kind::refused, std::move(why));
  };
  const Owner owner{.client = client};
  const auto known = values_.find(key);
  const bool is_there = known != values_.end() && known->second.is_there;
  if (is_there && known->second.owner != owner)
    return problem(Problem::Kind::conflict, fmt::format("The key {} is another's.", key));
  if (key.empty() || key.size() > limits_.key_bytes)
    return refuse(fmt::format("A key has 1 to {} bytes.", limits_.key_bytes));
  if (value.empty() || value.size() > limits_.value_bytes)
    return refuse(fmt::format("A state has 1 to {} bytes.", limits_.value_bytes));
  if (!is_there && keys_of(owner) >= limits_.keys_of_owner)
    return refuse(fmt::format("Each may have {} keys.", limits_.keys_of_owner));
  if (!is_there && keys_ >= limits_.keys)
    return refuse(fmt::format("The channel may have {} keys.", limits_.keys));
  const std::size_t before = is_there ? key.size() + known->second.json.size() : 0;
  const std::size_t after = bytes_ - before + key.size() + value.size();
  if (after > limits_.bytes && after > bytes_)
    return refuse(fmt::format("All states of the channel may have {} bytes.", limits_.bytes));
  set(key, value, owner);
  return {};
}

void SyncState::remove(std::string_view key, ClientSlot client) {
  const auto known = values_.find(key);
  if (known != values_.end() && known->second.is_of({.client = client})) unset(known);
}

void SyncState::remove_all_of(ClientSlot client) {
  const Owner owner{.client = client};
  if (!keys_of_.contains(owner)) return;
  for (auto each = values_.begin(); each != values_.end();) {
    const auto next = std::next(each);
    if (each->second.is_of(owner)) unset(each);
    each = next;
  }
}

std::string SyncState::tick(bool is_heard) {
  give_back();
  std::string object;
  for (const std::string& key : changed_) {
    const auto known = values_.find(key);
    if (is_heard) append(object, key, known->second.is_there ? known->second.json : "null");
    if (known->second.is_there)
      known->second.told = known->second.json;
    else
      values_.erase(known);
  }
  changed_.clear();
  return object.empty() ? object : object += '}';
}

std::string SyncState::whole() const {
  std::string object;
  for (const auto& [key, value] : values_)
    if (!value.told.empty()) append(object, key, value.told);
  return object.empty() ? "{}" : object += '}';
}

}  // namespace utakata::realtime

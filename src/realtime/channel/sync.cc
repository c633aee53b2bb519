#include "realtime/channel/sync.h"

#include <fmt/format.h>

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

void SyncState::own(Value& value, Owner owner) {
  value.owner = owner;
  ++keys_of_[owner];
}

void SyncState::disown(const Value& value) {
  const auto count = keys_of_.find(value.owner);
  if (--count->second == 0) keys_of_.erase(count);
}

Expected<void> SyncState::put(std::string_view key, std::string_view value, Owner owner) {
  const auto known = values_.find(key);
  if (known != values_.end() && known->second.is_there && known->second.owner != owner)
    return problem(Problem::Kind::conflict, fmt::format("The key {} is another's.", key));
  return take_over(key, value, owner);
}

Expected<void> SyncState::take_over(std::string_view key, std::string_view value, Owner owner) {
  const auto refuse = [](std::string why) {
    return problem(Problem::Kind::refused, std::move(why));
  };
  if (key.empty() || key.size() > limits_.key_bytes)
    return refuse(fmt::format("A key has 1 to {} bytes.", limits_.key_bytes));
  if (value.empty() || value.size() > limits_.value_bytes)
    return refuse(fmt::format("A state has 1 to {} bytes.", limits_.value_bytes));
  auto known = values_.find(key);
  const bool is_there = known != values_.end() && known->second.is_there;
  const bool is_owners = is_there && known->second.owner == owner;
  const auto of = keys_of_.find(owner);
  if (!is_owners && of != keys_of_.end() && of->second >= limits_.keys_of_owner)
    return refuse(fmt::format("Each may have {} keys.", limits_.keys_of_owner));
  if (!is_there && keys_ >= limits_.keys)
    return refuse(fmt::format("The channel may have {} keys.", limits_.keys));
  const std::size_t before = is_there ? key.size() + known->second.json.size() : 0;
  const std::size_t after = bytes_ - before + key.size() + value.size();
  if (after > limits_.bytes && after > bytes_)
    return refuse(fmt::format("All states of the channel may have {} bytes.", limits_.bytes));

  if (known == values_.end()) known = values_.try_emplace(std::string(key)).first;
  Value& own_value = known->second;
  if (is_there) disown(own_value);
  own(own_value, owner);
  keys_ += !is_there;
  bytes_ = after;
  own_value.is_there = true;
  own_value.json = value;
  if (own_value.json == own_value.told)
    changed_.erase(known->first);
  else
    changed_.insert(known->first);
  return {};
}

void SyncState::drop(Values::iterator known) {
  Value& value = known->second;
  disown(value);
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

void SyncState::remove(std::string_view key, Owner owner) {
  const auto known = values_.find(key);
  if (known != values_.end() && known->second.is_there && known->second.owner == owner) drop(known);
}

void SyncState::remove_owner(Owner owner) {
  if (!keys_of_.contains(owner)) return;
  for (auto each = values_.begin(); each != values_.end();) {
    const auto next = std::next(each);
    if (each->second.is_there && each->second.owner == owner) drop(each);
    each = next;
  }
}

std::string SyncState::tick() {
  std::string object;
  for (const std::string& key : changed_) {
    const auto known = values_.find(key);
    append(object, key, known->second.is_there ? known->second.json : "null");
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
  return object.empty() ? object : object += '}';
}

}  // namespace utakata::realtime

#include "realtime/roster/words.h"

#include <utility>

#include "base/compact.h"

namespace utakata::realtime {
namespace {

constexpr char kMagic = 'R', kVersion = 1;
// Of a head: 4 single bytes, a text of 101, three numbers of 10 at most.
constexpr std::size_t kEntriesBytes = roster_body_bytes - 256;

bool read_entries(CompactSource& source, std::vector<RosterEntry>& entries) {
  RosterEntry entry;
  while (!source.left.empty()) {
    entry.user = entry.info = entry.key = entry.value = {};
    entry.readers = 0;
    switch (source.byte()) {
      case 'T':
        entry.tenant = source.text();
        entry.channel = {};
        continue;
      case 'C':
        entry.channel = source.text();
        continue;
      case 'R':
        entry.kind = RosterEntry::Kind::reads;
        entry.readers = source.number();
        break;
      case 'J':
        entry.kind = RosterEntry::Kind::joins;
        entry.user = source.text();
        entry.info = source.text();
        break;
      case 'L':
        entry.kind = RosterEntry::Kind::leaves;
        entry.user = source.text();
        break;
      case 'P':
        entry.kind = RosterEntry::Kind::puts;
        entry.key = source.text();
        entry.value = source.text();
        break;
      case 'G':
        entry.kind = RosterEntry::Kind::removes;
        entry.key = source.text();
        break;
      default:
        return false;
    }
    if (source.is_faulty || entry.tenant.empty() || entry.channel.empty()) return false;
    entries.push_back(entry);
  }
  return !source.is_faulty;
}

}  // namespace

std::optional<RosterWord> read_roster_word(std::string_view body) {
  if (body.size() > roster_body_bytes_max) return std::nullopt;
  CompactSource source{body};
  if (source.byte() != kMagic || source.byte() != kVersion) return std::nullopt;
  const std::uint8_t kind = source.byte();
  if (kind > std::uint8_t(RosterWord::Kind::bye)) return std::nullopt;
  RosterWord word{.kind = RosterWord::Kind(kind)};
  word.from = source.text();
  word.number = source.number();
  const std::uint8_t flags = source.byte();
  word.is_ready = flags == 1;
  if (source.is_faulty || flags > 1 || word.from.empty() || word.from.size() > roster_id_bytes_max)
    return std::nullopt;
  if (word.kind == RosterWord::Kind::ask) {
    for (std::uint64_t count = source.number(); count > 0 && !source.is_faulty; --count)
      word.whom.push_back(source.text());
  } else if (word.kind == RosterWord::Kind::snapshot) {
    const std::uint64_t part = source.number(), parts = source.number();
    if (part >= parts || parts > UINT32_MAX) return std::nullopt;
    word.part = std::uint32_t(part);
    word.parts = std::uint32_t(parts);
  }
  const bool has_entries =
      word.kind == RosterWord::Kind::snapshot || word.kind == RosterWord::Kind::changes;
  if (source.is_faulty ||
      (has_entries ? !read_entries(source, word.entries) : !source.left.empty()))
    return std::nullopt;
  return word;
}

std::string write_roster_word(const RosterWord& head, std::string_view entries) {
  std::string body{kMagic, kVersion, char(head.kind)};
  put_text(body, head.from);
  put_number(body, head.number);
  body += char(head.is_ready);
  if (head.kind == RosterWord::Kind::ask) {
    put_number(body, head.whom.size());
    for (const std::string_view each : head.whom) put_text(body, each);
  } else if (head.kind == RosterWord::Kind::snapshot) {
    put_number(body, head.part);
    put_number(body, head.parts);
  }
  return body += entries;
}

bool RosterEntries::add(const RosterEntry& entry) {
  std::string own;
  switch (entry.kind) {
    case RosterEntry::Kind::reads:
      own += 'R';
      put_number(own, entry.readers);
      break;
    case RosterEntry::Kind::joins:
      own += 'J';
      put_text(own, entry.user);
      put_text(own, entry.info);
      break;
    case RosterEntry::Kind::leaves:
      own += 'L';
      put_text(own, entry.user);
      break;
    case RosterEntry::Kind::puts:
      own += 'P';
      put_text(own, entry.key);
      put_text(own, entry.value);
      break;
    case RosterEntry::Kind::removes:
      own += 'G';
      put_text(own, entry.key);
      break;
  }
  std::string tenant{'T'}, channel{'C'};
  put_text(tenant, entry.tenant);
  put_text(channel, entry.channel);
  const std::size_t most = tenant.size() + channel.size() + own.size();
  if (most > kEntriesBytes || entry.tenant.empty() || entry.channel.empty()) return false;
  if (text_.size() + most > kEntriesBytes) {
    full_.push_back(std::exchange(text_, {}));
    tenant_.clear(), channel_.clear();
  }
  if (tenant_ != entry.tenant) {
    text_ += tenant;
    tenant_ = entry.tenant;
    channel_.clear();
  }
  if (channel_ != entry.channel) {
    text_ += channel;
    channel_ = entry.channel;
  }
  text_ += own;
  return true;
}

std::vector<std::string> RosterEntries::take() {
  full_.push_back(std::exchange(text_, {}));
  tenant_.clear(), channel_.clear();
  return std::exchange(full_, {});
}

}  // namespace utakata::realtime

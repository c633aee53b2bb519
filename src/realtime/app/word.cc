#include "realtime/app/word.h"

#include <optional>
#include <utility>

namespace utakata::realtime {
namespace {

// version, kind, flags; then texts, each with its length in four bytes, the lowest first: event,
// data, but, user if there is one, attachments.
constexpr char kVersion = 1;
constexpr std::uint8_t kHasUser = 1, kIsPacked = 2;

void append(std::string& bytes, std::string_view text) {
  for (int shift = 0; shift < 32; shift += 8) bytes += char(text.size() >> shift & 0xff);
  bytes += text;
}

std::optional<std::string_view> take(std::string_view& bytes) {
  if (bytes.size() < 4) return std::nullopt;
  std::size_t size = 0;
  for (int at = 3; at >= 0; --at)
    size = size << 8 | static_cast<unsigned char>(bytes[std::size_t(at)]);
  bytes.remove_prefix(4);
  if (size > bytes.size()) return std::nullopt;
  const std::string_view text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return text;
}

}  // namespace

std::string app_word_bytes(const AppWord& word) {
  const Message& message = word.message;
  std::string bytes;
  bytes.reserve(32 + message.event.size() + message.data.size() + word.but.size());
  bytes += {kVersion, char(word.kind),
            char((message.user ? kHasUser : 0) | (message.is_packed ? kIsPacked : 0))};
  append(bytes, message.event);
  append(bytes, message.data);
  append(bytes, word.but);
  if (message.user) append(bytes, *message.user);
  for (const std::string& each : message.attachments) append(bytes, each);
  return bytes;
}

Expected<AppWord> app_word(std::string_view bytes) {
  const auto invalid = [] { return problem(Problem::Kind::invalid, "It is no word of ours."); };
  if (bytes.size() < 3 || bytes[0] != kVersion || bytes[1] < 0 ||
      bytes[1] > char(AppWord::Kind::terminate))
    return invalid();
  AppWord word{.kind = AppWord::Kind(bytes[1])};
  const auto flags = std::uint8_t(bytes[2]);
  bytes.remove_prefix(3);
  Message& message = word.message;
  message.is_packed = flags & kIsPacked;
  if (flags & kHasUser) message.user.emplace();
  for (std::string* const to :
       {&message.event, &message.data, &word.but, message.user ? &*message.user : nullptr}) {
    if (!to) continue;
    const auto text = take(bytes);
    if (!text) return invalid();
    *to = *text;
  }
  while (!bytes.empty()) {
    const auto text = take(bytes);
    if (!text) return invalid();
    message.attachments.emplace_back(*text);
  }
  return word;
}

}  // namespace utakata::realtime

#include "realtime/channel/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

#include "realtime/channel/json_text.h"

namespace utakata::realtime {
namespace {

bool is_said(std::string_view word) { return !word.empty() && word != "null"; }

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (fault != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::unexpected<Problem> invalid(std::string what) {
  return problem(Problem::Kind::invalid, std::move(what));
}

}  // namespace

Expected<PageAsked> page_asked(const PageWords& words) {
  PageAsked asked;
  if (is_said(words.limit)) {
    const auto limit = number(words.limit);
    if (!limit || *limit < 1 || *limit > page_limit_max)
      return invalid(fmt::format("`limit` must be a whole number from 1 to {}.", page_limit_max));
    asked.limit = std::size_t(*limit);
  }
  if (is_said(words.before) && is_said(words.after))
    return invalid("A page is `before` an offset or `after` one, not both.");
  if (is_said(words.before) && !(asked.before = number(words.before)))
    return invalid("`before` must be an offset, a whole number.");
  if (is_said(words.after) && !(asked.after = number(words.after)))
    return invalid("`after` must be an offset, a whole number.");
  return asked;
}

Page page_of(const Timeline& timeline, const PageAsked& asked) {
  const std::size_t one_more = asked.limit + 1;  // which is how `has_more` is known
  Page page{.newest = timeline.end()};
  auto& messages = page.messages;
  if (asked.after)
    messages = timeline.after(*asked.after, one_more);
  else
    messages = asked.before ? timeline.before(*asked.before, one_more) : timeline.newest(one_more);
  const auto fitting = [&](auto first, auto last) {
    std::size_t count = 0, bytes = 0;
    for (; first != last && count < asked.limit; ++first, ++count) {
      bytes += first->message->data.size();
      if (count > 0 && bytes > page_bytes_max) break;
    }
    return std::ptrdiff_t(count);
  };
  const auto before = std::ptrdiff_t(messages.size());
  if (asked.after)
    messages.erase(messages.begin() + fitting(messages.begin(), messages.end()), messages.end());
  else
    messages.erase(messages.begin(), messages.end() - fitting(messages.rbegin(), messages.rend()));
  page.has_more = std::ptrdiff_t(messages.size()) < before;
  return page;
}

std::string page_fields(const Page& page) {
  std::string text = fmt::format(R"("epoch":{},"newest":{},"messages":[)",
                                 json_text(page.newest.epoch), page.newest.offset);
  for (const Timeline::Entry& entry : page.messages) {
    const MessagePtr& message = entry.message;
    if (text.back() == '}') text += ',';
    text +=
        fmt::format(R"({{"offset":{},"event":{},"data":)", entry.offset, json_text(message->event));
    text += message->data;
    if (message->user) text.append(R"(,"user_id":)").append(json_text(*message->user));
    text += '}';
  }
  return text.append(R"(],"more":)").append(page.has_more ? "true" : "false");
}

}  // namespace utakata::realtime

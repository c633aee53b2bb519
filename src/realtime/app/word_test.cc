#include "realtime/app/word.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace utakata::realtime {
namespace {

TEST(AppWord, what_is_told_is_heard_and_what_is_cut_short_is_refused) {
  EXPECT_TRUE(rc::check([] {
    AppWord word{.kind = *rc::gen::element(AppWord::Kind::message, AppWord::Kind::terminate)};
    word.message.event = *rc::gen::arbitrary<std::string>();
    word.message.data = *rc::gen::arbitrary<std::string>();
    word.message.is_packed = *rc::gen::arbitrary<bool>();
    if (*rc::gen::arbitrary<bool>()) word.message.user = *rc::gen::arbitrary<std::string>();
    word.message.attachments = *rc::gen::arbitrary<std::vector<std::string>>();
    word.but = *rc::gen::arbitrary<std::string>();
    const std::string bytes = app_word_bytes(word);
    const auto heard = app_word(bytes);
    RC_ASSERT(heard.has_value());
    RC_ASSERT(heard->kind == word.kind && heard->but == word.but);
    RC_ASSERT(heard->message.event == word.message.event);
    RC_ASSERT(heard->message.data == word.message.data);
    RC_ASSERT(heard->message.user == word.message.user);
    RC_ASSERT(heard->message.is_packed == word.message.is_packed);
    RC_ASSERT(heard->message.attachments == word.message.attachments);
    const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
    if (const auto part = app_word(std::string_view(bytes).substr(0, cut)))
      RC_ASSERT(part->message.attachments.size() < word.message.attachments.size());
  }));
}

TEST(AppWord, any_bytes_are_read_or_refused) {
  EXPECT_TRUE(rc::check([](std::string bytes) {
    if (!bytes.empty() && *rc::gen::arbitrary<bool>()) bytes[0] = 1;
    if (bytes.size() > 1 && *rc::gen::arbitrary<bool>()) bytes[1] = 0;
    (void)app_word(bytes);
  }));
}

}  // namespace
}  // namespace utakata::realtime

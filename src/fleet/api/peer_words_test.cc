// What controllers ask one another comes out as it went in, and nothing that a stranger sends
// harms.
#include "fleet/api/peer_words.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace utakata {
namespace {

RC_GTEST_PROP(PeerWords, all_that_is_asked_at_once_comes_out_in_order, ()) {
  const auto bodies = *rc::gen::arbitrary<std::vector<std::string>>();
  std::string message;
  for (std::size_t i = 0; i < bodies.size(); ++i)
    append_ask(message, {.number = i * 1000,
                         .caller = "placer",
                         .authorization = "",
                         .method = "POST",
                         .target = "/v1/x?y=1",
                         .body = bodies[i]});
  std::size_t told = 0;
  RC_ASSERT(read_asks(message, [&](const PeerAsk& ask) {
    RC_ASSERT(ask.number == told * 1000);
    RC_ASSERT(ask.caller == "placer");
    RC_ASSERT(ask.method == "POST");
    RC_ASSERT(ask.target == "/v1/x?y=1");
    RC_ASSERT(ask.body == bodies[told++]);
  }));
  RC_ASSERT(told == bodies.size());
}

RC_GTEST_PROP(PeerWords, answers_come_out_as_they_went_in_and_one_cut_short_is_none, ()) {
  const auto body = *rc::gen::arbitrary<std::string>();
  std::string message;
  append_answer(message, {.number = 7,
                          .status = 503,
                          .content_type = "application/json",
                          .headers = "Retry-After: 1\r\n",
                          .body = body});
  const auto cut = *rc::gen::inRange<std::size_t>(1, message.size());
  RC_ASSERT(read_answers(message, [&](const PeerAnswer& answer) {
    RC_ASSERT(answer.number == 7u);
    RC_ASSERT(answer.status == 503);
    RC_ASSERT(answer.headers == "Retry-After: 1\r\n");
    RC_ASSERT(answer.body == body);
  }));
  RC_ASSERT(!read_answers(message.substr(0, cut), [](const PeerAnswer&) { RC_FAIL("told"); }));
}

RC_GTEST_PROP(PeerWords, foreign_bytes_are_read_or_refused, ()) {
  const auto bytes = *rc::gen::arbitrary<std::string>();
  read_asks(bytes, [](const PeerAsk& ask) { RC_ASSERT(ask.target.starts_with('/')); });
  read_answers(bytes, [](const PeerAnswer& answer) {
    RC_ASSERT(answer.status >= 200 && answer.status <= 599);
  });
}

}  // namespace
}  // namespace utakata

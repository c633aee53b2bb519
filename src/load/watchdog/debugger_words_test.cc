#include "load/watchdog/debugger_words.h"

#include <gtest/gtest.h>

namespace utakata::load {
namespace {

TEST(DebuggerWords, what_a_debugger_says_is_understood) {
  const auto script = read_debugger_news(
      R"({"method":"Debugger.scriptParsed",
          "params":{"scriptId":"7","url":"file:///s.mjs","x":1}})");
  ASSERT_TRUE(script && std::holds_alternative<DebuggerScript>(*script));
  EXPECT_EQ(std::get<DebuggerScript>(*script).number, "7");
  EXPECT_EQ(std::get<DebuggerScript>(*script).file, "file:///s.mjs");

  const auto paused = read_debugger_news(
      R"({"method":"Debugger.paused","params":{"callFrames":[
          {"functionName":"spin","location":{"scriptId":"7","lineNumber":2,"columnNumber":4},
           "functionLocation":{"scriptId":"7","lineNumber":1,"columnNumber":9}},
          {"functionName":"","location":{"scriptId":"8","lineNumber":0}}]}})");
  ASSERT_TRUE(paused && std::holds_alternative<DebuggerPaused>(*paused));
  const CodeStack& stack = std::get<DebuggerPaused>(*paused).stack;
  ASSERT_EQ(stack.size(), 2u);
  EXPECT_EQ(stack[0].at, (CodePlace{"spin", "7", 3, 5}));
  EXPECT_EQ(stack[0].of, "7:1:9");
  EXPECT_EQ(stack[1].at, (CodePlace{"", "8", 1, 1}));

  const std::pair<const char*, bool> answers[] = {
      {R"({"id":3,"result":{"result":{"type":"boolean","value":true}}})", true},
      {R"({"id":3,"result":{"result":{"type":"boolean","value":false}}})", false},
      {R"({"id":3,"result":{"result":{"type":"number","value":1}}})", false},
      {R"({"id":3,"result":{}})", false},
      {R"({"id":3,"error":{"code":-32000,"message":"no"}})", false},
  };
  for (const auto& [json, is_true] : answers) {
    const auto answer = read_debugger_news(json);
    ASSERT_TRUE(answer && std::holds_alternative<DebuggerAnswer>(*answer)) << json;
    EXPECT_EQ(std::get<DebuggerAnswer>(*answer).to, 3) << json;
    EXPECT_EQ(std::get<DebuggerAnswer>(*answer).is_true, is_true) << json;
  }
  const auto other = read_debugger_news(R"({"method":"Runtime.consoleAPICalled","params":{}})");
  EXPECT_TRUE(other && std::holds_alternative<DebuggerOther>(*other));
}

TEST(DebuggerWords, what_none_says_is_a_problem) {
  for (const char* const json :
       {"", "hello", "{}", "[]", "7", "null", R"({"id":"x"})", R"({"method":7})",
        R"({"method":"Debugger.paused"})", R"({"method":"Debugger.paused","params":[]})",
        R"({"method":"Debugger.paused","params":{"callFrames":[{"functionName":"f"}]}})",
        R"({"method":"Debugger.scriptParsed","params":{"scriptId":7,"url":"x"}})"}) {
    const auto news = read_debugger_news(json);
    ASSERT_FALSE(news) << json;
    EXPECT_EQ(news.error().kind, Problem::Kind::invalid) << json;
  }
}

TEST(DebuggerWords, orders_are_numbered) {
  EXPECT_EQ(debugger_order(2, "Debugger.pause"), R"({"id":2,"method":"Debugger.pause"})");
  EXPECT_EQ(debugger_evaluation(3, "a === \"b\""),
            R"({"id":3,"method":"Runtime.evaluate",)"
            R"("params":{"expression":"a === \"b\"","silent":true}})");
}

}  // namespace
}  // namespace utakata::load

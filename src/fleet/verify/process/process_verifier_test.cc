#include "fleet/verify/process/process_verifier.h"

#include <gtest/gtest.h>

#include "net/run_until.h"

namespace utakata {
namespace {

TEST(ProcessVerifier, a_command_that_succeeds_passes_and_one_that_fails_says_why) {
  net::Loop loop;
  ProcessVerifier verifier(loop, "/");
  std::vector<std::string> heard;
  const auto hear = [&](const Expected<void>& result) {
    heard.push_back(result ? "passed" : result.error().what);
  };
  verifier.verify("true; pwd", 10s, hear);
  EXPECT_TRUE(heard.empty()) << "later";
  EXPECT_TRUE(net::run_until(loop, [&] { return heard.size() == 1; }));
  EXPECT_EQ(heard[0], "passed");
  verifier.verify("echo first; echo no such route >&2; exit 3", 10s, hear);
  EXPECT_TRUE(net::run_until(loop, [&] { return heard.size() == 2; }));
  EXPECT_NE(heard[1].find("exit code 3; it said: no such route"), std::string::npos) << heard[1];
  verifier.verify("echo not well; exit 4", 10s, hear);
  EXPECT_TRUE(net::run_until(loop, [&] { return heard.size() == 3; }));
  EXPECT_NE(heard[2].find("exit code 4; it said: not well"), std::string::npos) << heard[2];
  verifier.verify("sleep 1000", 50ms, hear);
  EXPECT_TRUE(net::run_until(loop, [&] { return heard.size() == 4; }));
  EXPECT_NE(heard[3].find("did not end within 50ms"), std::string::npos) << heard[3];
}

TEST(ProcessVerifier, many_take_turns_and_all_are_heard) {
  net::Loop loop;
  ProcessVerifier verifier(loop, "/");
  int passed = 0;
  for (int i = 0; i < 40; ++i)
    verifier.verify("true", 30s, [&](const Expected<void>& result) { passed += bool(result); });
  EXPECT_TRUE(net::run_until(loop, [&] { return passed == 40; }));
}

TEST(ProcessVerifier, its_end_is_theirs) {
  net::Loop loop;
  bool is_heard = false;
  {
    ProcessVerifier verifier(loop, "/");
    verifier.verify("true", 30s, [&](const Expected<void>&) { is_heard = true; });
  }
  const auto later = loop.now() + 200ms;
  EXPECT_TRUE(net::run_until(loop, [&] { return loop.now() > later; }));
  EXPECT_FALSE(is_heard);
}

}  // namespace
}  // namespace utakata

// Which requests are refused, and in which words.
#include "realtime/socketio/handshake.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Fault = EngineFault;

std::optional<Fault> fault(const EngineRequest& request,
                           const std::optional<EngineKnown>& known = {}) {
  const auto refusal = engine_refusal(request, known);
  return refusal ? std::optional(refusal->fault) : std::nullopt;
}

TEST(EngineHandshake, by_polling_or_by_a_websocket_is_taken) {
  EXPECT_EQ(fault({"GET", "4", "polling"}), std::nullopt);
  EXPECT_EQ(fault({.method = "GET", .version = "4", .transport = "websocket", .is_upgrade = true}),
            std::nullopt);
}

TEST(EngineHandshake, of_another_version_is_refused) {
  EXPECT_EQ(fault({"GET", "", "polling"}), Fault::unsupported_version);
  EXPECT_EQ(fault({"GET", "abc", "polling"}), Fault::unsupported_version);
  EXPECT_EQ(fault({"GET", "3", "websocket", "", true}), Fault::unsupported_version);
}

TEST(EngineHandshake, of_another_transport_is_refused) {
  EXPECT_EQ(fault({"GET", "4", ""}), Fault::transport_unknown);
  EXPECT_EQ(fault({"GET", "4", "abc"}), Fault::transport_unknown);
  EXPECT_EQ(fault({"GET", "4", "abc", "", true}), Fault::transport_unknown);
}

TEST(EngineHandshake, by_another_method_than_get_is_refused) {
  EXPECT_EQ(fault({"POST", "4", "polling"}), Fault::bad_method);
  EXPECT_EQ(fault({"PUT", "4", "polling"}), Fault::bad_method);
}

TEST(EngineHandshake, for_a_websocket_without_an_upgrade_of_http_is_refused) {
  EXPECT_EQ(fault({"GET", "4", "websocket"}), Fault::bad_request);
  EXPECT_EQ(fault({"GET", "4", "polling", "", true}), Fault::bad_request);
}

TEST(EngineRequest, of_a_session_is_taken_while_it_polls) {
  const EngineKnown polls{EngineTransport::polling}, upgraded{EngineTransport::websocket};
  EXPECT_EQ(fault({"GET", "4", "polling", "a"}, polls), std::nullopt);
  EXPECT_EQ(fault({"POST", "4", "polling", "a"}, polls), std::nullopt);
  EXPECT_EQ(fault({"GET", "4", "websocket", "a", true}, polls), std::nullopt);
  EXPECT_EQ(fault({"PUT", "4", "polling", "a"}, polls), Fault::bad_request);
  EXPECT_EQ(fault({"GET", "4", "polling", "a"}), Fault::sid_unknown);
  EXPECT_EQ(fault({"GET", "4", "polling", "a"}, upgraded), Fault::bad_request);
  EXPECT_EQ(fault({"GET", "4", "websocket", "a", true}, upgraded), Fault::bad_request);
}

TEST(EngineRefusal, is_told_as_the_reference_implementation_does) {
  EXPECT_EQ(EngineRefusal{Fault::transport_unknown}.json(),
            R"({"code":0,"message":"Transport unknown"})");
  EXPECT_EQ(EngineRefusal{Fault::sid_unknown}.json(),
            R"({"code":1,"message":"Session ID unknown"})");
  EXPECT_EQ(EngineRefusal{Fault::bad_method}.json(),
            R"({"code":2,"message":"Bad handshake method"})");
  EXPECT_EQ(EngineRefusal{}.json(), R"({"code":3,"message":"Bad request"})");
  EXPECT_EQ(EngineRefusal{Fault::unsupported_version}.json(),
            R"({"code":5,"message":"Unsupported protocol version"})");
  EXPECT_EQ(EngineRefusal{}.status, 400);
}

}  // namespace
}  // namespace utakata::realtime

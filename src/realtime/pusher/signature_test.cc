// The examples that Pusher publishes in its documentation, and what must not pass.
#include "realtime/pusher/signature.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

const TenantKey tenant{"278d425bdf160c739803", "7ad3773142a6692b25b8"};

TEST(Signature, of_a_private_channel_is_that_of_the_published_example) {
  const std::string auth =
      "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
  EXPECT_EQ(channel_auth(tenant, "1234.1234", "private-foobar"), auth);
  EXPECT_TRUE(is_channel_auth(auth, tenant, "1234.1234", "private-foobar"));
  EXPECT_FALSE(is_channel_auth(auth, tenant, "1234.1235", "private-foobar")) << "another client's";
  EXPECT_FALSE(is_channel_auth(auth, tenant, "1234.1234", "private-foobaz"));
  EXPECT_FALSE(is_channel_auth("", tenant, "1234.1234", "private-foobar"));
  EXPECT_FALSE(is_channel_auth(auth.substr(0, 80), tenant, "1234.1234", "private-foobar"));
}

TEST(Signature, of_a_presence_channel_is_that_of_the_published_example) {
  const std::string data = R"({"user_id":10,"user_info":{"name":"Mr. Channels"}})";
  EXPECT_EQ(
      channel_auth(tenant, "1234.1234", "presence-foobar", data),
      "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80");
}

TEST(Signature, of_a_user_is_that_of_the_published_example) {
  EXPECT_EQ(
      user_auth(tenant, "1234.1234", R"({"id":"12345"})"),
      "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba");
}

class ApiCall : public testing::Test {
 protected:
  std::string why(const ApiRequest& request, std::int64_t now_s = 1353088179) {
    const auto refusal = api_refusal(request, tenant, now_s);
    return refusal ? refusal->why : "";
  }
  std::string body_ = R"({"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"})";
  std::string query_ =
      "body_md5=ec365a775a4cd0599faeb73354201b6f&auth_version=1.0&auth_key=278d425bdf160c739803"
      "&auth_timestamp=1353088179"
      "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
  ApiRequest published_{"POST", "/apps/3/events", query_, body_};
};

TEST_F(ApiCall, the_published_example_passes) {
  EXPECT_EQ(why(published_), "");
  EXPECT_EQ(why(published_, 1353088179 + 600), "");
  EXPECT_EQ(why(published_, 1353088179 - 600), "");
}

TEST_F(ApiCall, whatever_is_changed_in_it_is_noticed) {
  EXPECT_NE(why(published_, 1353088179 + 601), "");
  EXPECT_NE(why(published_, 1353088179 - 601), "");
  const std::string other_body = body_ + " ";
  EXPECT_NE(why({"POST", "/apps/3/events", query_, other_body}), "");
  EXPECT_NE(why({"PUT", "/apps/3/events", query_, body_}), "");
  EXPECT_NE(why({"POST", "/apps/4/events", query_, body_}), "");
  for (const std::string& more : {std::string("&info=user_count"), std::string("&x")})
    EXPECT_NE(why({"POST", "/apps/3/events", query_ + more, body_}), "") << more;
  for (const char* part :
       {"body_md5", "auth_version", "auth_key", "auth_timestamp", "auth_signature"}) {
    std::string less = query_;
    less.replace(less.find(part), 4, "gone");
    EXPECT_NE(why({"POST", "/apps/3/events", less, body_}), "") << part;
  }
  for (const char* time :
       {"", "x", "-1", "1353088179x", "9223372036854775807", "99999999999999999999"}) {
    std::string other = query_;
    other.replace(other.find("1353088179"), 10, time);
    EXPECT_NE(why({"POST", "/apps/3/events", other, body_}), "") << time;
  }
}

TEST_F(ApiCall, what_we_sign_ourselves_passes_whatever_is_in_the_query) {
  for (const char* query : {"", "info=user_count&filter_by_prefix=presence-", "B=2&a=1"}) {
    const ApiRequest request{"GET", "/apps/3/channels", query, ""};
    const std::string sent = api_signed_query(request, tenant, 1353088179);
    EXPECT_EQ(why({"GET", "/apps/3/channels", std::string_view(sent).substr(1), ""}), "") << query;
  }
}

}  // namespace
}  // namespace utakata::realtime

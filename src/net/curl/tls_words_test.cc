#include "net/curl/tls_words.h"

#include <gtest/gtest.h>

namespace utakata::net {
namespace {

TEST(TlsWords, what_libcurl_says_becomes_what_is_wrong) {
  const struct {
    const char *why, *what;
  } table[] = {
      {"TLS failed (SSL certificate problem: certificate has expired).",
       "its certificate has expired"},
      {"error:0A000412:SSL routines::sslv3 alert bad certificate, errno 0",
       "it does not accept our `certificate`"},
      {"tlsv1 alert unknown ca", "it does not accept our `certificate`"},
      {"error:0A00010B:SSL routines::wrong version number", "it speaks no TLS there"},
      {"SSL certificate problem: unable to get local issuer certificate",
       "its certificate is not signed by our `ca`"},
      {"SSL: no alternative certificate subject name matches target host name '10.0.0.1'",
       "its certificate is for another name"},
      {"OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a:1",
       "it ends the connection before TLS has begun"},
      {"something about SSL", "TLS fails (something about SSL)"},
  };
  for (const auto& [why, what] : table) {
    const auto words = tls_words({}, why);
    ASSERT_TRUE(words) << why;
    EXPECT_EQ(words->what, what);
  }
  EXPECT_FALSE(tls_words({}, "Failed to connect to a port 1: Couldn't connect to server"));
}

TEST(TlsWords, a_connection_that_ends_may_be_our_certificates_fault_where_we_have_one) {
  const char* const why = "Recv failure: Connection reset by peer";
  EXPECT_FALSE(tls_words({}, why));
  const auto words = tls_words({.ca = "", .certificate = "/dev/null", .key = "/dev/null"}, why);
  ASSERT_TRUE(words);
  EXPECT_NE(words->what.find("our `certificate`"), std::string::npos);
}

TEST(TlsWords, a_file_that_cannot_be_read_is_named_whatever_was_said) {
  const auto words = tls_words({.ca = "/no/such/ca.pem", .certificate = "", .key = ""}, "");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->what, "/no/such/ca.pem cannot be read: No such file or directory");
}

}  // namespace
}  // namespace utakata::net

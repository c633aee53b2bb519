#include "realtime/pusher/socket_id.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace utakata::realtime {
namespace {

TEST(SocketIdTest, is_read_as_it_was_written) {
  EXPECT_TRUE(rc::check([] {
    const auto process = *rc::gen::arbitrary<std::uint32_t>();
    const auto serial = *rc::gen::arbitrary<std::uint64_t>();
    const SocketId id = SocketId::of(process, serial);
    RC_ASSERT(id.serial() == serial);
    RC_ASSERT(SocketId::read(id.text()) == id);
  }));
}

TEST(SocketIdTest, large_numbers_are_written_whole) {
  EXPECT_EQ(SocketId::of(999'999'999, 123'456'789'012).text(), "999999999.123456789012");
  EXPECT_NE(SocketId::of(1, 1ull << 32), SocketId::of(1, 1));
}

TEST(SocketIdTest, what_nobody_was_told_is_no_id) {
  for (const char* text : {"", ".", "7", "7.", ".7", "07.1", "7.01", "+7.1", "-7.1", "7.-1", "7.1 ",
                           " 7.1", "7.1.1", "4294967296.1", "7.18446744073709551616", "a.b"})
    EXPECT_FALSE(SocketId::read(text)) << text;
}

}  // namespace
}  // namespace utakata::realtime

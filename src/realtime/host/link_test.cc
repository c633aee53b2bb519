#include "realtime/host/link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "net/run_until.h"

namespace utakata::realtime {
namespace {

using Kind = Envelope::Kind;

Encoded ask(std::string_view text, std::uint64_t number = 0) {
  return encode({.kind = Kind::ask, .number = number, .text = text});
}

bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

class LinkTest : public testing::Test {
 protected:
  struct Side {
    std::vector<std::string> heard{};
    std::vector<net::Descriptor> descriptors{};
    std::vector<std::string> with{};  // the messages that they came with
    bool has_ended = false;
    std::unique_ptr<Link> link{};
  };
  LinkTest() {
    auto ends = make_link_ends();
    open(ours, std::move(ends->first));
    raw = ends->second.get();
    theirs_end = std::move(ends->second);
  }
  void open(Side& side, net::Descriptor end, LinkLimits limits = {}) {
    side.link = std::make_unique<Link>(
        loop, std::move(end),
        Link::Calls{.received =
                        [&side](const Envelope& envelope, net::Descriptor descriptor) {
                          side.heard.emplace_back(envelope.text);
                          if (!descriptor) return;
                          side.descriptors.push_back(std::move(descriptor));
                          side.with.emplace_back(envelope.text);
                        },
                    .ended = [&side] { side.has_ended = true; }},
        limits);
  }
  void open_theirs() { open(theirs, std::move(theirs_end)); }
  bool until(const std::function<bool()>& holds) { return net::run_until(loop, holds); }
  // As a hostile process might: any bytes, any number of descriptors.
  void send_raw(std::string_view bytes, const std::vector<int>& descriptors = {}) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 20)] = {};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    if (!descriptors.empty()) {
      head.msg_control = control;
      head.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
      cmsghdr* const rights = CMSG_FIRSTHDR(&head);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
      std::memcpy(CMSG_DATA(rights), descriptors.data(), sizeof(int) * descriptors.size());
    }
    EXPECT_EQ(sendmsg(raw, &head, MSG_NOSIGNAL), ssize_t(bytes.size())) << std::strerror(errno);
  }

  net::Loop loop;
  Side ours, theirs;
  net::Descriptor theirs_end;
  int raw = -1;
};

TEST_F(LinkTest, both_sides_speak_then_each_hears_the_other_in_order) {
  open_theirs();
  const std::string large(300'000, 'x');
  std::vector<std::string> said;
  for (int i = 0; i < 500; ++i) said.push_back(std::to_string(i));
  said.insert(said.begin() + 250, large);
  for (const std::string& text : said) {
    EXPECT_TRUE(ours.link->send({.frames = ask(text)}));
    EXPECT_TRUE(theirs.link->send({.frames = ask(text)}));
  }
  EXPECT_TRUE(until([&] { return ours.heard == said && theirs.heard == said; }));
  EXPECT_EQ(ours.link->waiting(), 0u);
}

TEST_F(LinkTest, descriptors_travel_with_their_own_messages) {
  open_theirs();
  std::vector<net::Descriptor> readers;
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    readers.emplace_back(ends[0]);
    texts.push_back(i % 5 ? std::to_string(i) : std::string(200'000, 'x'));
    ours.link->send({.frames = ask("between")});
    ours.link->send({.frames = ask(texts.back()), .descriptor = net::Descriptor{ends[1]}});
  }
  ASSERT_TRUE(until([&] { return theirs.heard.size() == 40; }));
  EXPECT_EQ(theirs.with, texts);
  ASSERT_EQ(theirs.descriptors.size(), 20u);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    EXPECT_EQ(fcntl(theirs.descriptors[i].get(), F_GETFD), FD_CLOEXEC);
    ASSERT_EQ(write(theirs.descriptors[i].get(), "!", 1), 1);
    char said = 0;
    EXPECT_EQ(read(readers[i].get(), &said, 1), 1) << "it is the one that was sent";
  }
}

TEST_F(LinkTest, nobody_reads_then_it_waits_up_to_the_bound_and_all_of_it_arrives_later) {
  auto ends = make_link_ends();
  Side slow;
  open(slow, std::move(ends->first), {.waiting_bytes = 1'000'000});
  const std::string text(10'000, 'x');
  std::size_t taken = 0;
  for (bool is_taken = true; is_taken;) {  // what the kernel takes is more on some hosts
    is_taken = slow.link->send({.frames = ask(text)});
    taken += is_taken;
    if (taken % 20 == 0) loop.post([this] { loop.stop(); }), loop.run();
  }
  EXPECT_LE(slow.link->waiting(), 1'000'000u);
  EXPECT_FALSE(slow.link->send({.frames = ask(text)}));
  EXPECT_TRUE(slow.link->send({.frames = ask(text), .is_counted = false}));
  Side reader;
  open(reader, std::move(ends->second));
  EXPECT_TRUE(until([&] { return reader.heard.size() == taken + 1; }));
  EXPECT_EQ(slow.link->waiting(), 0u);
  EXPECT_TRUE(slow.link->send({.frames = ask(text)}));
}

TEST_F(LinkTest, the_other_side_ends_then_what_it_said_before_is_heard_first) {
  ours.link->send({.frames = ask("never read")});
  loop.post([&] { loop.stop(); });
  loop.run();
  for (int i = 0; i < 100; ++i) send_raw(*ask("before"));
  theirs_end.reset();
  EXPECT_TRUE(until([&] { return ours.has_ended; }));
  EXPECT_EQ(ours.heard.size(), 100u);
  EXPECT_TRUE(ours.link->send({.frames = ask("lost")})) << "its end has been told";
}

TEST_F(LinkTest, what_makes_no_sense_is_dropped_and_descriptors_that_came_along_are_closed) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const net::Descriptor reader{ends[0]};
  net::Descriptor writer{ends[1]};
  const int many[] = {ends[1], ends[1], ends[1], ends[1], ends[1], ends[1], ends[1],
                      ends[1], ends[1], ends[1], ends[1], ends[1], ends[1]};
  send_raw("");
  send_raw("x");
  send_raw(std::string(1'000, '\xff'), {ends[1]});
  send_raw(std::string(130 * 1024, 'x'));
  send_raw(ask("cut short")->substr(0, 40), {ends[1], ends[1]});
  send_raw(*ask("with too many"), {std::begin(many), std::end(many)});
  send_raw("");
  send_raw(*ask("a") + *ask("b") + "rest");
  EXPECT_TRUE(until([&] { return ours.heard.size() == 3; }));
  EXPECT_EQ(ours.heard, (std::vector<std::string>{"with too many", "a", "b"}));
  EXPECT_EQ(ours.link->dropped(), 5u);
  EXPECT_FALSE(ours.has_ended);
  EXPECT_EQ(ours.descriptors.size(), 1u);
  ours.descriptors.clear();
  writer.reset();
  char none = 0;
  EXPECT_EQ(read(reader.get(), &none, 1), 0) << "nobody has the other end any more";
}

TEST_F(LinkTest, it_may_be_destroyed_by_its_own_call) {
  auto ends = make_link_ends();
  std::unique_ptr<Link> link;
  int heard = 0;
  link = std::make_unique<Link>(
      loop, std::move(ends->first),
      Link::Calls{
          .received = [&link, &heard](const Envelope&, net::Descriptor) { ++heard, link.reset(); },
          .ended = [] { FAIL() << "it is no more"; }});
  const int number = ends->second.get();
  Side other;
  open(other, std::move(ends->second));
  other.link->send({.frames = ask("a")});
  other.link->send({.frames = ask("b")});
  EXPECT_TRUE(until([&] { return other.has_ended; }));
  EXPECT_EQ(heard, 1);
  EXPECT_FALSE(is_open(number)) << "an ended link holds no descriptor";
}

}  // namespace
}  // namespace utakata::realtime

// What this process says and Redis has not confirmed, in its order. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "realtime/bus/bus.h"

namespace utakata::realtime {

class RedisOutbox {
 public:
  struct Word {
    std::uint64_t number = 0;  // from 1, rises by one; given by push()
    std::string tenant, channel, body;
    std::optional<BusKeeps> keeps{};
    std::size_t bytes() const { return tenant.size() + channel.size() + body.size() + 256; }
  };
  explicit RedisOutbox(std::size_t bytes) : bytes_max_(bytes) {}

  bool push(Word word) {  // false: too much waits, and it was not taken
    if (bytes_ + word.bytes() > bytes_max_) return false;
    word.number = ++last_;
    bytes_ += word.bytes();
    words_.push_back(std::move(word));
    return true;
  }
  // The next to be sent, which then counts as sent, and is valid until it is confirmed. Nullptr:
  // none, or enough is under way.
  const Word* next() {
    const bool is_much = sent_ == 1024 || sent_bytes_ >= 1024 * 1024;
    if (sent_ == words_.size() || is_much) return nullptr;
    sent_bytes_ += words_[sent_].bytes();
    return &words_[sent_++];
  }
  void confirmed() {  // the one sent first
    const auto bytes = words_.front().bytes();
    words_.pop_front();
    --sent_;
    sent_bytes_ -= bytes;
    bytes_ -= bytes;
  }
  void send_again() { sent_ = sent_bytes_ = 0; }  // all that is not confirmed
  std::size_t bytes() const { return bytes_; }

 private:
  const std::size_t bytes_max_;
  std::deque<Word> words_;
  std::size_t bytes_ = 0, sent_ = 0, sent_bytes_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace utakata::realtime

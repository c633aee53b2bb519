// Reading what is kept: all of it when a gap ends, of one channel when its timeline has a hole.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <array>
#include <utility>

#include "realtime/redis/state.h"

namespace utakata::realtime {
namespace {

// 16 channels x 64 words: a second round trip costs little, and one that brought more than a
// subscriber's answer may wait for would look like a Redis that hangs.
constexpr int channels_at_once = 16;
constexpr std::size_t page_words = 64;
constexpr std::size_t found_max = 4096;  // keys that wait to be read; then no more are looked for

}  // namespace

void RedisBus::State::read() {
  if (pair.phase() != Phase::reading || reading.is_over) return;
  while (!reading.found.empty() && reading.under_way < channels_at_once) {
    const auto words = std::move(reading.found.front());
    reading.found.pop_front();
    ++reading.under_way;
    read_page(words, hearing.known(words));
  }
  if (!reading.is_scanned && !reading.is_scanning && reading.found.size() < found_max) scan();
  if (!reading.is_scanned || !reading.found.empty() || reading.under_way > 0) return;
  reading.is_over = true;
  hearing.end_gap(loop.now());
  fill_hole();
}

void RedisBus::State::scan() {
  reading.is_scanning = true;
  const std::array<std::string, 5> words{"SSCAN", names.places(), reading.cursor, "COUNT", "512"};
  pair.commands().ask(words, [this](const redisReply& reply) {
    if (pair.phase() != Phase::reading) return;
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2)
      return pair.fail(fmt::format("redis: SSCAN was refused: {}", net::redis_text(reply)));
    reading.is_scanning = false;
    reading.cursor = net::redis_text(*reply.element[0]);
    reading.is_scanned = reading.cursor == "0";
    const auto& places = *reply.element[1];
    for (std::size_t i = 0; i < places.elements; ++i)
      if (auto found = names.words_of(net::redis_text(*places.element[i])))
        reading.found.push_back(std::move(*found));
    read();
  });
}

void RedisBus::State::ask_page(const std::string& words, const Position& after,
                               net::RedisLink::Answer answer) {
  const std::vector<std::string> command{"EVALSHA",
                                         kept_script,
                                         "3",
                                         names.place_of(words).value(),
                                         words,
                                         names.places(),
                                         after.epoch,
                                         fmt::format("{}-0", after.offset + 1),
                                         std::to_string(page_words)};
  pair.commands().ask(command, std::move(answer));
}

std::optional<Position> RedisBus::State::take_page(const std::string& words,
                                                   const redisReply& reply) {
  std::optional<Position> last;
  // What is called like ours and is of another kind is nothing of ours.
  if (reply.type == REDIS_REPLY_ERROR) is_refused(reply);
  if (reply.type != REDIS_REPLY_ARRAY) return last;
  for (std::size_t i = 0; i < reply.elements; ++i) {
    const auto& row = *reply.element[i];
    if (row.type != REDIS_REPLY_STRING) continue;
    if (auto place = hearing.kept(words, net::redis_text(row), loop.turn_time()))
      last = std::move(place);
  }
  if (reply.elements < page_words) last.reset();
  return last;
}

void RedisBus::State::read_page(const std::string& words, const Position& after) {
  ask_page(words, after, [this, words](const redisReply& reply) {
    if (pair.phase() != Phase::reading) return;
    const auto last = take_page(words, reply);
    if (pair.phase() != Phase::reading) return;
    if (last) return read_page(words, *last);
    --reading.under_way;
    read();
  });
}

void RedisBus::State::fill_hole() {
  if (pair.is_away() || is_filling) return;
  if (const auto& hole = hearing.hole()) {
    is_filling = true;
    fill_page(hole->words, hearing.known(hole->words));
    return;
  }
  if (pair.phase() != Phase::reading) return;
  pair.join();
  if (calls.reaches) calls.reaches(true);
  send();
}

void RedisBus::State::fill_page(const std::string& words, const Position& after) {
  ask_page(words, after, [this, words](const redisReply& reply) {
    if (pair.is_away() || !hearing.hole()) return;
    const auto last = take_page(words, reply);
    if (pair.is_away()) return;
    const auto& before = hearing.hole()->before;
    if (last && last->epoch == before.epoch && last->offset + 1 < before.offset)
      return fill_page(words, *last);
    is_filling = false;
    hearing.hole_filled(loop.turn_time());
    fill_hole();
  });
}

}  // namespace utakata::realtime

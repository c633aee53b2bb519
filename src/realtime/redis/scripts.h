// What is done inside Redis in one step. Texts of Lua 5.1.
#pragma once

#include <string_view>

namespace utakata::realtime {

// Publishes a word and keeps it. Answers its offset; 0: it was done before.
// KEYS: place, words, serial, sent, places. ARGV: an epoch for a new timeline, the word's number,
// age in milliseconds, count, channel of Redis, the envelope's front and back.
inline constexpr std::string_view redis_keep_script = R"lua(
local done = redis.call('GET', KEYS[4])
if done and tonumber(done) >= tonumber(ARGV[2]) then return 0 end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
local is_new = not epoch
if is_new then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
local serial = redis.call('INCR', KEYS[3])
local word = ARGV[6] .. struct.pack('>I8I8I4', offset, serial, #epoch) .. epoch .. ARGV[7]
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], string.format('%.0f-0', offset), 'w', word)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('SET', KEYS[4], ARGV[2], 'EX', 3600)
redis.call('PUBLISH', ARGV[5], word)
if is_new then  -- three are looked at for each that comes: those that have expired stay few
  redis.call('SADD', KEYS[5], KEYS[1])
  for _, place in ipairs(redis.call('SRANDMEMBER', KEYS[5], 3)) do
    if redis.call('EXISTS', place) == 0 then redis.call('SREM', KEYS[5], place) end
  end
end
return offset
)lua";

// Answers what is kept of a channel, envelope by envelope.
// KEYS: place, words, places. ARGV: the epoch that is known, the stream id from which it is not,
// count.
inline constexpr std::string_view redis_kept_script = R"lua(
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  redis.call('SREM', KEYS[3], KEYS[1])
  return {}
end
local from = '-'
if epoch == ARGV[1] then from = ARGV[2] end
local rows = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[3])
local words = {}
for i, row in ipairs(rows) do words[i] = row[2][2] end
return words
)lua";

}  // namespace utakata::realtime

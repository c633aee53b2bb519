-- wrk's script of one placement a request. KEYS in the environment: 0 none, 1 each request its own key, 4 four callers a key.
-- Answers are not looked at one by one (that costs wrk more than a placement costs the controller): wrk counts what is not
-- 2xx or 3xx by itself, and bench.mjs compares the controller's own count of grants with wrk's of answers.
local keys = tonumber(os.getenv("KEYS") or "0")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"seats":1}'

if keys > 0 then
  local head, tail, asked
  local first = tonumber(os.getenv("FIRST_KEY") or "0")
  function init()
    local body = '{"seats":1,"key":"room-000000000"}'
    local request = wrk.format(nil, nil, nil, body)
    head = request:sub(1, #request - 11) -- up to the number
    tail = '"}'
    asked = first * keys
  end
  function request()
    local key = math.floor(asked / keys)
    asked = asked + 1
    return head .. string.format("%09d", key) .. tail
  end
end

function done(summary, latency)
  io.write(string.format('JSON {"answers":%d,"us":%d,"not_ok":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

-- Takes one token. KEYS: the bucket. ARGV: milliseconds per token, tokens at once.
-- Returns 0, or how many milliseconds to wait. The bucket holds when the next token is due if none is
-- taken early (the generic cell rate algorithm), and is gone when it is full.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local period, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + period
local wait = due - period * burst - now
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], due, 'PX', math.ceil(due - now))
return 0

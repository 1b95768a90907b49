-- Counts a failure. KEYS: the key's failures. ARGV: how many are free, the longest wait in seconds, after how
-- many milliseconds without a failure to forget.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
local over = count - tonumber(ARGV[1])
local wait = 0
if over > 0 then wait = math.min(2 ^ math.min(over, 20), tonumber(ARGV[2])) * 1000 end
redis.call('HSET', KEYS[1], 'until', now + wait)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0

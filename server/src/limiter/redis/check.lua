-- How many milliseconds the key has to wait. KEYS: its failures.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return math.max(tonumber(redis.call('HGET', KEYS[1], 'until') or 0) - now, 0)

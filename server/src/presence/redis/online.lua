-- When people's last leases run out. KEYS: ends, since. ARGV: for how long leases may be missing after a loss, in
-- milliseconds, then the people.
-- Returns whether nothing can be missing, and the ends. What was there before Redis lost everything is not there
-- until its node has renewed it, so the first look after that is noted, by Redis' own clock.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', KEYS[2], now, 'NX')
local whole = now - tonumber(redis.call('GET', KEYS[2])) >= tonumber(ARGV[1])
return { whole and 1 or 0, redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 2)) }

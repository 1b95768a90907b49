-- Removes the people whose last lease has run out, and remembers for a while that they were reported.
-- KEYS: ends, sockets, gone, leaving. ARGV: now, how many at most, for how long to remember, after how long to
-- report again whom nobody has received, then the people that were received.
-- Returns who is to be reported: those who were removed, and those of whom nobody knows whether they arrived.
local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
for place = 5, #ARGV do redis.call('ZREM', KEYS[4], ARGV[place]) end
local people = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, most)
for _, user in ipairs(people) do
  redis.call('ZREM', KEYS[1], user)
  redis.call('HDEL', KEYS[2], user)
  redis.call('ZADD', KEYS[3], now, user)
end
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, most - #people)) do
  people[#people + 1] = user
end
for _, user in ipairs(people) do redis.call('ZADD', KEYS[4], now + tonumber(ARGV[4]), user) end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[3]))
return people

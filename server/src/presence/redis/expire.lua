-- Removes the people whose last lease has run out, and remembers for a while that they were reported.
-- KEYS: ends, sockets, gone. ARGV: now, how many at most, for how long to remember.
local people = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, user in ipairs(people) do
  redis.call('ZREM', KEYS[1], user)
  redis.call('HDEL', KEYS[2], user)
  redis.call('ZADD', KEYS[3], ARGV[1], user)
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', tonumber(ARGV[1]) - tonumber(ARGV[3]))
return people

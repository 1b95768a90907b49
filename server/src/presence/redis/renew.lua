-- Renews leases, and makes those that are not there. KEYS: ends, sockets, gone, leaving.
-- ARGV: until, then user, socket and whether nobody knows if recording a socket of theirs worked, for each.
-- Returns the people of whom nobody may have heard that they are online: who were reported as gone, or have a
-- socket that may have been recorded without an answer.
local till = tonumber(ARGV[1])
local came = {}
for place = 2, #ARGV, 3 do
  local user, socket, missed = ARGV[place], ARGV[place + 1], ARGV[place + 2] == '1'
  local packed = redis.call('HGET', KEYS[2], user)
  local held = packed and cmsgpack.unpack(packed) or {}
  local lease = held[socket]
  -- A closed socket is not brought back by a renewal that was on its way.
  if not lease or lease % 2 == 0 then
    held[socket] = till * 2
    local last = 0
    for _, other in pairs(held) do last = math.max(last, math.floor(other / 2)) end
    redis.call('HSET', KEYS[2], user, cmsgpack.pack(held))
    redis.call('ZADD', KEYS[1], last, user)
    local was_gone = redis.call('ZREM', KEYS[3], user) == 1
    redis.call('ZREM', KEYS[4], user)
    if was_gone or missed then came[#came + 1] = user end
  end
end
return came

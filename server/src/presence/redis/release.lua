-- Shortens the lease of a closed socket. KEYS: ends, sockets. ARGV: user, socket, until.
local user, socket = ARGV[1], ARGV[2]
local packed = redis.call('HGET', KEYS[2], user)
local held = packed and cmsgpack.unpack(packed) or {}
local lease = held[socket]
if not lease then return 0 end
held[socket] = math.min(math.floor(lease / 2), tonumber(ARGV[3])) * 2 + 1
local last = 0
for _, other in pairs(held) do last = math.max(last, math.floor(other / 2)) end
redis.call('HSET', KEYS[2], user, cmsgpack.pack(held))
redis.call('ZADD', KEYS[1], last, user)
return 1

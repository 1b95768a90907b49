-- Records a socket. KEYS: ends, sockets, gone, leaving. ARGV: user, socket, now, until.
-- Returns 1 if the person had no running lease.
local user, now = ARGV[1], tonumber(ARGV[3])
local ends = tonumber(redis.call('ZSCORE', KEYS[1], user) or '-inf')
local packed = redis.call('HGET', KEYS[2], user)
local held = {}
if packed then
  for socket, lease in pairs(cmsgpack.unpack(packed)) do
    if math.floor(lease / 2) > now then held[socket] = lease end
  end
end
held[ARGV[2]] = tonumber(ARGV[4]) * 2
local last = 0
for _, lease in pairs(held) do last = math.max(last, math.floor(lease / 2)) end
redis.call('HSET', KEYS[2], user, cmsgpack.pack(held))
redis.call('ZADD', KEYS[1], last, user)
redis.call('ZREM', KEYS[3], user)
redis.call('ZREM', KEYS[4], user)
return ends > now and 0 or 1

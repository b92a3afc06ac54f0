-- KEYS: rows, index, meta, history. ARGV: nonce, how many events to keep, then the
-- events.
--
-- An event becomes "NUMBER EVENT" in a sorted set, with its number as the score. The
-- nonces of the last 64 calls are kept: one whose answer was lost on its way adds
-- nothing when it is sent again. Of the tokens only the schema counts.
local meta, history = KEYS[3], KEYS[4]
local nonce, keep = ARGV[1], tonumber(ARGV[2])
local schema = redis.call('HGET', meta, 'schema')
if schema and schema ~= '1' then return {'schema', schema} end
local newest = redis.call('ZREVRANGE', history, 0, 0)[1] or '0'
local seen = redis.call('HGET', meta, 'appended') or ''
if string.find(seen, nonce, 1, true) then return {'appended'} end

-- The counter may have been evicted, or restored from a backup.
local last = tonumber(redis.call('HGET', meta, 'events') or 0) or 0
last = math.max(last, tonumber(string.match(newest, '^%d+')) or 0)
for i = 3, #ARGV do
  last = last + 1
  local number = string.format('%.0f', last)
  redis.call('ZADD', history, number, number .. ' ' .. ARGV[i])
end
redis.call('HSET', meta, 'events', string.format('%.0f', last), 'appended', string.sub(nonce .. ' ' .. seen, 1, 64 * (#nonce + 1)))
redis.call('ZREMRANGEBYRANK', history, 0, -keep - 1)
return {'appended'}

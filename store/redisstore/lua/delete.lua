-- ARGV: id, nonce. The last nonce is kept, so that a deletion whose answer was lost
-- is not told that there is nothing to delete.
local id, nonce = ARGV[1], ARGV[2]
local bad = unfit()
if bad then return bad end
local value = redis.call('HGET', rows, id)
if not value then
  if redis.call('HGET', meta, 'deleted') == nonce then return {'deleted'} end
  return {'missing'}
end
local format = tonumber(string.match(value, '^(%d+) '))
if format and format > 1 then return {'newer', id} end
local _, _, members = head(value)
redis.call('HDEL', rows, id)
redis.call('ZREM', index, 'i:' .. id)
for member in string.gmatch(members or '', '[^,]+') do
  redis.call('ZREM', index, member .. ':' .. id)
end
redis.call('HSET', meta, 'deleted', nonce)
return {'deleted'}

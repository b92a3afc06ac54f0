-- ARGV: nonce, members, body, id, version, bucket, seen.
--
-- With an id it replaces exactly that version of the row; without one it inserts.
-- bucket and seen, unless '', say which rows fit the lookup that led here and in
-- which versions: if that is no longer so, nothing is done.
--
-- A row that carries the nonce was written by this very save, whose answer was
-- lost on its way: the save is done.
local nonce, members, body, id, version, bucket, seen = unpack(ARGV)

-- To replace a version only the row counts: another schema would have rows of another
-- format, and no id is given.
if id == '' or bucket ~= '' then
  local bad = unfit()
  if bad then return bad end
end

local now = '='
for _, other in ipairs(bucket ~= '' and ids(bucket) or {}) do
  local value = redis.call('HGET', rows, other)
  if value then
    local v, n = head(value)
    if not v then return unclear(other, value) end
    if n == nonce then return {'saved', other, v} end
    now = now .. other .. ' ' .. v .. ' '
  end
end
if seen ~= '' and now ~= seen then return {'changed'} end

local old = ''
if id ~= '' then
  local value = redis.call('HGET', rows, id)
  if not value then return unfit() or {'changed'} end
  local v, n, m = head(value)
  if not v then return unclear(id, value) end
  if n == nonce then return {'saved', id, v} end
  if v ~= version then return {'changed'} end
  if m ~= members and redis.call('ZCARD', index) == 0 then return {'torn'} end
  old = m
else
  -- 999999999 is one less than the first id. The counter is never set back.
  local last = tonumber(redis.call('HGET', meta, 'last') or 999999999)
  if not last or last < 999999999 then return {'counter'} end
  repeat
    last = last + 1
    id = string.format('%.0f', last)
  until redis.call('HEXISTS', rows, id) == 0
  if #id ~= 10 then return {'counter'} end
  redis.call('HSET', meta, 'schema', '1', 'last', id)
  redis.call('PERSIST', meta)
  redis.call('ZADD', index, '0', 'i:' .. id)
end

-- The index first: what a script that ends here leaves behind is a member without
-- a row, which is passed over, and not a row that nobody finds.
local next = string.format('%.0f', tonumber(version) + 1)
local function within(list, member)
  return string.find(',' .. list .. ',', ',' .. member .. ',', 1, true)
end
if members ~= old then
  for member in string.gmatch(members, '[^,]+') do
    if not within(old, member) then redis.call('ZADD', index, '0', member .. ':' .. id) end
  end
end
redis.call('HSET', rows, id, '1 ' .. id .. ' ' .. next .. ' ' .. nonce .. ' ' .. members .. '\n' .. body)
if members ~= old then
  for member in string.gmatch(old, '[^,]+') do
    if not within(members, member) then redis.call('ZREM', index, member .. ':' .. id) end
  end
end
-- A login does not end by time, whatever somebody did to the keys.
if members ~= old then redis.call('PERSIST', index) end
redis.call('PERSIST', rows)
return {'saved', id, next}

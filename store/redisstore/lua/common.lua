-- What every script begins with. Nothing is written before unfit() was asked: it
-- reads each key, so that a key of another type ends the script untouched.
local rows, index, meta = KEYS[1], KEYS[2], KEYS[3]

local function unfit()
  local schema = redis.call('HGET', meta, 'schema')
  local filled = redis.call('HLEN', rows) > 0
  local indexed = redis.call('ZCARD', index) > 0
  if schema and schema ~= '1' then return {'schema', schema} end
  if filled and not (indexed and schema) then return {'torn'} end
end

-- head returns the version, the nonce and the index members of a row, or nil.
local function head(value)
  local version, nonce, members = string.match(value, '^1 %d+ (%d+) (%x+) (%S*)\n')
  return version, nonce, members
end

-- unclear returns what to say of a row without a head.
local function unclear(id, value)
  local format = tonumber(string.match(value, '^(%d+) '))
  if format and format > 1 then return {'newer', id} end
  return {'damaged', id}
end

-- ids returns the ids that the index has for a value.
local function ids(bucket)
  local found = redis.call('ZRANGEBYLEX', index, '[' .. bucket .. ':', '(' .. bucket .. ';')
  for i, member in ipairs(found) do found[i] = string.sub(member, #bucket + 2) end
  return found
end

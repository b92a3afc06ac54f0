-- ARGV: the bounds of a bucket in the index, or ''; id. Returns the row with the id,
-- if it is not '' and there is one; else the ids and rows of the bucket.
--
-- What is there is checked by whoever reads the row. Only who is to be told that
-- there is nothing has to know that the keys are whole: the script goes on with
-- common.lua and missing.lua, at whose cost a hit does not come.
if ARGV[3] ~= '' then
  local value = redis.call('HGET', KEYS[1], ARGV[3])
  if value then return {'row', value} end
end
local found = {'rows'}
if ARGV[1] ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2])) do
    local id = string.sub(member, -10)
    local value = redis.call('HGET', KEYS[1], id)
    if value then found[#found + 1] = id; found[#found + 1] = value end
  end
end
if #found > 1 then return found end


-- ARGV: bucket, id. Returns the row with the id, if it is not '' and there is one;
-- else the rows of the bucket.
local bucket, id = ARGV[1], ARGV[2]
local bad = unfit()
if bad then return bad end
if id ~= '' then
  local value = redis.call('HGET', rows, id)
  if value then return {'row', value} end
end
local found = {'rows'}
if bucket ~= '' then
  for _, other in ipairs(ids(bucket)) do
    local value = redis.call('HGET', rows, other)
    if value then found[#found + 1] = other; found[#found + 1] = value end
  end
end
return found

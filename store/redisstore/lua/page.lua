-- ARGV: the last id that was read, or ''; how many rows to read. Returns the last id
-- of the page, '' at the end, and ids and rows in turns.
local last, count = ARGV[1], ARGV[2]
local bad = unfit()
if bad then return bad end
local members = redis.call('ZRANGEBYLEX', index, '(i:' .. last, '(i;', 'LIMIT', 0, count)
local found = {'page', ''}
for _, member in ipairs(members) do
  local id = string.sub(member, 3)
  local value = redis.call('HGET', rows, id)
  if value then found[#found + 1] = id; found[#found + 1] = value end
  found[2] = id
end
return found

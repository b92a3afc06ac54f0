-- The rows and the index go; the counter of ids stays.
local bad = unfit()
if bad and bad[1] ~= 'torn' then return bad end
redis.call('UNLINK', rows, index)
return {'deleted'}

-- Asks for every right that the other scripts need, and changes no token. With XX
-- nothing is added to the index.
local bad = unfit()
if bad then return bad end
redis.call('HGET', rows, '')
redis.call('HEXISTS', rows, '')
redis.call('ZRANGEBYLEX', index, '[i:', '(i:')
redis.call('HDEL', rows, '')
redis.call('ZREM', index, '')
redis.call('PERSIST', meta)
redis.call('ZADD', index, 'XX', 0, '')
redis.call('HSET', meta, 'schema', '1')
return {'pong'}

package redisstore

import "context"

func (s *Store) Durability(ctx context.Context) (string, error) { return "", nil }

// Package redisstore keeps tokens in Redis, shared by any number of hosts.
package redisstore

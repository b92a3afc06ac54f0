// Package servertest tests the dialects of package sqlstore against real servers.
// It is a module of its own, so that the drivers are not those of everybody who
// imports the library.
//
// The tests use the servers that TOKENKEEP_TEST_MYSQL (a DSN of
// github.com/go-sql-driver/mysql) and TOKENKEEP_TEST_POSTGRES (a URL) name, or those
// on this machine's usual ports, and there a database tokenkeep_test or test, in
// tables of their own. What kills or misuses a server starts its own. Without a
// server a test is skipped, unless TOKENKEEP_REQUIRE_SERVERS is set.
package servertest

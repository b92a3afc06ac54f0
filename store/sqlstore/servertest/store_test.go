package servertest

import "testing"

func TestMariaDB(t *testing.T) { suite(t, mariadb) }

func TestPostgres(t *testing.T) { suite(t, postgres) }

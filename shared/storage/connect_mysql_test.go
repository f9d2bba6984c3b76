package storage

import (
	"log/slog"
	"slices"
	"testing"
	"time"
)

func TestHostsAreTriedInOrder(t *testing.T) {
	for _, c := range []struct {
		dsn   string
		hosts []string
	}{
		{"u:p@tcp(db-1:3306)/longtail", []string{"db-1:3306"}},
		{"u:p@tcp(db-1:3306,db-2:3307,db-3)/longtail?timeout=1s", []string{"db-1:3306", "db-2:3307", "db-3:3306"}},
		{"u:p@tcp([::1]:3306, [::2])/longtail", []string{"[::1]:3306", "[::2]:3306"}},
		{"u:p(x)@unix(/run/mysqld/s.sock)/longtail", []string{"/run/mysqld/s.sock"}},
	} {
		connector, err := newMySQLConnector(c.dsn, time.Minute, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("%s: %v", c.dsn, err)
			continue
		}
		if got := connector.(*mysqlConnector).names; !slices.Equal(got, c.hosts) {
			t.Errorf("%s: hosts %v, want %v", c.dsn, got, c.hosts)
		}
	}
	for _, dsn := range []string{"", "nonsense", "u:p@tcp(h:1/x", "u:p@tcp(h:1)/"} {
		if _, err := newMySQLConnector(dsn, time.Minute, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%q was taken for a DSN", dsn)
		}
	}
}

func TestSessionIsVerified(t *testing.T) {
	good := func() map[string]string {
		return map[string]string{
			"sql_mode": sessionMode, "time_zone": "+00:00", "innodb_lock_wait_timeout": "5", "autocommit": "ON",
			"tx_isolation": "READ-COMMITTED", "read_only": "OFF",
		}
	}
	if err := verifySession(good()); err != nil {
		t.Fatalf("a good session is refused: %v", err)
	}
	for setting, value := range map[string]string{
		"sql_mode": "", "time_zone": "SYSTEM", "innodb_lock_wait_timeout": "50", "autocommit": "OFF", "tx_isolation": "REPEATABLE-READ",
		"read_only": "ON", "innodb_read_only": "ON", "tx_read_only": "ON", "transaction_read_only": "ON",
	} {
		session := good()
		session[setting] = value
		if verifySession(session) == nil {
			t.Errorf("a session with %s=%q is accepted", setting, value)
		}
	}
}

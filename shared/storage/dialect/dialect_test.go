package dialect_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"

	"longtail/shared/storage/dialect"
)

func TestUpsertIsWrittenOnce(t *testing.T) {
	sets := []string{"prev = old.n", "n = old.n | new.n", "first = LEAST(old.first, new.first)"}
	for d, want := range map[*dialect.Dialect][2]string{
		dialect.NewMySQL(): {
			" AS n ON DUPLICATE KEY UPDATE t.prev=t.n, t.n=t.n | n.n, t.first=LEAST(t.first, n.first)",
			" ON DUPLICATE KEY UPDATE t.a=t.a",
		},
		dialect.NewMariaDB(): {
			" ON DUPLICATE KEY UPDATE t.prev=t.n, t.n=t.n | VALUES(n), t.first=LEAST(t.first, VALUES(first))",
			" ON DUPLICATE KEY UPDATE t.a=t.a",
		},
		dialect.NewSQLite(): {
			" ON CONFLICT (a, b) DO UPDATE SET prev=t.n, n=t.n | excluded.n, first=min(t.first, excluded.first)",
			" ON CONFLICT (a, b) DO NOTHING",
		},
	} {
		if got := d.Upsert("t", "a, b", sets...); got != want[0] {
			t.Errorf("%s: %q, want %q", d.Name, got, want[0])
		}
		if got := d.Ignore("t", "a, b"); got != want[1] {
			t.Errorf("%s: %q, want %q", d.Name, got, want[1])
		}
	}
}

func TestKindsOfErrors(t *testing.T) {
	d := dialect.NewMariaDB()
	for want, numbers := range map[dialect.Kind][]uint16{
		dialect.Duplicate:  {1062},
		dialect.Again:      {1213, 1205, 1020, 1053, 1927, 1290, 1615},
		dialect.Data:       {1366, 1406, 1264, 3819, 4025},
		dialect.Schema:     {1526, 1690, 1146, 1054},
		dialect.Unprepared: {1243, 1295, 1461},
		dialect.Other:      {1045, 1064, 1040},
	} {
		for _, n := range numbers {
			if got := d.Kind(fmt.Errorf("insert: %w", &mysql.MySQLError{Number: n})); got != want {
				t.Errorf("error %d is of kind %d, want %d", n, got, want)
			}
		}
	}
	for _, err := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, io.ErrUnexpectedEOF} {
		if d.Kind(err) != dialect.Again {
			t.Errorf("%v is no lost connection", err)
		}
	}
	if d.Kind(nil) != dialect.Other || d.Kind(errors.New("else")) != dialect.Other {
		t.Error("what is no error of the database has a kind")
	}
}
